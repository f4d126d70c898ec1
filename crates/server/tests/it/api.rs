//! The API's answers: decisions, lists, and what is wrong said with its name.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use domain::user::Role;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_draft_is_edited_approved_once_and_delivered() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let maria = world.token("Maria", Role::Csm).await;
    let ben = world.token("Ben", Role::CsmManager).await;
    let id = world.draft(&ops).await;
    let path = |what: &str| format!("/v1/approvals/{id}{what}");

    let queue = world.get(&maria, "/v1/approvals?status=waiting&action=send_email").await.json();
    assert_eq!(queue["total"], 1);
    assert_eq!(queue["items"][0]["account_name"], "Northwind");
    let shown = world.get(&maria, &path("")).await.json();
    assert!(shown["verdict"].as_str().unwrap().contains("a person reads it first"));
    let letter = &shown["versions"][0]["manuscript"]["letter"];
    assert_eq!(letter["recipient"]["address"], "ann@northwind.example");

    let first = world.binding(&maria, &id).await;
    let edit = json!({ "binding": first, "subject": "Hello", "body": "Dear Ann, all well?" });
    let edited = world.post(&maria, &path("/edit"), &edit).await;
    assert_eq!(edited.status, StatusCode::OK, "{}", edited.text);
    assert_eq!(edited.json()["versions"].as_array().unwrap().len(), 2);

    let stale = world.post(&maria, &path("/approve"), &json!({ "binding": first })).await;
    assert_eq!(stale.problem(), (409, "draft-changed".to_owned()));

    let second = world.binding(&maria, &id).await;
    let (approve, body) = (path("/approve"), json!({ "binding": second }));
    let (one, two) =
        tokio::join!(world.post(&maria, &approve, &body), world.post(&ben, &approve, &body));
    let (won, lost) = if one.status == StatusCode::OK { (&one, &two) } else { (&two, &one) };
    assert_eq!(won.status, StatusCode::OK, "{} {}", one.text, two.text);
    assert_eq!(lost.problem(), (409, "already-settled".to_owned()));
    let winner = if one.status == StatusCode::OK { "Maria" } else { "Ben" };
    assert_eq!(lost.json()["settled_by"], winner, "who, by name");
    assert_eq!(lost.json()["settled_at"], "2026-11-22T07:10:00Z", "when");
    assert!(lost.json()["detail"].as_str().unwrap().contains(winner));

    world.settle().await;
    let messages = world.get(&maria, "/v1/messages?status=delivered").await.json();
    assert_eq!(messages["total"], 1, "exactly one");
    let message = messages["items"][0]["id"].as_str().unwrap();
    let again = world
        .post(&maria, &format!("/v1/messages/{message}/resolve"), &json!({ "arrived": false }))
        .await;
    assert_eq!(again.problem(), (409, "not-possible".to_owned()));

    let run = shown["item"]["approval"]["run"].as_str().unwrap();
    let run = world.get(&maria, &format!("/v1/runs/{run}")).await.json();
    assert_eq!(run["account_name"], "Northwind");
    assert_eq!(run["run"]["status"], "completed");
    let says: Vec<String> = run["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            format!("{}: {}", entry["who"].as_str().unwrap(), entry["says"].as_str().unwrap())
        })
        .collect();
    let story = says.join("\n");
    for line in [
        "`check-in` (version",
        "Maria: The text was edited; it is version 2 now.",
        &format!("{winner}: Version 2 was approved, exactly as shown, and put in the outbox."),
        "The message was delivered: 250 taken.",
        "All steps are done.",
    ] {
        assert!(story.contains(line), "{line} in\n{story}");
    }
}

#[tokio::test]
async fn what_must_not_go_out_cannot_be_approved_by_anybody() {
    let world = World::new().await;
    let root = world.token("Root", Role::Admin).await;
    let id = world.draft(&root).await;
    for body in ["We guarantee success.", "Your password is hunter2."] {
        let binding = world.binding(&root, &id).await;
        let edit = json!({ "binding": binding, "subject": "Hello", "body": body });
        let edited = world.post(&root, &format!("/v1/approvals/{id}/edit"), &edit).await;
        assert_eq!(edited.status, StatusCode::OK, "{}", edited.text);
        let binding = world.binding(&root, &id).await;
        let approve = json!({ "binding": binding });
        let refused = world.post(&root, &format!("/v1/approvals/{id}/approve"), &approve).await;
        assert_eq!(refused.problem(), (409, "forbidden-by-policy".to_owned()), "{body}");
    }
    assert_eq!(world.get(&root, "/v1/messages").await.json()["total"], 0);
}

