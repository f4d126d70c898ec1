//! Many runs at once, over the API and by plain forms; and one run taken back.

use axum::http::StatusCode;
use domain::{id::AccountId, port::Customers as _, user::Role};
use serde_json::{Value, json};

use crate::world::World;

/// Starts the playbook for so many new accounts, and lets it write.
async fn drafts(world: &World, ops: &str, count: usize) -> Vec<String> {
    let mut runs = Vec::new();
    for n in 0..count {
        let name = format!("Account {n}");
        world.customer(&name).await;
        let account: AccountId = world.store.find_account(&name).await.unwrap()[0].id;
        let body = json!({ "playbook": "check-in", "account": account });
        let started = world.post(ops, "/v1/runs", &body).await;
        assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
        runs.push(started.json()["id"].as_str().unwrap().to_owned());
    }
    world.settle().await;
    runs
}

async fn status(world: &World, token: &str, run: &str) -> Value {
    world.get(token, &format!("/v1/runs/{run}")).await.json()["run"]["status"].clone()
}

#[tokio::test]
async fn many_runs_are_looked_at_first_and_changed_when_as_many_match() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let runs = drafts(&world, &ops, 3).await;
    let pause = |more: Value| {
        let mut body = json!({ "filter": { "step": "letter" }, "action": "pause" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let written = world.written();
    let looked = world.post(&ops, "/v1/runs/bulk", &pause(json!({}))).await;
    assert_eq!(looked.status, StatusCode::OK, "{}", looked.text);
    let report = looked.json();
    assert_eq!(report["applied"], false);
    assert_eq!(report["tally"], Value::Null);
    assert_eq!(report["forecast"]["count"], 3);
    assert_eq!(report["forecast"]["groups"][0]["step"], "letter");
    assert_eq!(report["forecast"]["first"].as_array().unwrap().len(), 3);
    assert_eq!(world.written(), written, "looking changes nothing");

    let unseen = world.post(&ops, "/v1/runs/bulk", &pause(json!({ "apply": true }))).await;
    assert_eq!(unseen.problem(), (422, "invalid-field".to_owned()));
    let wrong = pause(json!({ "apply": true, "expect": 2 }));
    let wrong = world.post(&ops, "/v1/runs/bulk", &wrong).await;
    assert_eq!(wrong.problem(), (409, "count-changed".to_owned()));
    assert!(wrong.text.contains("3 runs match now, not 2"), "{}", wrong.text);
    assert_eq!(status(&world, &ops, &runs[0]).await, "active");

    let right = pause(json!({ "apply": true, "expect": 3 }));
    let done = world.post(&ops, "/v1/runs/bulk", &right).await.json();
    assert_eq!(done["tally"], json!({ "done": 3, "not_possible": 0, "gone": 0 }));
    for run in &runs {
        assert_eq!(status(&world, &ops, run).await, "paused");
    }

    // Everything not over is meant without a filter; what makes no sense is counted apart.
    let body = json!({ "action": "retry" });
    let looked = world.post(&ops, "/v1/runs/bulk", &body).await.json();
    let forecast = &looked["forecast"];
    assert_eq!((&forecast["count"], &forecast["left_alone"]), (&json!(0), &json!(3)));
    let body = json!({ "action": "cancel", "apply": true, "expect": 3 });
    let silent = world.post(&ops, "/v1/runs/bulk", &body).await;
    assert_eq!(silent.problem(), (422, "invalid-field".to_owned()), "a reason is needed");
    let body = json!({ "filter": { "stp": "x" }, "action": "pause" });
    let unknown = world.post(&ops, "/v1/runs/bulk", &body).await;
    assert_eq!(unknown.problem(), (422, "unknown-field".to_owned()));
    let body = json!({ "filter": { "older_than": "soon" }, "action": "pause" });
    let vague = world.post(&ops, "/v1/runs/bulk", &body).await;
    assert_eq!(vague.problem(), (422, "invalid-field".to_owned()));

    let csm = world.token("Maria", Role::Csm).await;
    let refused = world.post(&csm, "/v1/runs/bulk", &json!({ "action": "pause" })).await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
}

#[tokio::test]
async fn the_list_narrows_by_step_code_and_age() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    drafts(&world, &ops, 2).await;
    for (query, total) in [
        ("step=letter", 2),
        ("step=prepare", 0),
        ("playbook=check-in&status=active", 2),
        ("code=model-unreachable", 0),
        ("older_than=3d", 0),
        ("older_than=0s", 2),
        ("version=abc", 0),
    ] {
        // The clock of this world stands still; a moment later everything has begun before.
        world.clock.pass(jiff::SignedDuration::from_secs(1));
        let page = world.get(&ops, &format!("/v1/runs?{query}")).await;
        assert_eq!(page.json()["total"], total, "{query}: {}", page.text);
    }
}

/// The fields of a page's form, as a browser would send them.
fn form(html: &str, action: &str) -> String {
    let (_, form) = html.split_once(&format!("action=\"{action}\"")).expect("a form");
    let (form, _) = form.split_once("</form>").unwrap();
    let value = |tag: &str, name: &str| {
        tag.split_once(&format!(" {name}=\""))
            .and_then(|(_, rest)| rest.split('"').next())
            .unwrap_or_default()
            .to_owned()
    };
    form.split("<input type=\"hidden\"")
        .skip(1)
        .map(|tag| format!("{}={}", value(tag, "name"), value(tag, "value")))
        .collect::<Vec<_>>()
        .join("&")
}

#[tokio::test]
async fn a_person_sees_how_many_before_anything_is_done() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let runs = drafts(&world, &ops, 2).await;
    let olga = world.store_user("Olga").await;
    let cookie = world.sign_in(olga).await;
    let list = world.open(&cookie, "/runs?status=active&step=letter").await;
    assert!(list.text.contains("With these 2:"), "{}", list.text);
    assert!(!list.text.contains("value=\"resume\""), "nobody resumes what is active");

    let written = world.written();
    let address = "/runs/bulk?status=active&step=letter&action=cancel";
    let ask = world.open(&cookie, address).await;
    assert_eq!(ask.status, StatusCode::OK, "{}", ask.text);
    assert!(ask.text.contains("Cancel 2 runs?"));
    assert!(ask.text.contains("Account 0") && ask.text.contains("Account 1"), "examples are shown");
    assert_eq!(world.written(), written, "asking changes nothing");

    let fields = form(&ask.text, "/runs/bulk");
    assert!(fields.contains("expect=2") && fields.contains("step=letter"), "{fields}");
    let untyped = world.press(&cookie, "/runs/bulk", &format!("{fields}&reason=x")).await;
    assert_eq!(untyped.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(untyped.text.contains("nothing was changed") || untyped.text.contains("Nothing was"));
    let sure = format!("{fields}&reason=wrong+list&confirm=cancel");
    let done = world.press(&cookie, "/runs/bulk", &sure).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let told = world.open(&cookie, done.header("location")).await;
    assert!(told.text.contains("2 runs were cancelled."), "{}", done.header("location"));
    for run in &runs {
        assert_eq!(status(&world, &ops, run).await, "cancelled");
    }
    // Pressed again, the number is another one.
    let again = world.press(&cookie, "/runs/bulk", &sure).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("0 runs match now, not 2"), "{}", again.text);

    let maria = world.person("Maria", Role::Csm).await;
    let cookie = world.sign_in(maria.id).await;
    let list = world.open(&cookie, "/runs").await;
    assert!(!list.text.contains("/runs/bulk"), "who may not is not offered it");
    assert_eq!(world.open(&cookie, address).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_run_goes_back_to_a_step_unless_a_message_would_go_twice() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let runs = drafts(&world, &ops, 1).await;
    let run = &runs[0];
    let path = format!("/v1/runs/{run}/retry-from");
    let waits = world.get(&ops, &format!("/v1/runs/{run}")).await.json()["waits_for"].clone();
    let waits = waits.as_str().unwrap();
    assert!(waits.starts_with("approval apv_") && waits.ends_with("(step letter)"), "{waits}");

    let unknown = world.post(&ops, &path, &json!({ "step": "lettre" })).await;
    assert_eq!(unknown.problem(), (409, "not-possible".to_owned()));
    assert!(unknown.text.contains("it has prepare, letter"), "{}", unknown.text);
    let back = world.post(&ops, &path, &json!({ "step": "prepare" })).await;
    assert_eq!(back.status, StatusCode::OK, "{}", back.text);
    assert_eq!(back.json()["progress"]["step"], "prepare");
    world.settle().await;
    // The first draft is withdrawn, the first task cancelled; both were made anew.
    let queue = world.get(&ops, "/v1/approvals?status=withdrawn").await.json();
    assert_eq!(queue["total"], 1);
    let queue = world.get(&ops, "/v1/approvals?status=waiting").await.json();
    assert_eq!(queue["total"], 1);
    let tasks = world.get(&ops, "/v1/tasks").await.json();
    assert_eq!(tasks["total"], 2);
    let open = world.get(&ops, "/v1/tasks?status=open").await.json();
    assert_eq!(open["total"], 1);

    let id = queue["items"][0]["approval"]["id"].as_str().unwrap();
    let binding = world.binding(&ops, id).await;
    let body = json!({ "binding": binding });
    let maria = world.token("Maria", Role::Csm).await;
    let approved = world.post(&maria, &format!("/v1/approvals/{id}/approve"), &body).await;
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);
    let twice = world.post(&ops, &path, &json!({ "step": "prepare" })).await;
    assert_eq!(twice.problem(), (409, "not-possible".to_owned()));
    assert!(twice.text.contains("nothing is sent twice"), "{}", twice.text);
    let timeline = world.get(&ops, &format!("/v1/runs/{run}")).await.text;
    assert!(timeline.contains("The run was taken back to step `prepare`"), "{timeline}");
}

