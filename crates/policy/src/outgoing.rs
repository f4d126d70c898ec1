//! What policy files hold outgoing texts to, and what the exit's findings mean for a verdict.

use domain::{
    draft::Finding,
    outgoing::{Response, Standards},
    verdict::{Matched, Verdict},
};
use notation::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::judge::BUILT_IN;

/// The rule named where what the exit found asks for something.
pub const EXIT: &str = "exit-findings";

/// What outgoing texts are held to. Over several files `block` beats `review`, and lists add up.
/// Each of them is checked when a text is drafted or edited, and again when it is sent.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutgoingEntry {
    /// Names, addresses, numbers, companies and invoices of other customers.
    #[serde(default)]
    pub(crate) other_customers: Option<Response>,
    /// Secrets, card numbers, bank accounts, national ids.
    #[serde(default)]
    pub(crate) secrets: Option<Response>,
    /// Words that only we use (`words`), and names of playbooks.
    #[serde(default)]
    pub(crate) vocabulary: Option<Response>,
    /// Blanks and placeholders that were left over, marks of our prompts.
    #[serde(default)]
    pub(crate) leftovers: Option<Response>,
    /// Links to hosts that are neither in `hosts`, nor the customer's, nor in the playbook's text.
    #[serde(default)]
    pub(crate) links: Option<Response>,
    /// Images.
    #[serde(default)]
    pub(crate) images: Option<Response>,
    /// Words and phrases that only we use, in any case, in place of the built-in ones.
    #[serde(default)]
    pub(crate) words: Option<Vec<Spanned<String>>>,
    /// Texts that stand in our prompts and must stand nowhere else.
    #[serde(default)]
    pub(crate) canaries: Vec<Spanned<String>>,
    /// Hosts that links may lead to, with all under them: `help.example.com`.
    #[serde(default)]
    pub(crate) hosts: Vec<Spanned<String>>,
    /// Names that are public, and no leak although a customer is called so: `Salesforce`.
    #[serde(default)]
    pub(crate) public: Vec<Spanned<String>>,
}

/// Something wrong with an entry: where, what, and what to do.
pub(crate) type Complaint<'a> = (&'a Spanned<String>, String, &'static str);

impl OutgoingEntry {
    /// Everything that is wrong with it.
    pub(crate) fn complaints(&self) -> Vec<Complaint<'_>> {
        let mut found = Vec::new();
        for word in self.words.iter().flatten() {
            let letters = word.chars().filter(|c| c.is_alphanumeric()).count();
            if letters < 3 || word.len() > 100 {
                found.push((
                    word,
                    format!("`{}` cannot be looked for", &**word),
                    "write a word or phrase of 3 letters to 100 bytes",
                ));
            }
        }
        for canary in &self.canaries {
            if canary.trim().chars().count() < 6 {
                found.push((
                    canary,
                    format!("canary `{}` is too short to stand nowhere else", &**canary),
                    "write at least 6 characters that no letter has",
                ));
            }
        }
        for host in &self.hosts {
            let sound = host.contains('.')
                && host.split('.').all(|label| {
                    !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                });
            if !sound {
                found.push((
                    host,
                    format!("`{}` is not a host", &**host),
                    "write the host alone, as in `help.example.com`: no scheme, port, path or `*`",
                ));
            }
        }
        for name in &self.public {
            if name.trim().chars().count() < 2 {
                found.push((
                    name,
                    "the name is empty".to_owned(),
                    "write a company's or person's full name, or leave the entry out",
                ));
            }
        }
        found
    }
}

/// What the files say together.
pub(crate) fn strictest(entries: &[OutgoingEntry]) -> Standards {
    let default = Standards::default();
    let response = |pick: fn(&OutgoingEntry) -> Option<Response>, or: Response| {
        entries.iter().filter_map(pick).max().unwrap_or(or)
    };
    let list = |pick: fn(&OutgoingEntry) -> &[Spanned<String>]| -> Vec<String> {
        entries.iter().flat_map(pick).map(|text| text.trim().to_owned()).collect()
    };
    let words = if entries.iter().any(|entry| entry.words.is_some()) {
        list(|entry| entry.words.as_deref().unwrap_or_default())
    } else {
        default.words
    };
    Standards {
        other_customers: response(|entry| entry.other_customers, default.other_customers),
        secrets: response(|entry| entry.secrets, default.secrets),
        vocabulary: response(|entry| entry.vocabulary, default.vocabulary),
        leftovers: response(|entry| entry.leftovers, default.leftovers),
        links: response(|entry| entry.links, default.links),
        images: response(|entry| entry.images, default.images),
        words,
        canaries: list(|entry| &entry.canaries),
        hosts: list(|entry| &entry.hosts),
        public: list(|entry| &entry.public),
    }
}

