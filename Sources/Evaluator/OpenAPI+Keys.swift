extension OpenAPI {
    static let keyPaths = #"""
        "/v1/keys": {
          "get": {
            "operationId": "listKeys", "summary": "The access keys of the Lambda API, without their secrets; on the evaluator's own machine only",
            "responses": {
              "200": {"description": "The keys", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/KeyList"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "403": {"$ref": "#/components/responses/Problem"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          },
          "post": {
            "operationId": "makeKey", "summary": "Make an access key; its secret is told this once",
            "requestBody": {
              "content": {"application/json": {"schema": {
                "type": "object", "additionalProperties": false,
                "properties": {"description": {"type": "string", "maxLength": 256}}
              }}}
            },
            "responses": {
              "201": {"description": "The key with its secret", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Key"}}}},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "403": {"$ref": "#/components/responses/Problem"},
              "413": {"$ref": "#/components/responses/TooLarge"},
              "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        },
        "/v1/keys/{id}": {
          "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
          "delete": {
            "operationId": "deleteKey", "summary": "Delete an access key",
            "responses": {
              "204": {"description": "It is gone"},
              "400": {"$ref": "#/components/responses/BadRequest"},
              "403": {"$ref": "#/components/responses/Problem"},
              "404": {"$ref": "#/components/responses/NotFound"},
              "default": {"$ref": "#/components/responses/Problem"}
            }
          }
        }
        """#

    static let keySchemas = #"""
        "Key": {
          "type": "object", "required": ["id", "description", "createdAt"], "additionalProperties": false,
          "properties": {
            "id": {"type": "string"}, "description": {"type": "string"},
            "createdAt": {"type": "string", "format": "date-time"}, "secret": {"type": "string"}
          }
        },
        "KeyList": {
          "type": "object", "required": ["keys"], "additionalProperties": false,
          "properties": {"keys": {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}}
        }
        """#
}
