//! Conditions as people write them, rightly, wrongly and with intent.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn schema() -> Schema {
    crate::facts::schema()
        .with("at", Type::Timestamp)
        .with("steps", Type::open([("assess", Type::open([("outcome", Type::String)]))]))
        .with("signal", Type::record([("kind", Type::String), ("data", Type::Dyn)]))
}

fn facts() -> serde_json::Value {
    json!({
        "account": {
            "name": "Acme", "segment": "smb", "status": "active", "arr": 12000, "employees": 40,
            "health": 61.5, "days_to_renewal": 30, "has_csm": true, "industry": "",
        },
        "tickets": { "open": 3, "csat_90": 4.5, "recent": [
            { "id": "T-1", "priority": "p1", "open": true },
            { "id": "T-2", "priority": "p3", "open": false },
        ] },
        "usage": { "trend_28": -0.4, "events_28": 12 },
        "at": "2026-11-22T08:00:00Z",
        "steps": { "assess": { "outcome": "routed", "severity": "high", "confidence": 0.8 } },
        "signal": { "kind": "health.dropped", "data": { "band": "red", "from": 71 } },
    })
}

fn compiled(text: &str) -> Condition {
    Condition::compile(text, &schema()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The condition with carets under the culprit, what is wrong, and the help.
fn refusal(text: &str) -> String {
    let error = Condition::compile(text, &schema()).expect_err(text);
    let indent = text[..error.offset].chars().count();
    let help = error.help.map(|help| format!("\n{help}")).unwrap_or_default();
    format!("{text}\n{}{}\n{}{help}", " ".repeat(indent), "^".repeat(error.len), error.message)
}

#[test]
fn conditions_are_answered() {
    for (text, answer) in [
        ("account.segment == \"smb\" && account.arr >= 10000", true),
        ("account.days_to_renewal > 0 && account.days_to_renewal <= 60", true),
        ("account.segment in [\"smb\", \"mid_market\"]", true),
        ("!account.has_csm", false),
        ("account.health < 60", false),
        ("account.health < 61.6", true),
        ("account.arr / account.employees > 299.5", true),
        ("usage.events_28 * 1.5 == 18", true),
        ("usage.trend_28 < -0.3", true),
        ("1 < 2.0 && 2.0 > 1 && 1 == 1.0", true),
        ("tickets.recent.exists(t, t.priority == 'p1' && t.open)", true),
        ("tickets.recent.all(t, t.open)", false),
        ("tickets.recent.filter(t, t.open).size() == 1", true),
        ("tickets.recent.map(t, t.id) == ['T-1', 'T-2']", true),
        ("size(account.name) == 4 && account.name.startsWith('Ac')", true),
        ("account.name.matches('^A.*e$')", true),
        ("at > timestamp('2026-11-22T07:00:00Z')", true),
        ("at - timestamp('2026-11-21T08:00:00Z') == duration('24h')", true),
        ("at + duration('1d') < timestamp('2026-11-23T07:00:00Z')", false),
        ("steps.assess.severity == 'high' && steps.assess.confidence > 0.5", true),
        ("has(steps.missing) || has(signal.data.band)", true),
        ("signal.data.band == 'red' ? account.arr > 1 : false", true),
        ("account['name'] == 'Acme'", true),
        ("'band' in signal.data", true),
        ("int('3') == tickets.open && double(tickets.open) == 3.0", true),
        ("string(tickets.open) == '3'", true),
        ("account.industry == ''", true),
    ] {
        assert_eq!(compiled(text).holds(&facts()), Ok(answer), "{text}");
    }
}

#[test]
fn only_the_roots_that_are_asked_for_are_needed() {
    let condition = compiled("account.arr > 5");
    assert_eq!(condition.roots().collect::<Vec<_>>(), ["account"]);
    assert_eq!(condition.holds(&json!({"account": {"arr": 6.0}})), Ok(true));
    let error = condition.holds(&json!({})).unwrap_err();
    assert!(error.to_string().contains("no fact `account`"), "{error}");
}

#[test]
fn a_condition_without_an_answer_says_why_and_repeats_no_fact() {
    for (text, why) in [
        ("signal.data.missing == 'x'", "no field `missing` in this case; ask `has(…)` first"),
        ("10 / (tickets.open - 3) > 1", "it divides by zero"),
        ("signal.data.band > 5", "its values are of types that do not fit together"),
        ("signal.data.band", "it is neither true nor false"),
        ("tickets.recent[7].open", "the list has no such item"),
        ("int(signal.data.band) > 1", "`int` cannot be applied to this value"),
        ("9223372036854775807 + tickets.open > 0", "a number grows too large"),
    ] {
        let error = compiled(text).holds(&facts()).expect_err(text);
        assert_eq!(error.why, why, "{text}");
        assert!(!error.why.contains("red"));
    }
    let wrong = compiled("account.arr > 5").holds(&json!({"account": {"arr": "much"}}));
    assert_eq!(wrong.unwrap_err().why, "fact `account` is not of its type");
}

#[test]
fn a_number_is_not_compared_with_text() {
    insta::assert_snapshot!(refusal("account.arr >= \"x\""), @r#"
    account.arr >= "x"
    ^^^^^^^^^^^^^^^^^^
    `>=` does not work between double and string
    write numbers without quotes
    "#);
}

#[test]
fn an_unknown_field_is_underlined_and_the_known_one_is_offered() {
    insta::assert_snapshot!(refusal("account.arr > 5 && account.helth < 50"), @r"
    account.arr > 5 && account.helth < 50
                               ^^^^^
    there is no `helth` here
    did you mean `health`?
    ");
}

#[test]
fn an_unknown_root_is_underlined() {
    insta::assert_snapshot!(refusal("acount.arr > 5"), @r"
    acount.arr > 5
    ^^^^^^
    nothing is called `acount` here
    did you mean `account`?
    ");
}

#[test]
fn a_word_outside_its_vocabulary_is_a_mistake() {
    insta::assert_snapshot!(refusal("account.segment == \"enterprize\""), @r#"
    account.segment == "enterprize"
                       ^^^^^^^^^^^^
    this is never "enterprize"
    did you mean `enterprise`?
    "#);
    insta::assert_snapshot!(refusal("account.status in [\"active\", \"trail\"]"), @r#"
    account.status in ["active", "trail"]
                                 ^^^^^^^
    this is never "trail"
    did you mean `trial`?
    "#);
}

#[test]
fn slips_from_other_languages_are_explained() {
    insta::assert_snapshot!(refusal("account.arr = 5"), @r"
    account.arr = 5
                ^
    `=` has no meaning here
    compare with `==`
    ");
    insta::assert_snapshot!(refusal("account.arr > 5 and account.has_csm"), @r"
    account.arr > 5 and account.has_csm
                    ^^^
    `and` is not expected here
    write `&&` for and
    ");
}

#[test]
fn what_does_not_fit_is_refused() {
    for (text, message) in [
        ("", "condition is empty"),
        ("  ", "condition is empty"),
        ("account.arr >", "condition ends too early"),
        ("account.arr", "condition must be true or false, this is of type double"),
        ("account", "condition must be true or false, this is of type map"),
        ("account.arr && true", "expected true or false, this is of type double"),
        ("!account.name", "expected true or false, this is of type string"),
        ("account.name + 1 == 'x'", "`+` does not work between string and int"),
        ("account.name - 'x' == ''", "`-` does not work between string and string"),
        ("-account.name == 'x'", "`-` does not work on string"),
        ("account.health == null", "`==` does not work between double and null"),
        ("account.has_csm > true", "`>` does not work between bool and bool"),
        ("account.has_csm == 'true'", "`==` does not work between bool and string"),
        ("account.name in account.region", "`in` does not work between string and string"),
        ("1 in ['a']", "`in` does not work between int and list of string"),
        ("account.name.size > 3", "a value of type string has no `size`"),
        ("account.name.contains(3)", "`contains` does not work on string and int"),
        ("account.name.lower() == 'x'", "there is no function `lower`"),
        ("contains(account.name, 'x')", "`contains` does not work on string and string"),
        ("account.name.matches('(')", "\"(\" is not a regular expression"),
        ("at > '2026-01-01'", "`>` does not work between timestamp and string"),
        ("at > timestamp('soon')", "\"soon\" is not a moment such as 2026-01-31T00:00:00Z"),
        ("at - at > duration('5 days')", "\"5 days\" is not a time such as 24h or 5d"),
        ("at + at > at", "`+` does not work between timestamp and timestamp"),
        ("account.arr.exists(x, x)", "a value of type double has no items to go through"),
        ("tickets.recent.exists(t, t.opened)", "there is no `opened` here"),
        ("tickets.recent.exists(t, t.id)", "expected true or false, this is of type string"),
        ("tickets.recent.exists(t)", "`exists` is not written like this"),
        ("has(account.nme)", "there is no `nme` here"),
        ("account['nme'] == ''", "there is no `nme` here"),
        ("account[0] == ''", "a value of type map has no item under one of type int"),
        ("{'a': 1}.a == 1", "values in braces mean nothing here"),
        ("tickets.open % 2.0 == 0", "`%` does not work between int and double"),
        ("true ? 1 : 'a'", "one way gives a value of type int, the other string"),
        ("dyn(account.arr) > 5", "there is no function `dyn`"),
        ("type(account.arr) == 'x'", "there is no function `type`"),
        ("t.all(x, true)", "nothing is called `t` here"),
        ("[[1]].all(a, a.all(b, [1].all(c, c > 0)))", "more than 2 loops within each other"),
        ("x", "nothing is called `x` here"),
    ] {
        let error = Condition::compile(text, &schema()).expect_err(text);
        assert!(error.message.starts_with(message), "{text}: {}", error.message);
        assert!(text.is_char_boundary(error.offset) && error.len >= 1, "{text}");
    }
}

#[test]
fn hostile_conditions_are_refused_at_once() {
    let times = |text: &str, n: usize| text.repeat(n);
    for text in [
        times("1+", 249) + "1",
        times("1+", 1000) + "1",
        times("a.", 249) + "a",
        times("a[", 240),
        times("a[", 1000),
        times("(", 2000),
        times("[", 2000),
        times("{", 2000),
        times("!", 2000),
        times("!", 249) + "true",
        times("-", 2000),
        times("a?a:", 249) + "a",
        times("a&&", 600) + "a",
        times("a||", 600) + "a",
        times("a in ", 400) + "a",
        times("f(", 1000),
        times("\"", 2000),
        times("'''", 600),
        times("`", 2000),
        times(",", 2000),
        times("a ", 1000),
        times("é", 1000),
        times("[[1],", 200),
        "a".repeat(3000),
        "\0".to_owned(),
        "\u{202e}".to_owned(),
    ] {
        let begun = Instant::now();
        // A few of these are conditions; none may take long, and none may take the process down.
        let _ = Condition::compile(&text, &schema());
        let start: String = text.chars().take(9).collect();
        assert!(begun.elapsed() < Duration::from_secs(5), "{start} took {:?}", begun.elapsed());
    }
}

#[test]
fn every_published_fact_has_a_type_and_every_type_a_fact() {
    fn compare(path: &str, of: &Type, fact: &serde_json::Value) {
        match (of, fact) {
            (Type::Map { fields, .. }, serde_json::Value::Object(object)) => {
                let known: Vec<_> = fields.keys().collect();
                let mut given: Vec<_> = object.keys().collect();
                given.sort();
                assert_eq!(known, given, "{path}");
                for (name, of) in fields {
                    compare(&format!("{path}.{name}"), of, &object[name]);
                }
            }
            (Type::OneOf(words), serde_json::Value::String(word)) => {
                assert!(words.contains(&word.as_str()), "{path} is {word}");
            }
            (of, fact) => assert!(value::of_json(fact, of).is_some(), "{path}: {fact} is no {of}"),
        }
    }
    for snapshot in crate::facts::tests::snapshots() {
        let facts = crate::facts::of(&snapshot);
        let schema = crate::facts::schema();
        let roots: Vec<_> = schema.roots().map(|(name, _)| name).collect();
        let mut given: Vec<_> = facts.as_object().unwrap().keys().map(String::as_str).collect();
        given.sort_unstable();
        assert_eq!(roots, given);
        for (name, of) in schema.roots() {
            compare(name, of, &facts[name]);
        }
        assert!(
            compiled("account.arr > -1 && usage.events_28 >= 0 && survey.nps > -2")
                .holds(&facts)
                .unwrap()
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_compiling_or_asking_panic(text in "\\PC{0,80}") {
        if let Ok(condition) = Condition::compile(&text, &schema()) {
            let _ = condition.holds(&facts());
        }
    }

    #[test]
    fn nothing_like_a_condition_makes_it_panic(
        text in "(account|\\.arr|\\.name|tickets|\\.recent|signal\\.data| && | \\|\\| |!| == | < |\\+|-|\\*|/|%|1|2\\.5|'a'|\"|\\[|\\]|\\(|\\)|\\?|:|has|size|\\.exists\\(x, |x| in |null|true|,|\\{|\\}|timestamp|9223372036854775807){0,25}"
    ) {
        match Condition::compile(&text, &schema()) {
            Ok(condition) => { let _ = condition.holds(&facts()); }
            Err(error) => prop_assert!(text.is_char_boundary(error.offset.min(text.len()))),
        }
    }
}