/// What the exit's findings ask for, whatever the rules say: what blocks stays in, what does not
/// is seen by a person, and so is a text that could not be looked at.
pub(crate) fn exit(findings: &[Finding]) -> Option<Matched> {
    let of_exit =
        |finding: &&Finding| finding.place.is_some() || finding.code == Finding::UNCHECKED;
    let worst = findings.iter().filter(of_exit).max_by_key(|finding| finding.blocking)?;
    Some(Matched {
        file: BUILT_IN.to_owned(),
        rule: EXIT.to_owned(),
        verdict: if worst.blocking { Verdict::Forbid } else { Verdict::Review },
        reason: worst.detail.trim_end_matches('.').to_owned(),
        reviewer: None,
    })
}

#[cfg(test)]
mod tests {
    use domain::outgoing::{Part, Place};

    use super::*;
    use crate::Policy;

    fn compile(outgoing: &str) -> Result<Policy, String> {
        let text = format!(
            "policy: privacy\nowner: a@b.example\npurpose: p\nreview_by: 2027-01-01\n{outgoing}"
        );
        Policy::compile(&[("privacy.yaml".to_owned(), text)]).map_err(|err| err.to_string())
    }

    #[test]
    fn files_change_what_texts_are_held_to() {
        let policy = compile(
            "outgoing:\n  vocabulary: block\n  links: block\n  words: [save play]\n  hosts: [help.example.com]\n  public: [Salesforce]\n",
        )
        .unwrap();
        let standards = policy.outgoing();
        assert_eq!(standards.vocabulary, Response::Block);
        assert_eq!(standards.other_customers, Response::Block, "the default");
        assert_eq!(standards.words, ["save play"]);
        assert_eq!(
            (&*standards.hosts[0], &*standards.public[0]),
            ("help.example.com", "Salesforce")
        );
        assert!(compile("").unwrap().outgoing().words.contains(&"churn".to_owned()));
    }

    #[test]
    fn mistakes_are_shown_with_line_and_caret() {
        for (outgoing, said) in [
            ("outgoing:\n  hosts: [https://x.example/a]\n", "is not a host"),
            ("outgoing:\n  words: [ab]\n", "cannot be looked for"),
            ("outgoing:\n  canaries: [abc]\n", "too short"),
            ("outgoing:\n  links: ignore\n", "ignore"),
            ("outgoing:\n  linkz: block\n", "linkz"),
        ] {
            let err = compile(outgoing).unwrap_err();
            assert!(
                err.contains(said) && err.contains("privacy.yaml:6") && err.contains('^'),
                "{err}"
            );
        }
    }

    #[test]
    fn gv_14_what_the_exit_found_is_judged_without_any_rule() {
        let finding = |blocking, place| Finding {
            code: Finding::LEAK.to_owned(),
            detail: "d".to_owned(),
            blocking,
            place,
        };
        let place = || {
            Some(Place {
                part: Part::Body,
                start: 0,
                end: 1,
                kind: "link".into(),
                rule: "r".into(),
            })
        };
        let verdict = |findings: &[Finding]| exit(findings).map(|matched| matched.verdict);
        assert_eq!(verdict(&[finding(true, None)]), None, "of another check");
        assert_eq!(verdict(&[finding(false, place())]), Some(Verdict::Review));
        assert_eq!(
            verdict(&[finding(false, place()), finding(true, place())]),
            Some(Verdict::Forbid)
        );
        let unchecked = Finding { code: Finding::UNCHECKED.to_owned(), ..finding(false, None) };
        assert_eq!(verdict(&[unchecked]), Some(Verdict::Review));
    }
}
