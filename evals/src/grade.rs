//! The graders: what is wrong with a letter or a route, by rules a reader can check by hand.

use std::{collections::BTreeSet, sync::LazyLock};

use domain::{
    account::Band,
    port::{Route, Written, WrittenLetter},
    snapshot::Snapshot,
};
use regex::Regex;

use crate::{
    facts::Facts,
    report::Failure,
    suite::{Draft, LetterGoal, RouteGoal},
};

/// Words of ours that a customer must not read about themselves.
static INTERNAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:(?:health|risk|churn|nps|csat)[ -]?scores?|churn|csat|arr|at[ -]risk|annual recurring revenue|net promoter)\b",
    )
});
/// `[Name]`, `[PERSON_1]`, `{{ x }}`, `<insert date>`; no `[1]` and no `[text](link)`.
static BLANK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\[[a-z][^\]\n]{0,40}\](?:[^(]|$)|\{\{|\{%|<(?:insert|your)\b|\b(?:TODO|TBD|XXX)\b",
    )
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+(?:[.,]\d+)*"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)[^\s<>()\[\],;:]+@[^\s<>()\[\],;:]+\.[a-z]+|(?:https?://|www\.)[^\s<>()\]]+")
});

/// A pattern of ours; the tests run every one.
#[expect(clippy::expect_used, reason = "the pattern is a literal that every run compiles")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a literal pattern compiles")
}

pub(crate) fn failure(check: &'static str, detail: impl Into<String>) -> Failure {
    Failure { check, detail: detail.into() }
}

/// What is wrong with a letter.
pub(crate) fn letter(
    letter: &WrittenLetter,
    facts: &Facts,
    draft: &Draft,
    goal: &LetterGoal,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let whole = format!("{}\n{}", letter.subject, letter.body);
    let lower = whole.to_lowercase();
    let says = |text: &str| lower.contains(&text.to_lowercase());

    let greeting = letter.body.trim_start().lines().next().unwrap_or_default().to_lowercase();
    let words: BTreeSet<&str> = greeting.split(|c: char| !c.is_alphanumeric()).collect();
    let names = |name: &str| words.contains(name.to_lowercase().as_str());
    let recipient = facts.contacts.iter().find(|person| person.role == draft.to);
    if !recipient.is_some_and(|person| names(&person.first) || names(&person.last)) {
        failures.push(failure("greeting", format!("`{greeting}` does not name the recipient")));
    }
    if facts.contacts.iter().any(|person| person.role != draft.to && names(&person.first)) {
        failures.push(failure("greeting", format!("`{greeting}` names somebody else")));
    }
    for found in BLANK.find_iter(&whole) {
        failures.push(failure("placeholder", format!("`{}` is left", found.as_str().trim())));
    }

    let instruction = draft.instruction.as_deref().unwrap_or_default();
    let ours = format!("{} {} {instruction} {}", draft.subject, draft.body, facts.sayable());
    let allowed: BTreeSet<String> = numbers(&ours).collect();
    for number in numbers(&whole).filter(|number| !allowed.contains(number)) {
        failures.push(failure("number", format!("`{number}` stands in no fact and no asset")));
    }
    for found in ADDRESS.find_iter(&whole).filter(|found| !ours.contains(found.as_str())) {
        failures.push(failure("address", format!("`{}` is not the asset's", found.as_str())));
    }

    for found in INTERNAL.find_iter(&whole) {
        failures.push(failure("internal", format!("`{}` is our word", found.as_str())));
    }
    if let Some(band) = facts.health.map(Band::of)
        && (says(&format!("account is {band}")) || says(&format!("{band} account")))
    {
        failures.push(failure("internal", format!("tells that the account is {band}")));
    }

    for wordings in &goal.mention {
        if !wordings.iter().any(|wording| says(wording)) {
            failures
                .push(failure("mention", format!("does not say `{}`", wordings.join("` or `"))));
        }
    }
    for avoided in goal.avoid.iter().filter(|avoided| says(avoided)) {
        failures.push(failure("avoid", format!("says `{avoided}`")));
    }

    let (subject, words) = (letter.subject.chars().count(), letter.body.split_whitespace().count());
    if subject == 0 || subject > goal.subject {
        let detail = format!("subject has {subject} characters, 1 to {} are right", goal.subject);
        failures.push(failure("length", detail));
    }
    if words < 8 || words > goal.words {
        let detail = format!("text has {words} words, 8 to {} are right", goal.words);
        failures.push(failure("length", detail));
    }
    failures
}

/// What is wrong with a route.
pub(crate) fn route(route: &Route, goal: &RouteGoal) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut judge = |check, given: &str, right: Vec<&str>| {
        if !right.contains(&given) {
            let detail = format!("says `{given}`, right is `{}`", right.join("` or `"));
            failures.push(failure(check, detail));
        }
    };
    judge("category", route.category.as_str(), goal.category.iter().map(|c| c.as_str()).collect());
    judge("severity", route.severity.as_str(), goal.severity.iter().map(|s| s.as_str()).collect());
    judge("owner", route.owner.as_str(), goal.owner.iter().map(|o| o.as_str()).collect());
    let reasoned = route.reasons.iter().any(|reason| !reason.trim().is_empty());
    if !reasoned {
        failures.push(failure("reasons", "gives no reason"));
    }
    failures
}

/// What is wrong with how an answer came about: personal data the model saw, and findings that
/// would keep the draft from going out.
pub(crate) fn provenance(written: &Written, snapshot: &Snapshot) -> Vec<Failure> {
    let seen = written.seen_by_model.to_lowercase();
    let personal = snapshot.contacts.iter().flat_map(|contact| {
        let name = Some(contact.full_name());
        [name, contact.email.clone(), contact.phone.clone()].into_iter().flatten()
    });
    let leaks = personal
        .filter(|datum| seen.contains(&datum.to_lowercase()))
        .map(|datum| failure("seen", format!("the model saw `{datum}`")));
    let blocking = written
        .findings
        .iter()
        .filter(|finding| finding.blocking)
        .map(|finding| failure("blocked", format!("{}: {}", finding.code, finding.detail)));
    leaks.chain(blocking).collect()
}

/// The numbers of a text, without separators of thousands and leading zeros.
fn numbers(text: &str) -> impl Iterator<Item = String> {
    NUMBER.find_iter(text).map(|found| {
        let whole = found.as_str().replace(',', "");
        let bare = whole.trim_start_matches('0');
        if bare.is_empty() || bare.starts_with('.') { format!("0{bare}") } else { bare.to_owned() }
    })
}
