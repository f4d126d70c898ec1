//! Every screen, rendered with everything, with nothing, and with hostile words.

use std::path::Path;

use crate::{
    headers,
    screen::{Frame, Screens},
    tests::sample::{self, Words},
};

/// Where the pages are put, for looking at them in a browser.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/screens");

fn pages(words: &Words, full: bool) -> Vec<(String, String)> {
    let screens = Screens::new();
    let frame = |title: &str| sample::frame(words, title, full);
    let mut pages = Vec::new();
    let mut add = |name: &str, template: &str, frame: &Frame, page: &serde_json::Value| {
        let html = screens
            .render(template, frame, page)
            .unwrap_or_else(|problem| panic!("{template}: {problem:?}"));
        pages.push((name.to_owned(), html.0));
    };
    let json = |value: &dyn erased::Json| value.json();
    add("today", "today.html", &frame("Today"), &json(&sample::today(words, full)));
    add("approval", "approval.html", &frame("One approval"), &json(&sample::approval(words, full)));
    add("runs", "runs.html", &frame("Runs"), &json(&sample::runs(words, full)));
    add("bulk", "bulk.html", &frame("Cancel runs"), &json(&sample::bulk(words, full)));
    add("run", "run.html", &frame("One run"), &json(&sample::run_view(words, full)));
    add("tasks", "tasks.html", &frame("Tasks"), &json(&sample::tasks(words, full)));
    add("accounts", "accounts.html", &frame("Accounts"), &json(&sample::accounts(words, full)));
    add(
        "account",
        "account.html",
        &frame("One account"),
        &json(&sample::account_view(words, full)),
    );
    add("outbox", "outbox.html", &frame("Outbox"), &json(&sample::outbox(words, full)));
    add("playbooks", "playbooks.html", &frame("Playbooks"), &json(&sample::catalogue(words, full)));
    add("stop", "stop.html", &frame("Stop"), &json(&sample::stop(words, full)));
    add("audit", "audit.html", &frame("Audit"), &json(&sample::audit(words, full)));
    let outside = Frame::outside("Sign in");
    add(
        "sign-in",
        "sign-in.html",
        &outside,
        &serde_json::json!({ "link": full.then_some(&words.word) }),
    );
    add(
        "problem",
        "problem.html",
        &outside,
        &serde_json::json!({ "status": 404, "title": "Nothing" }),
    );
    pages
}

mod erased {
    //! Page structs differ in type; tests need only what templates see.

    pub(super) trait Json {
        fn json(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> serde_json::Value {
            serde_json::to_value(self).unwrap()
        }
    }
}

fn keep(folder: &str, pages: &[(String, String)]) {
    let folder = Path::new(FOLDER).join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, html) in pages {
        std::fs::write(folder.join(format!("{name}.html")), html).unwrap();
    }
}

#[test]
fn every_screen_renders_with_everything_there_is_to_show() {
    let pages = pages(&Words::plain(), true);
    keep("full", &pages);
    let find = |name: &str| &pages.iter().find(|(page, _)| page == name).unwrap().1;
    let today = find("today");
    assert!(today.contains("Sending is stopped."), "the kill switch shows on every page");
    assert!(today.contains("offline writer"), "offline drafts are labelled");
    assert!(today.contains("as of"), "how old the data is shows");
    let approval = find("approval");
    assert!(approval.contains("This cannot go out as it is"), "blocking findings are loud");
    assert!(
        approval.contains("may be meant to steer the model"),
        "GV-13: a suspected injection is said above everything else"
    );
    assert!(approval.contains("What the model saw"));
    assert!(!approval.contains("autofocus"), "GV-03: nothing is focused before it is read");
    assert!(!approval.contains("id=\"approve\""), "what is blocked has no button to approve");
}

#[test]
fn every_screen_renders_with_nothing_that_may_be_missing() {
    let pages = pages(&Words::plain(), false);
    keep("empty", &pages);
    let find = |name: &str| &pages.iter().find(|(page, _)| page == name).unwrap().1;
    assert!(find("today").contains("Nothing waits here."));
    assert!(find("accounts").contains("No accounts"));
    // Without findings the same item can be approved; high risk asks for one active look (GV-03).
    let approval = find("approval");
    assert!(!approval.contains("steer the model"));
    assert!(approval.contains("id=\"approve\""));
    assert!(approval.contains("name=\"looked\" value=\"yes\" required"));
}

#[test]
fn hostile_words_stay_words() {
    let pages = pages(&Words::hostile(), true);
    keep("hostile", &pages);
    for (name, html) in &pages {
        assert!(!html.contains("<script>alert"), "{name}");
        assert!(!html.contains("<img src=x"), "{name}");
        assert!(!html.contains("\" onmouseover"), "{name}: broke out of an attribute");
    }
    let approval = &pages.iter().find(|(name, _)| name == "approval").unwrap().1;
    assert!(approval.contains("U+202E"), "text that turns round is pointed at");
    let escaped = pages.iter().filter(|(_, html)| html.contains("&lt;script&gt;alert")).count();
    assert!(escaped >= 10, "the words are shown, not dropped: {escaped}");
}

#[test]
fn no_screen_holds_inline_script_or_style_which_the_policy_forbids() {
    assert!(!headers::POLICY.contains("unsafe"));
    for full in [true, false] {
        for (name, html) in pages(&Words::plain(), full) {
            assert!(!html.contains("<style"), "{name}");
            assert!(!html.contains(" style="), "{name}");
            assert!(!html.contains("javascript:"), "{name}");
            for tag in html.split("<script").skip(1) {
                let (attributes, rest) = tag.split_once('>').unwrap();
                assert!(attributes.contains("src=\"/static/"), "{name}");
                assert!(rest.starts_with("</script>"), "{name}");
            }
            for attribute in [" onclick", " onload", " onsubmit", " onerror"] {
                assert!(!html.contains(attribute), "{name}");
            }
            assert!(!html.contains("http://") && !html.contains("https://"), "{name}: foreign");
        }
    }
}

#[test]
fn every_screen_can_be_read_by_a_screen_reader_and_worked_without_a_mouse() {
    for (name, html) in pages(&Words::plain(), true) {
        assert!(html.contains("<html lang=\"en\""), "{name}");
        assert!(html.contains("class=\"skip\" href=\"#main\""), "{name}");
        assert_eq!(html.matches("<h1").count(), 1, "{name}: one main heading");
        assert!(!html.contains("tabindex=\"1\""), "{name}");
        // Every field a person fills in sits in a label.
        for (at, _) in html
            .match_indices("<input")
            .chain(html.match_indices("<textarea"))
            .chain(html.match_indices("<select"))
        {
            let tag = &html[at..at + html[at..].find('>').unwrap()];
            if tag.contains("type=\"hidden\"") {
                continue;
            }
            let before = &html[..at];
            let (open, close) = (before.rfind("<label"), before.rfind("</label>"));
            assert!(open > close, "{name}: no label around {tag}");
        }
        let mut ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: ids are unique");
    }
}