#[tokio::test]
async fn a_draft_is_put_off_handed_over_redrafted_and_rejected() {
    let world = World::new().await;
    let root = world.token("Root", Role::Admin).await;
    world.person("Maria", Role::Csm).await;
    let id = world.draft(&root).await;
    let act = async |what: &str, body: Value| {
        let answered = world.post(&root, &format!("/v1/approvals/{id}/{what}"), &body).await;
        assert_eq!(answered.status, StatusCode::OK, "{what}: {}", answered.text);
        answered.json()
    };
    let snoozed = act("snooze", json!({ "for": "4h" })).await;
    assert_eq!(snoozed["item"]["approval"]["state"]["snoozed_until"], "2026-11-22T11:10:00Z");
    assert_eq!(world.get(&root, "/v1/approvals?snoozed=false").await.json()["total"], 0);
    assert_eq!(world.get(&root, "/v1/approvals?snoozed=true").await.json()["total"], 1);

    let handed = act("reassign", json!({ "to": "MARIA@example.com" })).await;
    assert_eq!(handed["item"]["assignee_name"], "Maria");
    let hers = world.get(&root, "/v1/approvals?assignee=maria@example.com").await.json();
    assert_eq!(hers["total"], 1);
    assert_eq!(world.get(&root, "/v1/approvals?assignee=me").await.json()["total"], 0);

    act("redraft", json!({ "instruction": "shorter and warmer" })).await;
    let path = format!("/v1/approvals/{id}/reject");
    let early = world.post(&root, &path, &json!({ "reason": "tone" })).await;
    assert_eq!(early.problem(), (409, "being-redrafted".to_owned()));
    world.settle().await;
    let shown = world.get(&root, &format!("/v1/approvals/{id}")).await.json();
    let body = shown["versions"][1]["manuscript"]["letter"]["body"].as_str().unwrap();
    assert!(body.contains("shorter and warmer"), "{body}");

    let rejected = act("reject", json!({ "reason": "wrong_timing", "note": "outage" })).await;
    assert_eq!(rejected["item"]["approval"]["state"]["reason"], "wrong_timing");
    let twice = world.post(&root, &path, &json!({ "reason": "tone" })).await;
    assert_eq!(twice.problem(), (409, "already-settled".to_owned()));
}

