//! Who gets in: tokens, sessions, one-time links, signatures; and who does not.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use domain::{
    port::Ledger as _,
    user::{Permission, Role},
};
use jiff::SignedDuration;
use serde_json::json;
use server::secret::{self, Kind};

use crate::world::World;

/// Every documented operation: method, path with a plausible id in it, what it needs.
fn operations() -> Vec<(String, String, Option<String>, bool)> {
    let document = server::openapi();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let kind = match path.split('/').nth(2) {
                Some("approvals") => "apv",
                Some("accounts") => "acc",
                Some("messages") => "msg",
                Some("tasks") => "tsk",
                _ => "run",
            };
            let id = format!("{kind}_{}", "0".repeat(32));
            let path = path.replace("{id}", &id).replace("{stream}", &id);
            let permission = operation["x-permission"].as_str().map(str::to_owned);
            let public = operation["security"] == json!([]);
            found.push((method.to_uppercase(), path, permission, public));
        }
    }
    assert!(found.len() > 25);
    found
}

fn request(method: &str, path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn without_credentials_everything_but_the_public_is_refused() {
    let world = World::new().await;
    for (method, path, _, public) in operations() {
        let answered = world.send(request(&method, &path, None)).await;
        if public {
            assert_eq!(answered.status, StatusCode::OK, "{method} {path}");
        } else {
            assert_eq!(answered.problem(), (401, "not-signed-in".to_owned()), "{method} {path}");
            assert_eq!(answered.header("www-authenticate"), "Bearer");
        }
    }
    for token in ["", "pgt_nonsense"] {
        let answered = world.send(request("GET", "/v1/me", Some(token))).await;
        assert_eq!(answered.problem().0, 401);
    }
}

#[tokio::test]
async fn each_role_opens_exactly_the_routes_of_its_permissions() {
    let world = World::new().await;
    for role in Role::ALL {
        let token = world.token(role.as_str(), *role).await;
        for (method, path, permission, _) in operations() {
            let may = permission.is_none_or(|word| {
                let all = [
                    Permission::Read,
                    Permission::Decide,
                    Permission::Operate,
                    Permission::Kill,
                    Permission::Audit,
                    Permission::Signal,
                    Permission::Administer,
                    Permission::Inspect,
                    Permission::Erase,
                ];
                all.into_iter()
                    .find(|each| serde_json::to_value(each).unwrap() == *word)
                    .is_some_and(|permission| role.may(permission))
            });
            let answered = world.send(request(&method, &path, Some(&token))).await;
            if may {
                let status = answered.status.as_u16();
                assert!(!matches!(status, 401 | 403 | 500..), "{role} {method} {path}: {status}");
            } else {
                assert_eq!(
                    answered.problem(),
                    (403, "not-permitted".to_owned()),
                    "{role} {method} {path}"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_get_changes_anything() {
    let world = World::new().await;
    let token = world.token("Root", Role::Admin).await;
    let approval = world.draft(&token).await;
    let before = world.written();
    let mut paths: Vec<String> = operations()
        .into_iter()
        .filter(|(method, ..)| method == "GET")
        .map(|(_, path, ..)| path)
        .collect();
    for path in ["/", "/tasks", "/runs", "/accounts", "/outbox", "/playbooks", "/stop", "/audit"] {
        paths.push(path.to_owned());
    }
    paths.push(format!("/approvals/{approval}"));
    paths.push(format!("/accounts/{}", world.account().await));
    paths.push("/sign-in?link=pgl_x".to_owned());
    for path in paths {
        for method in ["GET", "HEAD"] {
            let answered = world.send(request(method, &path, Some(&token))).await;
            assert!(answered.status.as_u16() < 500, "{path}: {}", answered.text);
        }
    }
    assert_eq!(world.written(), before);
}

#[tokio::test]
async fn gv_34_a_link_signs_in_once_and_only_by_the_button() {
    let world = World::at("https://playgate.example.com").await;
    let user = world.person("Maria", Role::Csm).await;
    let link = world.secret(Kind::Link, user.id, None).await;
    let before = world.written();
    for _ in 0..3 {
        let page = world.open("", &format!("/sign-in?link={link}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains(&link) && page.text.contains("method=\"post\""));
        assert_eq!(page.header("set-cookie"), "");
    }
    assert_eq!(world.written(), before, "a scanner that follows the link does no harm");

    let signed = world.press("", "/sign-in", &format!("link={link}")).await;
    assert_eq!(signed.status, StatusCode::SEE_OTHER);
    let cookie = signed.header("set-cookie").to_owned();
    for part in ["__Host-playgate=pgs_", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let today = world.open(cookie, "/").await;
    assert_eq!(today.status, StatusCode::OK);
    assert!(today.text.contains("Maria"));
    let signed_in = world.store.recent(5).await.unwrap();
    assert!(signed_in.iter().any(|event| event.data.contains("signed_in")));

    let again = world.press("", "/sign-in", &format!("link={link}")).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    assert!(again.text.contains("used already or has expired"));
    assert_eq!(again.header("set-cookie"), "");

    let out = world.press(cookie, "/sign-out", "").await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let gone = world.open(cookie, "/").await;
    assert_eq!((gone.status, gone.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_whatever_happens() {
    let world = World::new().await;
    let user = world.person("Maria", Role::Csm).await;
    let cookie = world.sign_in(user.id).await;
    world.clock.pass(SignedDuration::from_hours(11));
    assert_eq!(world.open(&cookie, "/").await.status, StatusCode::OK);
    world.clock.pass(SignedDuration::from_hours(2));
    assert_eq!(world.open(&cookie, "/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_cookie_is_no_api_token_and_a_token_no_cookie() {
    let world = World::new().await;
    let user = world.person("Maria", Role::Csm).await;
    let cookie = world.sign_in(user.id).await;
    let session = cookie.split_once('=').unwrap().1;
    assert_eq!(world.get(session, "/v1/me").await.status, StatusCode::UNAUTHORIZED);
    let token = world.secret(Kind::Token, user.id, None).await;
    let answered = world.open(&format!("playgate={token}"), "/").await;
    assert_eq!(answered.status, StatusCode::SEE_OTHER);
    let link = world.secret(Kind::Link, user.id, None).await;
    assert_eq!(world.get(&link, "/v1/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_sites_page_cannot_act_with_a_persons_cookie() {
    let world = World::new().await;
    let user = world.person("Maria", Role::CsmManager).await;
    let cookie = world.sign_in(user.id).await;
    let before = world.written();
    let attempt = |path: &str, name: &'static str, value: &str, kind: &str, body: &str| {
        let request = Request::post(path)
            .header(header::COOKIE, &cookie)
            .header(header::HOST, "127.0.0.1:8080")
            .header(name, value)
            .header(header::CONTENT_TYPE, kind);
        request.body(Body::from(body.to_owned())).unwrap()
    };
    let form = "application/x-www-form-urlencoded";
    let stop = "scope=all&reason=x&confirm=stop";
    let kill = r#"{"scope":"all","reason":"x"}"#;
    for request in [
        attempt("/stop", "sec-fetch-site", "cross-site", form, stop),
        attempt("/stop", "sec-fetch-site", "same-site", form, stop),
        attempt("/stop", "origin", "https://evil.example", form, stop),
        attempt("/stop", "origin", "null", form, stop),
        attempt("/v1/kills", "origin", "https://evil.example", "application/json", kill),
        // Silence is no proof for the API: programs have tokens.
        attempt("/v1/kills", "x-nothing", "", "application/json", kill),
    ] {
        let answered = world.send(request).await;
        assert_eq!(answered.problem(), (403, "cross-origin".to_owned()));
    }
    assert_eq!(world.written(), before);
    let ours = attempt("/v1/kills", "sec-fetch-site", "same-origin", "application/json", kill);
    assert_eq!(world.send(ours).await.status, StatusCode::OK);
    // Over plain http to another name of this host, browsers send the origin only.
    let ours = attempt("/v1/kills", "origin", "http://127.0.0.1:8080", "application/json", kill);
    assert_eq!(world.send(ours).await.status, StatusCode::OK);
}

#[tokio::test]
async fn sign_in_attempts_run_out() {
    let world = World::new().await;
    let mut statuses = Vec::new();
    for _ in 0..11 {
        statuses.push(world.press("", "/sign-in", "link=pgl_guess").await.status);
    }
    assert!(statuses[..10].iter().all(|status| *status == StatusCode::FORBIDDEN));
    assert_eq!(statuses[10], StatusCode::TOO_MANY_REQUESTS);
}

fn event(id: &str, subject: &str) -> String {
    json!({
        "specversion": "1.0", "id": id, "source": "helpdesk", "type": "ticket.opened",
        "subject": subject, "data": { "priority": "p1" },
    })
    .to_string()
}

fn signal(name: &'static str, value: &str, kind: &str, body: &str) -> Request<Body> {
    Request::post("/v1/signals")
        .header(name, value)
        .header("webhook-id", "wh_1")
        .header("webhook-timestamp", "1795331400")
        .header(header::CONTENT_TYPE, kind)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn signals_come_in_by_signature_or_token_once_each() {
    const KIND: &str = "application/cloudevents+json";
    let world = World::new().await;
    let body = event("e1", "Northwind");
    let good = secret::hash(&format!("wh_1.{body}"));
    let first = world.send(signal("webhook-signature", &good, KIND, &body)).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    assert_eq!(first.json()["new"].as_array().unwrap().len(), 1);

    let ops = world.person("Olga", Role::CsOps).await;
    let scope = ["signal".to_owned()];
    let token = world.secret(Kind::Token, ops.id, Some(&scope)).await;
    let bearer = format!("Bearer {token}");
    let again = world.send(signal("authorization", &bearer, KIND, &body)).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_eq!(again.json(), json!({ "new": [], "known": ["e1"] }));
    assert_eq!(world.get(&token, "/v1/runs").await.problem().1, "not-permitted");

    let changed =
        world.send(signal("webhook-signature", &good, KIND, &event("e2", "Northwind"))).await;
    assert_eq!(changed.problem(), (401, "bad-signature".to_owned()));
    let nobody = world.send(signal("x-nothing", "", KIND, &body)).await;
    assert_eq!(nobody.problem().0, 401);
    let text = world.send(signal("authorization", &bearer, "text/plain", &body)).await;
    assert_eq!(text.problem(), (415, "unsupported-media-type".to_owned()));
    let stranger = world.send(signal("authorization", &bearer, KIND, &event("e3", "Nobody"))).await;
    assert_eq!(stranger.problem(), (422, "invalid-field".to_owned()));
    assert_eq!(stranger.json()["field"], "subject");
    let huge = "x".repeat(1024 * 1024 + 1);
    for (name, value) in [("authorization", &bearer), ("webhook-signature", &good)] {
        let answered = world.send(signal(name, value, KIND, &huge)).await;
        assert_eq!(answered.problem(), (413, "body-too-large".to_owned()));
    }
}
