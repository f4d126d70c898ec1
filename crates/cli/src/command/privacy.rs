//! `playgate privacy`: what is found in texts and in letters, and how fast.

pub mod bench;
pub mod leaks;
pub mod scan;

use std::path::Path;

use privacy::{Pattern, Rules, Validator};

use crate::{
    arguments::PrivacyCommand,
    assets::{self, Kind},
    output::Output,
};

/// Runs what needs no database.
pub fn run(out: Output, custom: Option<&Path>, command: &PrivacyCommand) -> anyhow::Result<()> {
    match command {
        PrivacyCommand::Scan(scan) => scan::run(out, custom, scan),
        PrivacyCommand::Bench(bench) => bench::run(out, bench),
        PrivacyCommand::Leaks(leaks) => leaks::run(out, leaks),
    }
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
