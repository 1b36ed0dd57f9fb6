extension OpenAPI {
    static let schemas = #"""
        "Name": {"type": "string", "pattern": "^([a-z]{2,4}(-[a-z]{2,10}){1,2}-[0-9]\\.)?[A-Za-z0-9_-]{1,64}$"},
        "Isolation": {"type": "string", "enum": ["call", "snapshot", "reuse"], "default": "call"},
        "Runtime": {"type": "string", "enum": ["python", "javascript"]},
        "Handler": {
          "type": "string", "maxLength": 256, "default": "index.handler",
          "pattern": "^[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_][A-Za-z0-9_-]*)*(\\.[A-Za-z_$][A-Za-z0-9_$]*)+$"
        },
        "Time": {"type": "string", "format": "date-time"},
        "Instant": {"type": "string", "format": "date-time", "pattern": "([Zz]|[+-](0[0-9]|1[0-7]):[0-5][0-9])$"},
        "Milliseconds": {"type": "number", "minimum": 0},
        "Environment": {
          "type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
          "additionalProperties": {"type": "string", "pattern": "^[^\\u0000]*$"}
        },
        "Async": {
          "type": "object", "additionalProperties": false,
          "properties": {
            "attempts": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
            "backoffMs": {"type": "integer", "minimum": 10, "maximum": 300000, "default": 1000},
            "retryOn": {"type": "array", "items": {"$ref": "#/components/schemas/CallCause"}},
            "maxAgeMs": {"type": "integer", "minimum": 1000, "maximum": 604800000, "default": 21600000},
            "onSuccess": {"type": "string", "format": "uri"},
            "onFailure": {"type": "string", "format": "uri"}
          }
        },
        "AsyncInput": {
          "type": "object", "additionalProperties": false,
          "properties": {
            "attempts": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
            "backoffMs": {"type": "integer", "minimum": 10, "maximum": 300000, "default": 1000},
            "retryOn": {"type": "array", "items": {"$ref": "#/components/schemas/RetriedCause"}},
            "maxAgeMs": {"type": "integer", "minimum": 1000, "maximum": 604800000, "default": 21600000},
            "onSuccess": {"type": "string", "format": "uri", "description": "At a host that the setting webhookHosts names"},
            "onFailure": {"type": "string", "format": "uri", "description": "As onSuccess"},
            "webhookSecret": {"type": ["string", "null"], "description": "Only with onSuccess or onFailure", "pattern": "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"}
          }
        },
        "FunctionInput": {
          "type": "object", "required": ["runtime"], "additionalProperties": false,
          "oneOf": [{"required": ["code"]}, {"required": ["zip"]}],
          "if": {"properties": {"runtime": {"const": "python"}}},
          "then": {"properties": {"handler": {"pattern": "^[^.$]+\\.[^.$]+$"}}},
          "properties": {
            "runtime": {"$ref": "#/components/schemas/Runtime"},
            "handler": {"$ref": "#/components/schemas/Handler"},
            "code": {"type": "string", "description": "One source text, stored as the handler's file"},
            "zip": {"type": "string", "format": "zip", "contentEncoding": "base64", "contentMediaType": "application/zip", "description": "A zip archive"},
            "timeoutMs": {"type": "integer", "minimum": 1, "maximum": 900000, "default": 3000},
            "memoryMB": {"type": "integer", "minimum": 32, "maximum": 10240, "default": 128},
            "tmpMB": {"type": "integer", "minimum": 1, "maximum": 10240, "default": 16},
            "env": {"$ref": "#/components/schemas/Environment"},
            "secretEnv": {
              "type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
              "additionalProperties": {"type": ["string", "null"], "minLength": 8, "pattern": "^[^\\u0000]*$"}
            },
            "concurrency": {"type": "integer", "minimum": 1, "maximum": 4096},
            "async": {"$ref": "#/components/schemas/AsyncInput"},
            "isolation": {"$ref": "#/components/schemas/Isolation"},
            "description": {"type": "string", "maxLength": 1024, "pattern": "^[^\\u0000]*$"}
          }
        },
        "Function": {
          "type": "object", "additionalProperties": false,
          "required": ["name", "version", "runtime", "handler", "codeSha256", "codeBytes", "timeoutMs", "memoryMB", "tmpMB", "isolation", "createdAt"],
          "properties": {
            "name": {"$ref": "#/components/schemas/Name"},
            "version": {"type": "integer", "minimum": 1},
            "runtime": {"$ref": "#/components/schemas/Runtime"},
            "handler": {"$ref": "#/components/schemas/Handler"},
            "codeSha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "codeBytes": {"type": "integer", "minimum": 0},
            "timeoutMs": {"type": "integer", "minimum": 1, "maximum": 900000},
            "memoryMB": {"type": "integer", "minimum": 32, "maximum": 10240},
            "tmpMB": {"type": "integer", "minimum": 1, "maximum": 10240},
            "env": {"$ref": "#/components/schemas/Environment"},
            "secretEnv": {"type": "array", "items": {"type": "string"}},
            "concurrency": {"type": "integer", "minimum": 1, "maximum": 4096},
            "async": {"$ref": "#/components/schemas/Async"},
            "isolation": {"$ref": "#/components/schemas/Isolation"},
            "description": {"type": "string"},
            "createdAt": {"$ref": "#/components/schemas/Time"},
            "failing": {
              "type": "object", "required": ["calls", "since", "cause"], "additionalProperties": false,
              "properties": {
                "calls": {"type": "integer", "minimum": 1},
                "since": {"$ref": "#/components/schemas/Time"},
                "cause": {"$ref": "#/components/schemas/CallCause"}
              }
            }
          }
        },
        "FunctionList": {
          "type": "object", "required": ["functions"], "additionalProperties": false,
          "properties": {
            "functions": {"type": "array", "items": {"$ref": "#/components/schemas/Function"}},
            "nextCursor": {"type": "string"}
          }
        },
        "VersionList": {
          "type": "object", "required": ["versions"], "additionalProperties": false,
          "properties": {
            "versions": {"type": "array", "items": {"$ref": "#/components/schemas/Function"}},
            "nextCursor": {"type": "string"}
          }
        },
        "CallId": {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{26}$"},
        "CallState": {"type": "string", "enum": ["queued", "running", "completed", "failed", "timed_out", "cancelled"]},
        "RetriedCause": {
          "type": "string",
          "enum": ["handler_error", "init_error", "out_of_memory", "cpu_limit", "wall_timeout", "crashed", "exited", "response_too_large", "response_invalid", "template_lost", "evaluator_lost"]
        },
        "CallCause": {
          "type": "string",
          "enum": ["handler_error", "init_error", "out_of_memory", "cpu_limit", "wall_timeout", "crashed", "exited", "response_too_large", "response_invalid", "cancelled", "expired", "template_lost", "evaluator_lost"]
        },
        "Call": {
          "type": "object", "additionalProperties": false,
          "required": ["id", "function", "version", "runtime", "state", "queuedAt", "bytesIn", "limits"],
          "properties": {
            "id": {"$ref": "#/components/schemas/CallId"},
            "function": {"$ref": "#/components/schemas/Name"},
            "version": {"type": "integer", "minimum": 1},
            "runtime": {"$ref": "#/components/schemas/Runtime"},
            "state": {"$ref": "#/components/schemas/CallState"},
            "cause": {"$ref": "#/components/schemas/CallCause"},
            "message": {"type": "string"},
            "errorType": {"type": "string"},
            "stack": {"type": "array", "items": {"type": "string"}},
            "exitCode": {"type": "integer"},
            "signal": {"type": "string"},
            "blocked": {"type": "string", "description": "The first system call that was denied"},
            "queuedAt": {"$ref": "#/components/schemas/Time"},
            "startedAt": {"$ref": "#/components/schemas/Time"},
            "endedAt": {"$ref": "#/components/schemas/Time"},
            "queueMs": {"$ref": "#/components/schemas/Milliseconds"},
            "startMs": {"$ref": "#/components/schemas/Milliseconds"},
            "initMs": {"$ref": "#/components/schemas/Milliseconds"},
            "runMs": {"$ref": "#/components/schemas/Milliseconds"},
            "cpuMs": {"$ref": "#/components/schemas/Milliseconds"},
            "peakMemoryBytes": {"type": "integer", "minimum": 0},
            "bytesIn": {"type": "integer", "minimum": 0},
            "bytesOut": {"type": "integer", "minimum": 0},
            "logBytes": {"type": "integer", "minimum": 0},
            "logTruncated": {"type": "boolean"},
            "limits": {
              "type": "object", "required": ["timeoutMs", "memoryMB", "tmpMB"], "additionalProperties": false,
              "properties": {"timeoutMs": {"type": "integer"}, "memoryMB": {"type": "integer"}, "tmpMB": {"type": "integer"}}
            },
            "template": {"type": "string"},
            "async": {"const": true},
            "attempt": {"type": "integer", "minimum": 0},
            "maxAttempts": {"type": "integer", "minimum": 1},
            "attempts": {"type": "array", "items": {"$ref": "#/components/schemas/Attempt"}},
            "nextAttemptAt": {"$ref": "#/components/schemas/Time"},
            "waiting": {
              "type": "object", "required": ["reason", "place", "message"], "additionalProperties": false,
              "properties": {
                "reason": {"type": "string", "enum": ["slots", "concurrency", "cell", "template", "turn", "retry"]},
                "place": {"type": "integer", "minimum": 1},
                "message": {"type": "string"}
              }
            },
            "dead": {"const": true},
            "replayOf": {"$ref": "#/components/schemas/CallId"},
            "replayedAs": {"$ref": "#/components/schemas/CallId"},
            "webhook": {
              "type": "object", "required": ["state", "attempts"], "additionalProperties": false,
              "properties": {
                "state": {"type": "string", "enum": ["pending", "delivered", "failed"]},
                "attempts": {"type": "integer", "minimum": 0},
                "lastError": {"type": "string"}
              }
            }
          }
        },
        "Attempt": {
          "type": "object", "required": ["attempt", "state", "endedAt"], "additionalProperties": false,
          "properties": {
            "attempt": {"type": "integer", "minimum": 1},
            "state": {"$ref": "#/components/schemas/CallState"},
            "cause": {"$ref": "#/components/schemas/CallCause"},
            "message": {"type": "string"},
            "startedAt": {"$ref": "#/components/schemas/Time"},
            "endedAt": {"$ref": "#/components/schemas/Time"}
          }
        },
        "CallList": {
          "type": "object", "required": ["calls"], "additionalProperties": false,
          "properties": {
            "calls": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}},
            "nextCursor": {"type": "string"}
          }
        },
        "LogLevel": {"type": "string", "enum": ["trace", "debug", "info", "warn", "error", "fatal"]},
        "Line": {
          "type": "object", "required": ["time", "call", "function", "stream", "text"], "additionalProperties": false,
          "properties": {
            "time": {"$ref": "#/components/schemas/Time"},
            "call": {"$ref": "#/components/schemas/CallId"},
            "function": {"$ref": "#/components/schemas/Name"},
            "attempt": {"type": "integer", "minimum": 2},
            "stream": {"type": "string", "enum": ["stdout", "stderr"]},
            "level": {"$ref": "#/components/schemas/LogLevel"},
            "text": {"type": "string"},
            "fields": {"type": "object"}
          }
        },
        "Log": {
          "type": "object", "required": ["lines", "truncated"], "additionalProperties": false,
          "properties": {
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
            "truncated": {"type": "boolean"}
          }
        },
        "LineList": {
          "type": "object", "required": ["lines"], "additionalProperties": false,
          "properties": {
            "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
            "nextCursor": {"type": "string"}
          }
        },
        "Readiness": {
          "type": "object", "required": ["ready", "version", "templates", "protections"], "additionalProperties": false,
          "properties": {
            "ready": {"type": "boolean"},
            "version": {"type": "string"},
            "templates": {
              "type": "array",
              "items": {
                "type": "object", "required": ["runtime", "state", "parked", "restarts"], "additionalProperties": false,
                "properties": {
                  "runtime": {"$ref": "#/components/schemas/Runtime"},
                  "state": {"type": "string", "enum": ["starting", "ready", "restarting", "failed", "stopped"]},
                  "interpreter": {"type": "string"},
                  "parked": {"type": "integer", "minimum": 0},
                  "restarts": {"type": "integer", "minimum": 0},
                  "detail": {"type": "string"}
                }
              }
            },
            "protections": {
              "type": "array",
              "items": {
                "type": "object", "required": ["name", "status"], "additionalProperties": false,
                "properties": {
                  "name": {"type": "string"},
                  "status": {"type": "string", "enum": ["enforced", "partial", "missing"]},
                  "how": {"type": "string"},
                  "advice": {"type": "string"}
                }
              }
            }
          }
        },
        "Problem": {
          "type": "object", "required": ["type", "title", "status", "detail"],
          "properties": {
            "type": {
              "type": "string",
              "pattern": "^https://cloister\\.invalid/problems/(bad-request|not-found|forbidden|method-not-allowed|payload-too-large|unsupported-media-type|request-timeout|overloaded|invalid-function|invalid-bundle|queue-full|function-paused|too-many-reads|not-ready|shutting-down|call-failed|call-timed-out|call-cancelled|call-ended|call-not-ended|not-replayable|idempotency-mismatch|storage-full|storage-unavailable|internal-error)$"
            },
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "field": {"type": "string", "description": "The field of the request body that it is about"}
          }
        },
        "CallProblem": {
          "allOf": [{"$ref": "#/components/schemas/Problem"}],
          "required": ["callId", "state", "cause", "message"],
          "properties": {
            "callId": {"$ref": "#/components/schemas/CallId"},
            "state": {"$ref": "#/components/schemas/CallState"},
            "cause": {"$ref": "#/components/schemas/CallCause"},
            "errorType": {"type": "string"},
            "message": {"type": "string"},
            "stack": {"type": "array", "items": {"type": "string"}},
            "exitCode": {"type": "integer"},
            "signal": {"type": "string"}
          }
        }
        """#
}
