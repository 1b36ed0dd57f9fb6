extension OpenAPI {
    static let schemas = #"""
        "Name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"},
        "Runtime": {"type": "string", "enum": ["python", "javascript"]},
        "Handler": {
          "type": "string", "maxLength": 256, "default": "index.handler",
          "pattern": "^[A-Za-z0-9_][A-Za-z0-9_-]*(/[A-Za-z0-9_][A-Za-z0-9_-]*)*\\.[A-Za-z_$][A-Za-z0-9_$]*$"
        },
        "Time": {"type": "string", "format": "date-time"},
        "Milliseconds": {"type": "number", "minimum": 0},
        "Environment": {
          "type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
          "additionalProperties": {"type": "string"}
        },
        "FunctionInput": {
          "type": "object", "required": ["runtime"], "additionalProperties": false,
          "oneOf": [{"required": ["code"]}, {"required": ["zip"]}],
          "properties": {
            "runtime": {"$ref": "#/components/schemas/Runtime"},
            "handler": {"$ref": "#/components/schemas/Handler"},
            "code": {"type": "string", "description": "One source text, stored as the handler's file"},
            "zip": {"type": "string", "contentEncoding": "base64", "description": "A zip bundle"},
            "timeoutMs": {"type": "integer", "minimum": 1, "maximum": 900000, "default": 3000},
            "memoryMB": {"type": "integer", "minimum": 32, "maximum": 10240, "default": 128},
            "tmpMB": {"type": "integer", "minimum": 1, "maximum": 10240, "default": 16},
            "env": {"$ref": "#/components/schemas/Environment"},
            "description": {"type": "string", "maxLength": 1024}
          }
        },
        "Function": {
          "type": "object", "additionalProperties": false,
          "required": ["name", "version", "runtime", "handler", "codeSha256", "codeBytes", "timeoutMs", "memoryMB", "tmpMB", "createdAt"],
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
            "description": {"type": "string"},
            "createdAt": {"$ref": "#/components/schemas/Time"}
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
        "CallCause": {
          "type": "string",
          "enum": ["handler_error", "init_error", "out_of_memory", "cpu_limit", "wall_timeout", "crashed", "exited", "response_too_large", "response_invalid", "cancelled", "template_lost", "evaluator_lost"]
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
            "template": {"type": "string"}
          }
        },
        "CallList": {
          "type": "object", "required": ["calls"], "additionalProperties": false,
          "properties": {
            "calls": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}},
            "nextCursor": {"type": "string"}
          }
        },
        "Log": {
          "type": "object", "required": ["lines", "truncated"], "additionalProperties": false,
          "properties": {
            "lines": {
              "type": "array",
              "items": {
                "type": "object", "required": ["time", "stream", "text"], "additionalProperties": false,
                "properties": {
                  "time": {"$ref": "#/components/schemas/Time"},
                  "stream": {"type": "string", "enum": ["stdout", "stderr"]},
                  "text": {"type": "string"}
                }
              }
            },
            "truncated": {"type": "boolean"}
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
              "pattern": "^https://cloister\\.invalid/problems/(bad-request|not-found|method-not-allowed|payload-too-large|unsupported-media-type|invalid-function|invalid-bundle|queue-full|not-ready|shutting-down|call-failed|call-timed-out|call-cancelled|call-ended|internal-error)$"
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