#[tokio::test]
async fn many_runs_go_back_to_a_step_once_somebody_saw_who_can_and_who_cannot() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let runs = drafts(&world, &ops, 3).await;
    // One has sent its letter.
    let queue = world.get(&ops, "/v1/approvals?status=waiting").await.json();
    let item = queue["items"].as_array().unwrap().iter();
    let item = item.map(|item| &item["approval"]).find(|item| item["run"] == runs[0]).unwrap();
    let id = item["id"].as_str().unwrap();
    let body = json!({ "binding": world.binding(&ops, id).await });
    let maria = world.token("Maria", Role::Csm).await;
    let approved = world.post(&maria, &format!("/v1/approvals/{id}/approve"), &body).await;
    assert_eq!(approved.status, StatusCode::OK, "{}", approved.text);

    let back = |more: Value| {
        let mut body = json!({
            "filter": { "playbook": "check-in" }, "action": "retry", "from": "prepare",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let written = world.written();
    let looked = world.post(&ops, "/v1/runs/bulk", &back(json!({}))).await;
    assert_eq!(looked.status, StatusCode::OK, "{}", looked.text);
    let forecast = &looked.json()["forecast"];
    assert_eq!(forecast["count"], 2, "{forecast}");
    assert_eq!(forecast["first"].as_array().unwrap().len(), 2);
    assert_eq!(forecast["hindered"][0]["count"], 1);
    let why = forecast["hindered"][0]["why"].as_str().unwrap();
    assert!(why.contains("nothing is sent twice"), "{why}");
    assert_eq!(world.written(), written, "looking changes nothing");
    for wrong in [json!({ "action": "pause" }), json!({ "from": " " })] {
        let refused = world.post(&ops, "/v1/runs/bulk", &back(wrong)).await;
        assert_eq!(refused.problem(), (422, "invalid-field".to_owned()));
    }

    // On the screens: the list offers it, the page says who stays and why, and does it.
    let olga = world.store_user("Olga").await;
    let cookie = world.sign_in(olga).await;
    let list = world.open(&cookie, "/runs?status=active").await;
    assert!(list.text.contains("Do again from step"), "{}", list.text);
    let list = world.open(&cookie, "/runs?status=paused").await;
    assert!(!list.text.contains("Do again from step"), "what is paused is resumed first");
    let address = "/runs/bulk?playbook=check-in&action=retry&from=prepare";
    let ask = world.open(&cookie, address).await;
    assert!(ask.text.contains("Retry 2 runs from step"), "{}", ask.text);
    assert!(ask.text.contains("nothing is sent twice") && ask.text.contains("Account 1"));
    let fields = form(&ask.text, "/runs/bulk");
    assert!(fields.contains("from=prepare") && fields.contains("expect=2"), "{fields}");
    let done = world.press(&cookie, "/runs/bulk", &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let told = world.open(&cookie, done.header("location")).await;
    assert!(told.text.contains("2 runs were taken back."), "{}", done.header("location"));
    for run in &runs[1..] {
        let timeline = world.get(&ops, &format!("/v1/runs/{run}")).await.text;
        assert!(timeline.contains("The run was taken back to step `prepare`"), "{timeline}");
    }
    let wrong = back(json!({ "apply": true, "expect": 5 }));
    let wrong = world.post(&ops, "/v1/runs/bulk", &wrong).await;
    assert_eq!(wrong.problem(), (409, "count-changed".to_owned()));
}
