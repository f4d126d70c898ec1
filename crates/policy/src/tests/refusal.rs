//! What a file with a mistake gets: a line, a caret and what to do.

use domain::verdict::Verdict;

use super::{HEAD, file, refusal, rules};
use crate::Policy;

#[test]
fn a_misspelt_key_is_refused() {
    insta::assert_snapshot!(refusal(&[file("a", "rulez: []\n")]), @r"
    error: unknown key `rulez`
     --> a.yaml:5:1
      |
    5 | rulez: []
      | ^^^^^
      = help: did you mean `rules`?
    ");
}

#[test]
fn a_misspelt_fact_is_shown_where_it_stands() {
    insta::assert_snapshot!(
        refusal(&[rules("a", &[("r", "intent.audiance == \"customer\"", Verdict::Review)])]),
        @r#"
        error: there is no `audiance` here
         --> a.yaml:7:19
          |
        7 |     when: 'intent.audiance == "customer"'
          |                   ^^^^^^^^
          = help: did you mean `audience`?
        "#
    );
}

#[test]
fn a_word_that_can_never_be_equal_is_shown() {
    insta::assert_snapshot!(
        refusal(&[rules("a", &[("r", "contact.consent == \"opt_out\"", Verdict::Forbid)])]),
        @r#"
        error: this is never "opt_out"
         --> a.yaml:7:31
          |
        7 |     when: 'contact.consent == "opt_out"'
          |                               ^^^^^^^^^
          = help: did you mean `opted_out`?
        "#
    );
}

#[test]
fn a_misspelt_verdict_is_refused() {
    insta::assert_snapshot!(
        refusal(&[file("a", "rules: [{id: r, when: 'true', verdict: forbidden, reason: x}]\n")]),
        @r"
        error: `forbidden` is not a word that is known here
         --> a.yaml:5:40
          |
        5 | rules: [{id: r, when: 'true', verdict: forbidden, reason: x}]
          |                                        ^^^^^^^^^
          = help: known here: allow, review, forbid
        "
    );
}

#[test]
fn a_broken_pattern_is_shown() {
    insta::assert_snapshot!(
        refusal(&[file("a", "redact:\n  - { type: NO, pattern: '\\bKD-([0-9]{6}' }\n")]),
        @r"
        error: pattern is no regular expression: unclosed group
         --> a.yaml:6:26
          |
        6 |   - { type: NO, pattern: '\bKD-([0-9]{6}' }
          |                          ^^^^^^^^^^^^^^^^
          = help: the syntax is that of the Rust crate `regex`: no look-around or back-reference
        "
    );
}

#[test]
fn a_pattern_that_matches_everywhere_and_a_name_with_digits_are_refused() {
    insta::assert_snapshot!(
        refusal(&[file("a", "redact:\n  - { type: No_1, pattern: '[0-9]*' }\n")]),
        @r"
        error: `No_1` is not a name for placeholders
         --> a.yaml:6:13
          |
        6 |   - { type: No_1, pattern: '[0-9]*' }
          |             ^^^^
          = help: use up to 32 capital letters and single `_`, such as `CUSTOMER_NO`

        error: pattern matches the empty text, so it would match everywhere
         --> a.yaml:6:28
          |
        6 |   - { type: No_1, pattern: '[0-9]*' }
          |                            ^^^^^^^^
          = help: let it ask for at least one character: `+` instead of `*`
        "
    );
}

#[test]
fn a_rule_of_the_same_name_in_another_file_is_refused() {
    insta::assert_snapshot!(
        refusal(&[
            rules("a", &[("same", "true", Verdict::Review)]),
            rules("b", &[("same", "true", Verdict::Allow)]),
        ]),
        @r"
        error: rule `same` exists twice
         --> b.yaml:6:9
          |
        6 |   - id: same
          |         ^^^^
          = help: the other is at a.yaml:6; ids are unique over all policy files
        "
    );
}

#[test]
fn a_file_under_another_name_and_an_owner_without_address_are_both_shown() {
    let text = format!("policy: contact\n{}", HEAD.replace("a@b.example", "nobody"));
    insta::assert_snapshot!(refusal(&[("contacts.yaml".to_owned(), text)]), @r"
    error: policy `contact` is in a file of another name
     --> contacts.yaml:1:9
      |
    1 | policy: contact
      |         ^^^^^^^
      = help: write `policy: contacts`, or rename the file to `contact.yaml`

    error: `nobody` is not an e-mail address
     --> contacts.yaml:2:8
      |
    2 | owner: nobody
      |        ^^^^^^
      = help: name whoever answers for this policy
    ");
}

#[test]
fn a_reviewer_without_review_and_an_empty_reason_are_refused() {
    insta::assert_snapshot!(
        refusal(&[file(
            "a",
            "rules:\n  - {id: r, when: 'true', verdict: forbid, reason: ' ', reviewer: csm}\n"
        )]),
        @r"
        error: `reason` is empty
         --> a.yaml:6:52
          |
        6 |   - {id: r, when: 'true', verdict: forbid, reason: ' ', reviewer: csm}
          |                                                    ^^^
          = help: people read it to understand a verdict

        error: verdict `forbid` has no reviewer
         --> a.yaml:6:67
          |
        6 | d: r, when: 'true', verdict: forbid, reason: ' ', reviewer: csm}
          |                                                             ^^^
          = help: leave `reviewer` out, or make the verdict `review`
        "
    );
}

#[test]
fn a_budget_of_nothing_and_a_day_that_does_not_exist_are_refused() {
    insta::assert_snapshot!(refusal(&[file("a", "budgets: {steps_per_run: 0}\n")]), @r"
    error: a budget of 0 stops every run
     --> a.yaml:5:26
      |
    5 | budgets: {steps_per_run: 0}
      |                          ^
      = help: write at least 1; to stop sending there is `playgate kill`
    ");
    let (name, text) = file("a", "");
    insta::assert_snapshot!(refusal(&[(name, text.replace("2027-01-01", "2027-02-30"))]), @r"
    error: parsed date is not valid: parameter 'day' for `2027-02` is invalid, must be in range `1..=28`
     --> a.yaml:4:12
      |
    4 | review_by: 2027-02-30
      |            ^^^^^^^^^^
    ");
}

#[test]
fn an_error_in_one_file_keeps_the_whole_policy_out_and_all_errors_are_listed() {
    let errors = Policy::compile(&[
        rules("a", &[("r", "true", Verdict::Review)]),
        file("b", "rulez: []\n"),
        rules("c", &[("s", "nothing.there", Verdict::Review)]),
    ])
    .unwrap_err();
    let files: Vec<&str> = errors.as_slice().iter().map(|error| error.file.as_str()).collect();
    assert_eq!(files, ["b.yaml", "c.yaml"]);
}
