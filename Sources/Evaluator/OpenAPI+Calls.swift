extension OpenAPI {
    static let callPaths = #"""
        "/v1/calls": {
          "get": {
            "operationId": "listCalls", "summary": "The records of calls, newest first, without stacks",
            "parameters": [
              {"name": "function", "in": "query", "description": "Only calls of this function", "schema": {"type": "string"}},
              {"name": "state", "in": "query", "description": "Only calls in this state", "schema": {"$ref": "#/components/schemas/CallState"}},
              {"name": "dead", "in": "query", "description": "Only dead letters", "schema": {"type": "boolean"}},
              {"$ref": "#/components/parameters/limit"}, {"$ref": "#/components/parameters/callsCursor"}
            ],
            "responses": {
              "200": {"description": "A page of calls", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CallList"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "429": {"$ref": "#/components/responses/TryLater"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/calls/{id}": {
          "parameters": [{"$ref": "#/components/parameters/id"}],
          "get": {
            "operationId": "getCall", "summary": "The record of a call",
            "parameters": [{"$ref": "#/components/parameters/wait"}],
            "responses": {
              "200": {"description": "The record", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Call"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          },
          "delete": {
            "operationId": "cancelCall", "summary": "Cancel a call, queued or running",
            "responses": {
              "200": {"description": "The record, once its cell is gone", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Call"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "409": {"$ref": "#/components/responses/Problem"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/calls/{id}/logs": {
          "parameters": [{"$ref": "#/components/parameters/id"}],
          "get": {
            "operationId": "getLogs", "summary": "What a call printed",
            "responses": {
              "200": {"description": "The lines, in the order written", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Log"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "429": {"$ref": "#/components/responses/TryLater"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/calls/{id}/result": {
          "parameters": [{"$ref": "#/components/parameters/id"}],
          "get": {
            "operationId": "getResult", "summary": "What invoke would have answered",
            "parameters": [{"$ref": "#/components/parameters/wait"}],
            "responses": {
              "200": {"description": "Completed: the handler's result", "content": {"application/json": {"schema": {}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "409": {"$ref": "#/components/responses/Problem"},
              "499": {"$ref": "#/components/responses/CallProblem"},
              "502": {"$ref": "#/components/responses/CallProblem"},
              "504": {"$ref": "#/components/responses/CallProblem"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/calls/{id}/replay": {
          "parameters": [{"$ref": "#/components/parameters/id"}],
          "post": {
            "operationId": "replay", "summary": "Run a dead letter's event again as a new call",
            "responses": {
              "202": {"$ref": "#/components/responses/Accepted"},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "409": {"$ref": "#/components/responses/Problem"},
              "429": {"$ref": "#/components/responses/TryLater"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/logs": {
          "get": {
            "operationId": "searchLogs", "summary": "What calls printed, newest first; as server-sent events, what they print from now on",
            "parameters": [
              {"name": "function", "in": "query", "schema": {"type": "string"}},
              {"name": "call", "in": "query", "schema": {"type": "string"}},
              {"name": "level", "in": "query", "description": "This level or a graver one", "schema": {"$ref": "#/components/schemas/LogLevel"}},
              {"name": "text", "in": "query", "description": "Only lines that contain it, in any case", "schema": {"type": "string"}},
              {"name": "since", "in": "query", "schema": {"$ref": "#/components/schemas/Instant"}},
              {"name": "until", "in": "query", "schema": {"$ref": "#/components/schemas/Instant"}},
              {"$ref": "#/components/parameters/limit"}, {"$ref": "#/components/parameters/linesCursor"}
            ],
            "responses": {
              "200": {
                "description": "A page of lines, or events line, end and lost",
                "content": {
                  "application/json": {"schema": {"$ref": "#/components/schemas/LineList"}},
                  "text/event-stream": {"schema": {"type": "string"}}
                }
              },
              "400": {"$ref": "#/components/responses/BadRequest"},
              "429": {"$ref": "#/components/responses/TryLater"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        }
        """#
}
