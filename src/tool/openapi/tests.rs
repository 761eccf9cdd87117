use serde_json::json;

use super::*;
use crate::tool::testing::{self, Peer};

const PETS: &str = r##"
openapi: 3.0.3
info: {title: Pets, version: "1"}
servers: [{url: "{root}/v1", variables: {root: {default: ROOT}}}]
paths:
  /pets:
    parameters:
      - {name: trace, in: header, schema: {type: string}}
    get:
      operationId: listPets
      summary: Lists pets.
      parameters:
        - {name: limit, in: query, description: How many., schema: {type: integer, minimum: 0, exclusiveMinimum: true}}
        - {name: tags, in: query, schema: {type: array, items: {type: string}}}
        - {name: ids, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: filter, in: query, style: deepObject, schema: {type: object}}
        - {name: Authorization, in: header, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
    post:
      operationId: createPet
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
  /pets/{petId}:
    get:
      parameters: [{$ref: "#/components/parameters/petId"}]
    put:
      operationId: renamePet
      parameters: [{$ref: "#/components/parameters/petId"}]
      requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object, properties: {name: {type: string}}}}}}
  /pets/{petId}/photo:
    post:
      operationId: uploadPhoto
      requestBody: {required: true, content: {image/png: {}}}
components:
  parameters:
    petId: {name: petId, in: path, required: true, schema: {type: string}}
  schemas:
    Pet:
      type: object
      required: [name]
      properties:
        name: {type: string, example: Rex}
        nick: {type: string, nullable: true}
        parent: {$ref: "#/components/schemas/Pet"}
        lost: {$ref: "#/components/schemas/Nowhere"}
        elsewhere: {$ref: "http://127.0.0.1:1/x.json"}
"##;

async fn load(text: &str, settings: Value) -> Result<Vec<crate::domain::ToolSpec>, OpenapiError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("spec.yaml"), text).unwrap();
    let mut settings = settings;
    settings["spec"] = json!("spec.yaml");
    let source =
        Source::new(&serde_json::from_value(settings).unwrap(), folder.path(), testing::deps(folder.path(), &[]).http);
    Ok(source.tools().await?.iter().map(|tool| tool.spec().clone()).collect())
}

async fn error(text: &str, settings: Value) -> String {
    let error = load(text, settings).await.unwrap_err().to_string();
    let folder = error.split('`').find(|part| part.ends_with("/spec.yaml")).unwrap().trim_end_matches("spec.yaml");
    error.replace(folder, "")
}

