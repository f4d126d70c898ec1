//! The table of routes against the router, the document and the guard.

use std::collections::BTreeSet;

use axum::http::Method;
use domain::{
    port::Session,
    user::{Permission, Role, User},
};
use serde_json::Value;

use crate::{
    guard::{Refused, judge},
    openapi,
    routes::{Need, Surface, table},
    tests::sample,
};

fn document() -> Value {
    openapi::document(&table(), "https://playgate.example.com/")
}

#[test]
fn every_api_route_is_documented_and_nothing_else_is() {
    let document = document();
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let routed: BTreeSet<(String, String)> = table()
        .iter()
        .filter(|route| route.surface == Surface::Api)
        .map(|route| (route.path.to_owned(), route.method.to_string()))
        .collect();
    assert_eq!(documented, routed);
    assert!(routed.len() > 25, "{}", routed.len());
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                found.push(reference.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_of_the_document_resolves_and_every_schema_has_a_lawful_name() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        let lawful = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(name.chars().all(lawful), "{name}");
    }
}

#[test]
fn operations_have_names_of_their_own_and_say_who_may() {
    let document = document();
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} twice");
            assert!(operation["security"].is_array(), "{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()));
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
            if operation["security"] != serde_json::json!([]) {
                for status in ["401", "403"] {
                    assert!(operation["responses"][status].is_object(), "{method} {path}");
                }
            }
        }
    }
    let filters = document["paths"]["/v1/approvals"]["get"]["parameters"].as_array().unwrap();
    let filters: Vec<&str> =
        filters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    for wanted in ["status", "assignee", "playbook", "action", "account", "sort", "cursor", "limit"]
    {
        assert!(filters.contains(&wanted), "{wanted}");
    }
}

fn session(role: Role, scope: Option<Vec<String>>) -> Session {
    let user = User { role, ..sample::user() };
    Session { user, scope, expires_at: sample::now() }
}

#[test]
fn every_role_gets_through_exactly_the_routes_its_permissions_open() {
    let mut refused = 0;
    for route in table() {
        assert_eq!(
            judge(route.need, None).is_ok(),
            route.need == Need::Public,
            "{} {}",
            route.method,
            route.path
        );
        for role in Role::ALL {
            let may = match route.need {
                Need::Public | Need::SignedIn => true,
                Need::May(permission) | Need::Signed(permission) => role.may(permission),
            };
            let judged = judge(route.need, Some(&session(*role, None)));
            assert_eq!(judged.is_ok(), may, "{role} {} {}", route.method, route.path);
            refused += usize::from(judged.is_err());
        }
    }
    assert!(refused > 50, "the matrix has no holes: {refused}");
}

#[test]
fn a_token_opens_no_more_than_its_scope() {
    let scoped = session(Role::Admin, Some(vec!["signal".to_owned()]));
    assert_eq!(judge(Need::Signed(Permission::Signal), Some(&scoped)), Ok(()));
    assert_eq!(
        judge(Need::May(Permission::Decide), Some(&scoped)),
        Err(Refused::NotPermitted(Permission::Decide))
    );
}

#[test]
fn only_a_few_known_routes_are_public() {
    let table = table();
    let public: Vec<(&Method, &str)> = table
        .iter()
        .filter(|route| route.need == Need::Public)
        .map(|route| (&route.method, route.path))
        .collect();
    assert_eq!(
        public,
        [
            (&Method::GET, "/healthz"),
            (&Method::GET, "/metrics"),
            (&Method::GET, "/openapi.json"),
            (&Method::GET, "/sign-in"),
            (&Method::GET, "/static/{name}"),
            (&Method::POST, "/sign-in"),
        ]
    );
}

#[test]
fn what_changes_something_asks_for_more_than_reading() {
    // That no GET changes state is shown by the type of its handlers' state; this is the reverse.
    for route in table().iter().filter(|route| route.method == Method::POST) {
        assert_ne!(route.need, Need::May(Permission::Read), "{}", route.path);
    }
}
