//! `playgate privacy`: what is found in texts and in letters; people's data handed out and erased,
//! and the key it is kept under.

pub mod bench;
pub mod erase;
pub mod export;
pub mod leaks;
pub mod rotate;
pub mod scan;

use std::path::Path;

use domain::id::ContactId;
use privacy::{Pattern, Rules, Validator};

use crate::{
    app::App,
    arguments::PrivacyCommand,
    assets::{self, Kind},
    bad_input,
    output::Output,
    person,
};

/// Runs what looks at texts only; nothing if the command needs the database.
pub fn of_texts(
    out: Output,
    custom: Option<&Path>,
    command: &PrivacyCommand,
) -> Option<anyhow::Result<()>> {
    match command {
        PrivacyCommand::Scan(scan) => Some(scan::run(out, custom, scan)),
        PrivacyCommand::Bench(bench) => Some(bench::run(out, bench)),
        PrivacyCommand::Leaks(leaks) => Some(leaks::run(out, leaks)),
        PrivacyCommand::Erase(_) | PrivacyCommand::Export(_) | PrivacyCommand::Rotate => None,
    }
}

/// Runs what needs the database.
pub async fn run(app: &App, command: PrivacyCommand) -> anyhow::Result<()> {
    match command {
        PrivacyCommand::Scan(_) | PrivacyCommand::Bench(_) | PrivacyCommand::Leaks(_) => Ok(()),
        PrivacyCommand::Erase(erase) => erase::run(app, erase).await,
        PrivacyCommand::Export(export) => export::run(app, export).await,
        PrivacyCommand::Rotate => rotate::run(app).await,
    }
}

/// The contacts that are meant, or what to do about there being none.
async fn contacts(app: &App, text: &str) -> anyhow::Result<Vec<ContactId>> {
    let found = person::find(app, text).await?;
    if found.is_empty() {
        bad_input!(
            "no contact has the id or address `{text}`; `playgate account show ACCOUNT` lists an \
             account's contacts"
        );
    }
    Ok(found)
}

/// The detection rules that the policy files in force ask for.
fn rules(custom: Option<&Path>) -> anyhow::Result<Rules> {
    let policy = policy::Policy::compile(&assets::files(Kind::Policies, custom)?)?;
    let redaction = policy.redaction();
    let patterns = redaction.patterns.iter().map(|pattern| Pattern {
        kind: pattern.kind.clone(),
        expression: pattern.expression.clone(),
        words: pattern.words.clone(),
        validator: pattern.validator.as_deref().and_then(Validator::named),
    });
    Ok(Rules::new(patterns, redaction.seen.iter().map(String::as_str))?)
}

#[cfg(test)]
mod tests {
    use domain::redaction::{ALWAYS, BUILT_IN, VALIDATORS};
    use privacy::{Kind, Validator};

    #[test]
    fn policies_and_the_detectors_name_the_same_types_and_validators() {
        assert_eq!(VALIDATORS, Validator::NAMES);
        for name in BUILT_IN {
            let kind = Kind::named(name).unwrap();
            assert!(!matches!(kind, Kind::Custom(_)), "{name}");
            assert_eq!(ALWAYS.contains(&name), !kind.may_go_out(), "{name}");
        }
    }
}
