/// The API as an OpenAPI 3.1 document: what docs/api.md says, for programs.
enum OpenAPI {
    static let document = """
        {
        "openapi": "3.1.0",
        "info": {
          "title": "Cloister", "version": "\(evaluatorVersion)",
          "summary": "Runs functions, each call in a fresh, confined cell.",
          "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}
        },
        "servers": [{"url": "/"}],
        "paths": {\(paths), \(callPaths)},
        "components": {
          "parameters": {\(parameters)},
          "headers": {\(headers)},
          "responses": {\(responses)},
          "schemas": {\(schemas)}
        }
        }
        """

    private static let paths = #"""
        "/v1/functions": {
          "get": {
            "operationId": "listFunctions", "summary": "The newest version of each function, by name",
            "parameters": [{"$ref": "#/components/parameters/limit"}, {"$ref": "#/components/parameters/functionsCursor"}],
            "responses": {
              "200": {"description": "A page of functions", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/FunctionList"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "429": {"$ref": "#/components/responses/TryLater"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/functions/{name}": {
          "parameters": [{"$ref": "#/components/parameters/name"}],
          "get": {
            "operationId": "getFunction", "summary": "A function's newest version, or the one asked for",
            "parameters": [{"$ref": "#/components/parameters/version"}],
            "responses": {
              "200": {"description": "The function", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Function"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          },
          "put": {
            "operationId": "putFunction", "summary": "Register a version of a function",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/FunctionInput"}}}},
            "responses": {
              "200": {"description": "The newest version has the same content and settings", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Function"}}}},
              "201": {
                "description": "A new version", "headers": {"Location": {"required": true, "schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Function"}}}
              },
              "400": {"$ref": "#/components/responses/BadRequest"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          },
          "delete": {
            "operationId": "deleteFunction", "summary": "Remove a function with all its versions",
            "responses": {
              "204": {"description": "Removed"},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/functions/{name}/versions": {
          "parameters": [{"$ref": "#/components/parameters/name"}],
          "get": {
            "operationId": "listVersions", "summary": "A function's versions, newest first",
            "parameters": [{"$ref": "#/components/parameters/limit"}, {"$ref": "#/components/parameters/versionsCursor"}],
            "responses": {
              "200": {"description": "A page of versions", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/VersionList"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "429": {"$ref": "#/components/responses/TryLater"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/functions/{name}/invoke": {
          "parameters": [{"$ref": "#/components/parameters/name"}],
          "post": {
            "operationId": "invoke", "summary": "Run one call and answer with its result, or accept it to be run later",
            "parameters": [
              {"$ref": "#/components/parameters/version"},
              {"name": "Prefer", "in": "header", "description": "respond-async, continue-on-disconnect", "schema": {"type": "string"}},
              {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"}}
            ],
            "requestBody": {
              "description": "The event; an empty body is null", "required": false,
              "content": {"application/json": {"schema": {}}}
            },
            "responses": {
              "200": {
                "description": "Completed: the handler's result",
                "headers": {
                  "Cloister-Call-Id": {"$ref": "#/components/headers/CallId"},
                  "Cloister-Call-State": {"$ref": "#/components/headers/CallState"},
                  "Cloister-Run-Ms": {"$ref": "#/components/headers/RunMs"}
                },
                "content": {"application/json": {"schema": {}}}
              },
              "202": {"$ref": "#/components/responses/Accepted"},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
              "422": {"$ref": "#/components/responses/Problem"},
              "429": {"$ref": "#/components/responses/TryLater"},
              "499": {"$ref": "#/components/responses/CallProblem"},
              "502": {"$ref": "#/components/responses/CallProblem"},
              "503": {"$ref": "#/components/responses/TryLater"},
              "504": {"$ref": "#/components/responses/CallProblem"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/healthz": {
          "get": {
            "operationId": "health", "summary": "Whether the process serves",
            "responses": {
              "200": {"description": "It does", "content": {"application/json": {"schema": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}, "additionalProperties": false}}}},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/readyz": {
          "get": {
            "operationId": "readiness", "summary": "Whether every template can serve",
            "responses": {
              "200": {"description": "Ready", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}},
              "503": {"description": "Not ready", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/openapi.json": {
          "get": {
            "operationId": "openAPI", "summary": "This document",
            "responses": {
              "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        }
        """#

    private static let parameters = #"""
        "name": {"name": "name", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Name"}},
        "id": {"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/CallId"}},
        "version": {"name": "version", "in": "query", "description": "The newest when left out", "schema": {"type": "integer", "minimum": 1, "maximum": 9223372036854775807}},
        "limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
        "functionsCursor": {"name": "cursor", "in": "query", "description": "The nextCursor of the page before", "schema": {"type": "string", "pattern": "^f\\.([a-z]{2,4}(-[a-z]{2,10}){1,2}-[0-9]\\.)?[A-Za-z0-9_-]{1,64}$"}},
        "versionsCursor": {"name": "cursor", "in": "query", "description": "The nextCursor of the page before", "schema": {"type": "string", "pattern": "^v\\.[1-9][0-9]{0,17}$"}},
        "callsCursor": {"name": "cursor", "in": "query", "description": "The nextCursor of the page before", "schema": {"type": "string", "pattern": "^c\\.[0-9A-HJKMNP-TV-Z]{26}$"}},
        "linesCursor": {"name": "cursor", "in": "query", "description": "The nextCursor of the page before", "schema": {"type": "string", "pattern": "^l\\.[0-9A-HJKMNP-TV-Z]{26}-[A-J]\\.[0-9]{1,5}$"}},
        "wait": {"name": "wait", "in": "query", "description": "Answer as soon as the call has ended, or after this time: 30s or 500ms, at most 60s", "schema": {"type": "string", "pattern": "^(0{0,4}([0-9]|[1-5][0-9]|60)s|0{0,1}([0-9]{1,4}|[1-5][0-9]{4}|60000)ms)$"}}
        """#

    private static let headers = #"""
        "CallId": {"required": true, "schema": {"$ref": "#/components/schemas/CallId"}},
        "CallState": {"required": true, "schema": {"$ref": "#/components/schemas/CallState"}},
        "RunMs": {"required": true, "description": "From handing the call to a cell until its answer", "schema": {"type": "number", "minimum": 0}},
        "RetryAfter": {"required": true, "description": "Seconds", "schema": {"type": "integer", "minimum": 1}}
        """#

    private static let responses = #"""
        "Accepted": {
          "description": "The call is on the disk and will run",
          "headers": {
            "Location": {"required": true, "schema": {"type": "string"}},
            "Preference-Applied": {"required": true, "schema": {"const": "respond-async"}},
            "Cloister-Call-Id": {"$ref": "#/components/headers/CallId"},
            "Cloister-Call-State": {"$ref": "#/components/headers/CallState"}
          },
          "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Call"}}}
        },
        "Problem": {"description": "A problem", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        "BadRequest": {"description": "The request is wrong: bad-request, invalid-function or invalid-bundle", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        "NotFound": {"description": "There is no such thing", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        "TooLarge": {"description": "The body is too large", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        "UnsupportedMediaType": {"description": "The body is not JSON by its type", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
        "TryLater": {
          "description": "The request was not taken: queue-full, function-paused, too-many-reads, not-ready or shutting-down",
          "headers": {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}},
          "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        },
        "CallProblem": {
          "description": "The call did not complete",
          "headers": {
            "Cloister-Call-Id": {"$ref": "#/components/headers/CallId"},
            "Cloister-Call-State": {"$ref": "#/components/headers/CallState"},
            "Cloister-Run-Ms": {"$ref": "#/components/headers/RunMs"}
          },
          "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/CallProblem"}}}
        }
        """#
}
