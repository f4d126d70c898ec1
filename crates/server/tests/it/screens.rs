//! The screens as a browser without JavaScript uses them.

use axum::http::StatusCode;
use domain::{port::Customers as _, user::Role};

use crate::world::World;

fn hidden<'a>(html: &'a str, name: &str) -> &'a str {
    let start = format!("name=\"{name}\" value=\"");
    let at = html.find(&start).unwrap_or_else(|| panic!("no field `{name}`")) + start.len();
    html[at..].split('"').next().unwrap()
}

#[tokio::test]
async fn a_csm_reads_edits_and_approves_with_plain_forms() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let maria = world.person("Maria", Role::Csm).await;
    let cookie = world.sign_in(maria.id).await;
    let empty = world.open(&cookie, "/").await;
    assert!(empty.text.contains("Nothing waits here."));
    let id = world.draft(&ops).await;

    let mine = world.open(&cookie, "/").await;
    assert!(mine.text.contains("1 more</a> waits for somebody else"), "never hidden silently");
    let today = world.open(&cookie, "/?who=all").await;
    assert!(today.text.contains("1 draft waits"));
    assert_eq!(today.text.matches("href=\"/approvals/apv_").count(), 1, "count equals list");
    assert!(today.text.contains("offline writer"));

    let page = world.open(&cookie, &format!("/approvals/{id}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("&lt;b&gt;Smith&lt;/b&gt;"), "names are words, not markup");
    assert!(page.text.contains("ann@northwind.example"));
    assert!(page.text.contains("A person asked for it"));
    let binding = hidden(&page.text, "binding").to_owned();

    let edit = format!("binding={binding}&subject=Hello&body=Dear+Ann%0D%0Aall+well%3F");
    let edited = world.press(&cookie, &format!("/approvals/{id}/edit"), &edit).await;
    assert_eq!(edited.status, StatusCode::SEE_OTHER, "{}", edited.text);
    assert_eq!(edited.header("location"), format!("/approvals/{id}?done=edited"));
    let page = world.open(&cookie, edited.header("location")).await;
    assert!(page.text.contains("Saved as a new version"));
    assert!(page.text.contains("Dear Ann\nall well?"), "line ends as people see them");

    let stale =
        world.press(&cookie, &format!("/approvals/{id}/edit"), &edit.replace("well", "good")).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    assert!(stale.text.contains("That did not work"));
    assert!(
        stale.text.contains("all good?") && stale.text.contains("is not saved"),
        "no words lost"
    );

    let binding = hidden(&page.text, "binding").to_owned();
    let form = format!("binding={binding}&looked=yes");
    let approved = world.press(&cookie, &format!("/approvals/{id}/approve"), &form).await;
    assert_eq!(approved.header("location"), "/?done=approved");
    let twice = world.press(&cookie, &format!("/approvals/{id}/approve"), &form).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.text.contains("by Maria"));
    world.settle().await;
    let outbox = world.open(&cookie, "/outbox").await;
    assert!(outbox.text.contains("delivered") && outbox.text.contains("250 taken"));
}

#[tokio::test]
async fn every_screen_opens_on_real_data() {
    let world = World::new().await;
    let root = world.person("Root", Role::Admin).await;
    let cookie = world.sign_in(root.id).await;
    let token = world.secret(server::secret::Kind::Token, root.id, None).await;
    world.draft(&token).await;
    let account = world.account().await;
    let run = world.get(&token, "/v1/runs").await.json();
    let run = run["items"][0]["id"].as_str().unwrap();
    for (path, says) in [
        ("/", "Northwind"),
        ("/tasks", "Prepare the talk with Northwind"),
        ("/runs", "check-in"),
        (&*format!("/runs/{run}"), "entered the queue"),
        ("/accounts?text=north", "12,000 EUR"),
        (&*format!("/accounts/{account}"), "ann@northwind.example"),
        ("/outbox", "No messages here"),
        ("/playbooks", "no-promises"),
        ("/stop", "Nothing is stopped"),
        ("/audit", "became active"),
    ] {
        let page = world.open(&cookie, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        assert!(page.text.contains(says), "{says} on {path}\n{}", page.text);
    }
    for (path, status, says) in [
        ("/approvals/apv_00000000000000000000000000000000", 404, "There is nothing here"),
        ("/runs/7", 400, "is not an id"),
        ("/nothing", 404, "There is nothing here"),
        ("/?sort=upside-down", 400, "upside-down"),
    ] {
        let page = world.open(&cookie, path).await;
        assert_eq!(page.status.as_u16(), status, "{path}");
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text.contains(says), "{says} on {path}\n{}", page.text);
    }
}

#[tokio::test]
async fn stopping_needs_the_word_typed_and_then_shows_everywhere() {
    let world = World::new().await;
    let maria = world.person("Maria", Role::Csm).await;
    let cookie = world.sign_in(maria.id).await;
    let before = world.written();
    let slip = world.press(&cookie, "/stop", "scope=all&reason=drill&confirm=").await;
    assert_eq!(slip.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(slip.text.contains("nothing was changed") || slip.text.contains("Nothing was changed"));
    assert_eq!(world.written(), before);
    let stopped = world.press(&cookie, "/stop", "scope=all&reason=drill&confirm=stop").await;
    assert_eq!(stopped.header("location"), "/stop?done=stopped");
    for path in ["/", "/runs", "/accounts"] {
        assert!(world.open(&cookie, path).await.text.contains("Sending is stopped."), "{path}");
    }
    let released = world.press(&cookie, "/stop/release", "scope=all&confirm=send").await;
    assert_eq!(released.header("location"), "/stop?done=released");
    assert!(!world.open(&cookie, "/").await.text.contains("Sending is stopped."));
}

#[tokio::test]
async fn a_leader_reads_and_is_not_offered_what_is_not_hers() {
    let world = World::new().await;
    let ops = world.token("Olga", Role::CsOps).await;
    let id = world.draft(&ops).await;
    let leader = world.person("Lea", Role::Leader).await;
    let cookie = world.sign_in(leader.id).await;
    let page = world.open(&cookie, &format!("/approvals/{id}")).await;
    assert!(!page.text.contains("/approve\""));
    assert!(page.text.contains("deciding is for CSMs"));
    let refused = world.press(&cookie, &format!("/approvals/{id}/reject"), "reason=tone").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.text.contains("This is not yours to do"));
    assert_eq!(world.open(&cookie, "/audit").await.status, StatusCode::FORBIDDEN);
    let account = world.store.find_account("Northwind").await.unwrap().len();
    assert_eq!(account, 1);
}

#[tokio::test]
async fn style_and_script_are_kept_for_good_and_nothing_else_is() {
    let world = World::new().await;
    let page = world.open("", "/sign-in").await;
    for name in ["style.css", "keys.js", "icon.svg"] {
        let at = page.text.find(&format!("/static/{name}?v=")).unwrap();
        let path = page.text[at..].split('"').next().unwrap();
        let file = world.open("", path).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        assert!(file.header("cache-control").contains("immutable"));
        assert!(!file.text.is_empty());
    }
    assert_eq!(world.open("", "/static/..%2f..%2fCargo.toml").await.status, StatusCode::NOT_FOUND);
    let script = world.open("", "/static/keys.js").await;
    assert!(script.text.len() < 3072 && script.header("content-type").contains("javascript"));
}