#[tokio::test]
async fn operations_become_tools() {
    let specs = load(&PETS.replace("ROOT", "https://pets.example"), json!({})).await.unwrap();
    insta::assert_json_snapshot!(specs, @r#"
    [
      {
        "name": "listPets",
        "description": "Lists pets.",
        "parameters": {
          "type": "object",
          "properties": {
            "trace": {
              "type": "string"
            },
            "limit": {
              "type": "integer",
              "exclusiveMinimum": 0,
              "description": "How many."
            },
            "tags": {
              "type": "array",
              "items": {
                "type": "string"
              }
            },
            "ids": {
              "type": "array",
              "items": {
                "type": "integer"
              }
            },
            "filter": {
              "type": "object"
            }
          },
          "additionalProperties": false
        },
        "effect": "reads"
      },
      {
        "name": "createPet",
        "description": "POST /pets",
        "parameters": {
          "type": "object",
          "properties": {
            "trace": {
              "type": "string"
            },
            "body": {
              "type": "object",
              "required": [
                "name"
              ],
              "properties": {
                "name": {
                  "type": "string"
                },
                "nick": {
                  "type": [
                    "string",
                    "null"
                  ]
                },
                "parent": {},
                "lost": {},
                "elsewhere": {}
              }
            }
          },
          "required": [
            "body"
          ],
          "additionalProperties": false
        },
        "effect": "writes"
      },
      {
        "name": "get_pets_petId",
        "description": "GET /pets/{petId}",
        "parameters": {
          "type": "object",
          "properties": {
            "petId": {
              "type": "string"
            }
          },
          "required": [
            "petId"
          ],
          "additionalProperties": false
        },
        "effect": "reads"
      },
      {
        "name": "renamePet",
        "description": "PUT /pets/{petId}",
        "parameters": {
          "type": "object",
          "properties": {
            "petId": {
              "type": "string"
            },
            "body": {
              "type": "object",
              "properties": {
                "name": {
                  "type": "string"
                }
              }
            }
          },
          "required": [
            "petId"
          ],
          "additionalProperties": false
        },
        "effect": "writes"
      }
    ]
    "#);
}

#[tokio::test]
async fn requests_are_built_as_the_document_says() {
    let peer = Peer::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pets.yaml"), PETS).unwrap();
    let settings = json!({
        "spec": "pets.yaml",
        "base_url": peer.url("/echo/"),
        "headers": { "Authorization": "Bearer t" },
    });
    let http = testing::deps(folder.path(), &[]).http;
    let tools = Source::new(&serde_json::from_value(settings).unwrap(), folder.path(), http).tools().await.unwrap();
    let mut said = vec![];
    for (name, arguments) in [
        (
            "listPets",
            json!({ "limit": 2, "tags": ["a b", "c"], "ids": [1, 2], "filter": { "kind": "dog" }, "trace": "x" }),
        ),
        ("createPet", json!({ "body": { "name": "Rex" } })),
        ("get_pets_petId", json!({ "petId": "a/b" })),
        ("renamePet", json!({ "petId": "7", "body": { "name": "R & B" } })),
        ("get_pets_petId", json!({ "petId": ".." })),
    ] {
        let tool = tools.iter().find(|tool| tool.spec().name == name).unwrap();
        said.push(match tool.call(arguments, &testing::cx()).await {
            Ok(result) => testing::text(&result),
            Err(error) => error.to_string(),
        });
    }
    insta::assert_snapshot!(said.join("\n---\n"), @r#"
    GET /echo/pets?limit=2&tags=a+b&tags=c&ids=1%2C2&filter%5Bkind%5D=dog
    authorization: Bearer t

    ---
    POST /echo/pets
    authorization: Bearer t
    content-type: application/json
    {"name":"Rex"}
    ---
    GET /echo/pets/a%2Fb
    authorization: Bearer t

    ---
    PUT /echo/pets/7
    authorization: Bearer t
    content-type: application/x-www-form-urlencoded
    name=R+%26+B
    ---
    invalid arguments: `petId` may not be `..`, for it is part of a path
    "#);
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told() {
    insta::assert_snapshot!(error("swagger: '2.0'", json!({})).await, @"`spec.yaml` is not an OpenAPI 3 document: it is Swagger 2.0");
    insta::assert_snapshot!(error("hello: [", json!({})).await, @"could not understand the OpenAPI document `spec.yaml`: error: line 1 column 8: unclosed bracket '['");
    insta::assert_snapshot!(error("{\"openapi\": 3", json!({})).await, @"could not understand the OpenAPI document `spec.yaml`: EOF while parsing an object at line 1 column 13");
    insta::assert_snapshot!(error(PETS, json!({})).await, @"the OpenAPI document `spec.yaml` names no server; give a `base_url`");
    let base = "https://pets.example";
    insta::assert_snapshot!(error(PETS, json!({ "base_url": base, "include": ["listPet"] })).await, @"the OpenAPI document `spec.yaml` has no operation `listPet`; did you mean `listPets`?");
    insta::assert_snapshot!(error(PETS, json!({ "base_url": base, "include": ["uploadPhoto"] })).await, @"the operation `uploadPhoto` of `spec.yaml` cannot be a tool: its body is image/png");
    insta::assert_snapshot!(error(PETS, json!({ "base_url": "ftp://x" })).await, @"`ftp://x`, the base URL of `spec.yaml`, is not an http or https address");
    let one = load(PETS, json!({ "base_url": base, "include": ["createPet"] })).await.unwrap();
    assert_eq!(one.len(), 1);
}

#[tokio::test]
async fn a_document_comes_from_a_url_too() {
    let text = PETS.replace("{root}/v1", "/echo");
    let peer = Peer::serving(axum::Router::new().route("/spec", axum::routing::get(|| async { text }))).await;
    let folder = tempfile::tempdir().unwrap();
    let http = testing::deps(folder.path(), &[]).http;
    let settings = serde_json::from_value(json!({ "spec": peer.url("/spec"), "include": ["listPets"] })).unwrap();
    let tools = Source::new(&settings, folder.path(), Arc::clone(&http)).tools().await.unwrap();
    let result = tools[0].call(json!({}), &testing::cx()).await.unwrap();
    assert_eq!(testing::text(&result), "GET /echo/pets\n");
    let settings = serde_json::from_value(json!({ "spec": peer.url("/status/404") })).unwrap();
    let error = Source::new(&settings, folder.path(), http).tools().await.err().unwrap();
    assert!(error.is_passing());
    insta::assert_snapshot!(peer.redact(&error.to_string()), @"could not fetch the OpenAPI document `http://[PEER]/status/404`: HTTP 404 Not Found");
}

#[tokio::test]
async fn a_schema_that_doubles_at_each_level_stays_small() {
    let mut schemas = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({ "$ref": format!("#/components/schemas/s{}", level + 1) });
        schemas.insert(format!("s{level}"), json!({ "type": "object", "properties": { "a": next, "b": next } }));
    }
    let document = json!({
        "openapi": "3.1.0",
        "paths": { "/x": { "post": { "requestBody": { "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/s0" } } } } } } },
        "components": { "schemas": schemas },
    });
    let specs = load(&document.to_string(), json!({ "base_url": "https://x.example" })).await.unwrap();
    assert!(specs[0].parameters.to_string().len() < 400_000);
}
