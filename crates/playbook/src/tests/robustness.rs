//! Hostile and mangled files: an answer in every case, and at once.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{SOUND, files, shipped};
use crate::Plan;

#[test]
fn hostile_files_are_refused_at_once() {
    let laughs = (0..8).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        let row = vec![format!("*a{n}"); 10].join(", ");
        format!("{text}a{}: &a{} [{row}]\n", n + 1, n + 1)
    });
    for text in [
        String::new(),
        "\0".to_owned(),
        "playbook: small\n".repeat(60_000),
        format!("playbook: {}\n", "x".repeat(10 << 20)),
        laughs,
        format!("steps: {}", "[".repeat(50_000)),
        SOUND.replace("  - id: reply", "\t- id: reply"),
        SOUND.replace("title: Small", "title: Small\ntitle: Large"),
        SOUND.replace("account.name", &"(".repeat(10_000)),
        SOUND.replace("account.name", &format!("1{}", "+1".repeat(10_000))),
        SOUND.replace(
            "Call {{ account.name }}",
            "{% for a in range(end=99999) %}{% for b in range(end=99999) %}xxxxxxxxxxxx{% endfor %}\
             {% endfor %}",
        ),
    ] {
        let begun = Instant::now();
        let errors = Plan::compile(&files(&text)).expect_err("a hostile file was read");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        for error in errors.as_slice() {
            assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
        }
        assert!(errors.to_string().len() < 50_000);
    }
    let none = Plan::compile(&[]).unwrap_err().to_string();
    assert!(none.contains("no playbook file is given"));
}

#[test]
fn too_many_steps_are_refused() {
    let steps: Vec<String> = (0..200).map(|n| format!("  - id: s{n}\n    wait: 1d\n")).collect();
    let steps = steps.concat();
    let text = format!("{}steps:\n{steps}", SOUND.split_once("steps:").unwrap().0);
    let errors = Plan::compile(&files(&text)).unwrap_err().to_string();
    assert!(errors.contains("200 steps, at most 100 are read"), "{errors}");
}

/// A shipped file set with one stretch of one file replaced by something else.
fn mangled() -> impl Strategy<Value = Vec<(String, String)>> {
    let all = shipped::files();
    let count = all.len();
    (
        0..count,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..40_usize,
        "\\PC{0,12}",
    )
        .prop_map(move |(playbook, file, at, len, new)| {
            let mut files = all[playbook].clone();
            let file = file.index(files.len());
            let text = &mut files[file].1;
            let mut from = at.index(text.len());
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            let mut to = (from + len).min(text.len());
            while !text.is_char_boundary(to) {
                to += 1;
            }
            text.replace_range(from..to, &new);
            files
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_the_lint_panic(text in "(?s).{0,400}") {
        let _ = Plan::compile(&files(&text));
    }

    #[test]
    fn no_condition_or_template_makes_the_lint_panic(condition in "\\PC{0,60}", title in "\\PC{0,60}") {
        let text = SOUND
            .replace("steps.assess.severity != \"high\"", &serde_json::to_string(&condition).unwrap())
            .replace("\"Call {{ account.name }}\"", &serde_json::to_string(&title).unwrap());
        let _ = Plan::compile(&files(&text)).map_err(|errors| errors.to_string());
    }

    #[test]
    fn no_change_to_a_shipped_file_makes_the_lint_panic(files in mangled()) {
        match Plan::compile(&files) {
            Ok(plan) => prop_assert!(!plan.steps.is_empty()),
            Err(errors) => {
                for error in errors.as_slice() {
                    prop_assert!(error.line >= 1 && error.column >= 1);
                }
                prop_assert!(!errors.to_string().is_empty());
            }
        }
    }
}