#[tokio::test]
async fn a_bad_request_is_told_what_is_wrong_with_which_field() {
    let world = World::new().await;
    let token = world.token("Root", Role::Admin).await;
    let id = world.draft(&token).await;
    let before = world.written();
    let path = |what: &str| format!("/v1/approvals/{id}/{what}");
    for (what, body, status, code, field) in [
        ("reject", json!({ "reason": "tone", "nota": "x" }), 422, "unknown-field", Some("nota")),
        ("reject", json!({}), 422, "invalid-field", Some("reason")),
        ("reject", json!({ "reason": "because" }), 422, "invalid-field", Some("reason")),
        (
            "edit",
            json!({ "binding": "x", "subject": 7, "body": "" }),
            422,
            "invalid-field",
            Some("subject"),
        ),
        ("snooze", json!({}), 422, "invalid-field", Some("until")),
        ("snooze", json!({ "for": "soon" }), 422, "invalid-field", Some("for")),
        ("reassign", json!({ "to": "nobody@example.com" }), 422, "invalid-field", Some("to")),
        ("reassign", json!({ "to": "you" }), 422, "invalid-field", Some("to")),
    ] {
        let answered = world.post(&token, &path(what), &body).await;
        assert_eq!(answered.problem(), (status, code.to_owned()), "{what} {body}");
        assert_eq!(answered.json()["field"].as_str(), field, "{}", answered.text);
    }
    for (path, status, code, field) in [
        ("/v1/approvals?statuss=waiting", 400, "unknown-field", Some("statuss")),
        ("/v1/approvals?status=wating", 400, "invalid-field", Some("status")),
        ("/v1/approvals?limit=0", 400, "invalid-field", Some("limit")),
        ("/v1/approvals?limit=201", 400, "invalid-field", Some("limit")),
        ("/v1/approvals?account=run_1", 400, "invalid-field", Some("account")),
        ("/v1/approvals/7", 400, "malformed-id", Some("id")),
        ("/v1/runs/apv_00000000000000000000000000000000", 400, "malformed-id", Some("id")),
        ("/v1/runs/run_00000000000000000000000000000000", 404, "not-found", None),
        ("/v1/nothing", 404, "not-found", None),
    ] {
        let answered = world.get(&token, path).await;
        assert_eq!(answered.problem(), (status, code.to_owned()), "{path}: {}", answered.text);
        assert_eq!(answered.json()["field"].as_str(), field, "{path}: {}", answered.text);
    }
    let raw = |kind: &'static str, body: String| {
        Request::post(path("reject"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap()
    };
    let json = "application/json";
    let answered = world.send(raw(json, "{".to_owned())).await;
    assert_eq!(answered.problem(), (400, "malformed-json".to_owned()));
    let answered = world.send(raw("text/plain", "{}".to_owned())).await;
    assert_eq!(answered.problem(), (415, "unsupported-media-type".to_owned()));
    let answered = world.send(raw(json, format!("\"{}\"", "x".repeat(1024 * 1024)))).await;
    assert_eq!(answered.problem(), (413, "body-too-large".to_owned()));
    let delete = Request::delete("/v1/approvals").body(Body::empty()).unwrap();
    assert_eq!(world.send(delete).await.problem(), (405, "method-not-allowed".to_owned()));
    assert_eq!(world.written(), before, "nothing was half done");
}

#[tokio::test]
async fn a_list_is_walked_by_cursor_and_no_item_is_missed_or_repeated() {
    let world = World::new().await;
    for number in 0..6 {
        world.customer(&format!("Company {number}")).await;
    }
    let token = world.token("Root", Role::Admin).await;
    let mut names = Vec::new();
    let mut path = "/v1/accounts?limit=3".to_owned();
    loop {
        let page = world.get(&token, &path).await.json();
        assert_eq!(page["total"], 7);
        let items = page["items"].as_array().unwrap().clone();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/accounts?limit=3&cursor={next}");
    }
    assert_eq!(names.len(), 7);
    names.dedup();
    assert_eq!(names.len(), 7);
    let bad = world.get(&token, "/v1/accounts?cursor=%F0%9F%92%A5").await;
    assert_eq!(bad.problem(), (400, "invalid-field".to_owned()));
    let found = world.get(&token, "/v1/accounts?text=company%203").await.json();
    assert_eq!(found["total"], 1);
    let account = found["items"][0]["id"].as_str().unwrap();
    let shown = world.get(&token, &format!("/v1/accounts/{account}")).await.json();
    assert_eq!(shown["snapshot"]["account"]["name"], "Company 3");
}

#[tokio::test]
async fn runs_are_paused_resumed_and_cancelled_where_that_makes_sense() {
    let world = World::new().await;
    let token = world.token("Olga", Role::CsOps).await;
    world.draft(&token).await;
    let runs = world.get(&token, "/v1/runs?status=active").await.json();
    let run = runs["items"][0]["id"].as_str().unwrap().to_owned();
    let act = async |what: &str, body: Value| {
        world.post(&token, &format!("/v1/runs/{run}/{what}"), &body).await
    };
    assert_eq!(act("resume", json!({})).await.problem(), (409, "not-possible".to_owned()));
    assert_eq!(act("pause", json!({})).await.json()["status"], "paused");
    assert_eq!(act("resume", json!({})).await.json()["status"], "active");
    let long = "x".repeat(2001);
    assert_eq!(act("cancel", json!({ "reason": long })).await.problem().0, 422);
    let cancelled = act("cancel", json!({ "reason": "they left" })).await;
    assert_eq!(cancelled.json()["status"], "cancelled");
    assert_eq!(act("retry", json!({})).await.problem(), (409, "not-possible".to_owned()));
    let open = world.get(&token, "/v1/approvals?status=waiting").await.json();
    assert_eq!(open["total"], 0, "its draft is withdrawn");
    let nobody = json!({ "playbook": "nothing", "account": world.account().await });
    let answered = world.post(&token, "/v1/runs", &nobody).await;
    assert_eq!(answered.problem(), (422, "no-such-playbook".to_owned()));
}

#[tokio::test]
async fn tasks_are_finished_once() {
    let world = World::new().await;
    let token = world.token("Root", Role::Admin).await;
    world.draft(&token).await;
    let tasks = world.get(&token, "/v1/tasks?status=open").await.json();
    let task = &tasks["items"][0];
    assert_eq!(task["title"], "Prepare the talk with Northwind");
    let path = format!("/v1/tasks/{}/finish", task["id"].as_str().unwrap());
    let done = world.post(&token, &path, &json!({ "outcome": "prepared" })).await.json();
    assert_eq!((&done["status"], &done["outcome"]), (&json!("done"), &json!("prepared")));
    let twice = world.post(&token, &path, &json!({ "outcome": "again" })).await;
    assert_eq!(twice.problem(), (409, "not-open".to_owned()));
}

#[tokio::test]
async fn gv_04_the_kill_switch_holds_what_was_approved_until_released() {
    let world = World::new().await;
    let token = world.token("Root", Role::Admin).await;
    let id = world.draft(&token).await;
    for (scope, reason, field) in
        [("everything", "x", "scope"), ("playbook:unknown", "x", "scope"), ("all", " ", "reason")]
    {
        let body = json!({ "scope": scope, "reason": reason });
        let answered = world.post(&token, "/v1/kills", &body).await;
        assert_eq!(answered.problem().0, 422);
        assert_eq!(answered.json()["field"], field);
    }
    let body = json!({ "scope": "playbook:check-in", "reason": "a drill" });
    let killed = world.post(&token, "/v1/kills", &body).await.json();
    assert_eq!(killed[0]["reason"], "a drill");
    let binding = world.binding(&token, &id).await;
    let approve = json!({ "binding": binding });
    world.post(&token, &format!("/v1/approvals/{id}/approve"), &approve).await;
    world.settle().await;
    assert_eq!(world.get(&token, "/v1/messages?status=delivered").await.json()["total"], 0);
    let release = json!({ "scope": "playbook:check-in" });
    assert_eq!(world.post(&token, "/v1/kills/release", &release).await.json(), json!([]));
    let twice = world.post(&token, "/v1/kills/release", &release).await;
    assert_eq!(twice.problem(), (409, "not-stopped".to_owned()));
    world.clock.pass(jiff::SignedDuration::from_hours(1));
    world.settle().await;
    assert_eq!(world.get(&token, "/v1/messages?status=delivered").await.json()["total"], 1);
}

#[tokio::test]
async fn the_trail_can_be_read_and_verified() {
    let world = World::new().await;
    let token = world.token("Ada", Role::Auditor).await;
    let page = world.get(&token, "/v1/audit/policy?limit=1").await.json();
    assert!(page["items"][0]["says"].as_str().unwrap().contains("became active"));
    assert_eq!(page["items"][0]["seq"], 1);
    let next = page["next"].as_str().unwrap();
    let rest = world.get(&token, &format!("/v1/audit/policy?cursor={next}")).await.json();
    assert!(rest["items"].as_array().unwrap().iter().all(|item| item["seq"] != 1));
    let missing = world.get(&token, "/v1/audit/nothing").await;
    assert_eq!(missing.problem(), (404, "not-found".to_owned()));
    let report = world.post(&token, "/v1/audit/verify", &json!({})).await.json();
    assert_eq!(report["intact"], true);
    assert!(report["events"].as_u64().unwrap() > 2);
}

#[tokio::test]
async fn health_and_metrics_say_how_things_are_without_saying_who() {
    let world = World::new().await;
    let token = world.token("Root", Role::Admin).await;
    let id = world.draft(&token).await;
    world.get(&token, &format!("/v1/approvals/{id}")).await;
    let health = world.get("", "/healthz").await;
    assert_eq!(health.status, StatusCode::OK);
    assert_eq!(health.json()["database"], "ok");
    let metrics = world.get("", "/metrics").await.text;
    for line in [
        "playgate_waiting{what=\"approval\"} 1",
        "route=\"/v1/approvals/{id}\",status=\"200\"",
        "playgate_database_up 1.0",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    assert!(!metrics.contains(&id) && !metrics.contains("example.com"));
    world.store.close().await;
    let health = world.get("", "/healthz").await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.json()["database"], "unavailable");
    let broken = world.get(&token, "/v1/me").await;
    assert!(broken.status.is_server_error());
    assert!(!broken.text.to_lowercase().contains("sql"), "says nothing: {}", broken.text);
}

#[tokio::test]
async fn every_answer_is_hardened_and_has_an_id() {
    let world = World::new().await;
    for path in ["/sign-in", "/v1/me", "/nothing", "/healthz"] {
        let answered = world.get("", path).await;
        assert!(answered.header("content-security-policy").contains("default-src 'self'"));
        assert!(!answered.header("content-security-policy").contains("unsafe"));
        assert_eq!(answered.header("x-content-type-options"), "nosniff");
        assert_eq!(answered.header("cache-control"), "no-store");
        assert_eq!(answered.header("referrer-policy"), "same-origin");
        assert_eq!(answered.header("x-request-id").len(), 32);
    }
    let named = Request::get("/healthz").header("x-request-id", "abc-12345");
    let answered = world.send(named.body(Body::empty()).unwrap()).await;
    assert_eq!(answered.header("x-request-id"), "abc-12345");
    let evil = Request::get("/healthz").header("x-request-id", "a b\tc injected");
    let answered = world.send(evil.body(Body::empty()).unwrap()).await;
    assert_eq!(answered.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn what_a_model_saw_is_shown_beside_what_was_put_back_and_only_to_those_who_may_inspect() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let leader = world.token("Lena", Role::Leader).await;
    let id = world.draft(&ops).await;
    let manuscript = async |token: &str| {
        let shown = world.get(token, &format!("/v1/approvals/{id}")).await.json();
        shown["versions"][0]["manuscript"].clone()
    };
    let whole = manuscript(&ops).await;
    assert_eq!(whole["seen_by_model"], "Hello [PERSON_1]");
    assert_eq!(whole["restored"][0]["placeholder"], "[PERSON_1]");
    assert_eq!(whole["restored"][0]["value"], "Ann <b>Smith</b>");
    let less = manuscript(&leader).await;
    assert_eq!(less["letter"], whole["letter"], "the letter itself is for all who may read");
    assert_eq!((&less["seen_by_model"], &less["restored"]), (&json!(""), &json!([])));

    let page = async |token: &str| world.get(token, &format!("/approvals/{id}")).await.text;
    let shown = page(&ops).await;
    for part in ["What the model saw", "Hello [PERSON_1]", "<code>[PERSON_1]</code>"] {
        assert!(shown.contains(part), "{part}");
    }
    let hidden = page(&leader).await;
    assert!(!hidden.contains("What the model saw") && !hidden.contains("Hello [PERSON_1]"));
}

#[tokio::test]
async fn gv_28_a_person_is_erased_when_their_id_is_given_twice_and_by_those_who_may() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let csm = world.token("Maria", Role::Csm).await;
    let id = world.draft(&ops).await;
    let shown = world.get(&ops, &format!("/v1/approvals/{id}")).await.json();
    let contact = shown["item"]["approval"]["contact"].as_str().unwrap().to_owned();
    let path = |what: &str| format!("/v1/contacts/{contact}/{what}");
    for what in ["erase", "export"] {
        let refused = world.post(&csm, &path(what), &json!({})).await;
        assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    }
    let handed_out = world.post(&ops, &path("export"), &json!({})).await;
    assert_eq!(handed_out.status, StatusCode::OK, "{}", handed_out.text);
    assert_eq!(handed_out.json()["profile"][0]["email"], "ann@northwind.example");

    let looked = world.post(&ops, &path("erase"), &json!({})).await.json();
    assert_eq!((&looked["footprint"]["drafts"], &looked["receipt"]), (&json!(1), &Value::Null));
    let other = format!("con_{}", "0".repeat(32));
    let wrong = world.post(&ops, &path("erase"), &json!({ "confirm": other })).await;
    assert_eq!(wrong.problem(), (422, "invalid-field".to_owned()));
    let nobody = format!("/v1/contacts/{other}/erase");
    assert_eq!(world.post(&ops, &nobody, &json!({})).await.problem().0, 404);

    let erased = world.post(&ops, &path("erase"), &json!({ "confirm": contact })).await.json();
    assert_eq!(erased["erased_now"], true);
    assert_eq!(erased["receipt"]["destroyed"]["drafts"], 1);
    let again = world.post(&ops, &path("erase"), &json!({ "confirm": contact })).await.json();
    assert_eq!((&again["erased_now"], &again["sha256"]), (&json!(false), &erased["sha256"]));
    let shown = world.get(&ops, &format!("/v1/approvals/{id}")).await.json();
    assert_eq!(shown["item"]["approval"]["state"]["status"], "withdrawn");
}
