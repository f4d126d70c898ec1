//! The OpenAPI 3.1 document, made from the table of routes.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    problem::Document,
    routes::{Answer, Need, Route, Surface},
};

/// The document for the JSON API; screens are not part of it.
pub(crate) fn document(table: &[Route], public_url: &str) -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths = Map::new();
    for route in table.iter().filter(|route| route.surface == Surface::Api) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(route, &mut schemas);
    }
    schemas.subschema_for::<Document>();
    let url = match public_url.trim_end_matches('/') {
        "" => "/",
        url => url,
    };
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Playgate",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "AI on Customer Success playbooks, with people in control of what is sent.",
        },
        "servers": [{ "url": url }],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "pgt_…" },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "playgate",
                    "description": "A browser's session; `__Host-playgate` over https. Only from \
                                    Playgate's own pages.",
                },
                "signature": {
                    "type": "apiKey", "in": "header", "name": "webhook-signature",
                    "description": "Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, with \
                                    `webhook-id` and `webhook-timestamp`.",
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in &route.answers {
        responses.insert(answer.status.to_string(), response(answer, schemas));
    }
    for (status, says) in usual(route) {
        responses.entry(status.to_string()).or_insert_with(|| problem(says));
    }
    let mut operation = json!({
        "operationId": name(route),
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": parameters(route, schemas),
        "responses": responses,
        "security": security(route.need),
    });
    if let Need::May(permission) | Need::Signed(permission) = route.need {
        operation["x-permission"] = serde_json::to_value(permission).unwrap_or_default();
    }
    if let Some((media, schema)) = route.request {
        operation["requestBody"] = json!({
            "required": true,
            "content": { media: { "schema": schema(schemas) } },
        });
    }
    operation
}

/// `POST /v1/approvals/{id}/approve` is `post_approvals_id_approve`.
fn name(route: &Route) -> String {
    let path = route.path.trim_start_matches("/v1").replace(['{', '}'], "");
    let path = path.trim_matches('/').replace(['/', '.'], "_");
    format!("{}_{path}", route.method.as_str().to_ascii_lowercase())
}

fn security(need: Need) -> Value {
    match need {
        Need::Public => json!([]),
        Need::SignedIn | Need::May(_) => json!([{ "token": [] }, { "session": [] }]),
        Need::Signed(_) => json!([{ "token": [] }, { "session": [] }, { "signature": [] }]),
    }
}

fn response(answer: &Answer, schemas: &mut SchemaGenerator) -> Value {
    match answer.schema {
        Some(schema) => json!({
            "description": answer.says,
            "content": { answer.media: { "schema": schema(schemas) } },
        }),
        None if answer.media == "application/problem+json" => problem(answer.says),
        None => json!({ "description": answer.says, "content": { answer.media: {} } }),
    }
}

fn problem(says: &str) -> Value {
    json!({
        "description": says,
        "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
        },
    })
}

/// Problems that follow from how a route is made.
fn usual(route: &Route) -> Vec<(u16, &'static str)> {
    let mut usual = Vec::new();
    if route.need != Need::Public {
        usual.push((401, "Not signed in"));
        usual.push((403, "Not permitted"));
        usual.push((500, "Something went wrong on our side"));
        usual.push((503, "The database does not answer at the moment"));
    }
    if route.path.contains('{') {
        usual.push((404, "There is no such thing"));
    }
    if route.path.contains('{') || route.query.is_some() || route.request.is_some() {
        usual.push((400, "A parameter or the body cannot be read"));
    }
    if route.request.is_some() {
        usual.push((413, "The body is too large"));
        usual.push((415, "The body's content type is not understood"));
        usual.push((422, "A field is unknown or its value makes no sense"));
    }
    usual
}

fn parameters(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut parameters = Vec::new();
    for segment in route.path.split('/').filter_map(|part| part.strip_prefix('{')) {
        let name = segment.trim_end_matches('}');
        parameters.push(json!({
            "name": name, "in": "path", "required": true, "schema": { "type": "string" },
        }));
    }
    if let Some(schema) = route.query {
        // Resolve the reference: a query's struct is a list of parameters, no body of its own.
        let reference = schema(schemas);
        let name = reference
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.rsplit('/').next())
            .map(str::to_owned);
        let Some(Value::Object(object)) =
            name.and_then(|name| schemas.definitions_mut().remove(&name))
        else {
            return Value::Array(parameters);
        };
        let properties = object.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let mut property = property.clone();
            let description =
                property.as_object_mut().and_then(|object| object.remove("description"));
            parameters.push(json!({
                "name": name, "in": "query", "required": false,
                "description": description, "schema": property,
            }));
        }
    }
    Value::Array(parameters)
}
