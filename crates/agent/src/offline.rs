//! The writer that needs no model: fills the playbook's asset and routes risk by published rules.

use async_trait::async_trait;
use domain::{
    account::Band,
    action::{RiskCategory, Severity, Team},
    draft::Finding,
};
use privacy::Redacted;

use crate::{
    answer::{LetterAnswer, RouteAnswer, SummaryAnswer},
    check::finding,
    fact::Signs,
    model::{Call, Completion, Failure, Given, Material, Model, ModelError},
};

/// The confidence that comes with every rule: it is a rule of thumb, not evidence.
const CONFIDENCE: f64 = 0.7;

/// One published routing rule.
pub struct Rule {
    /// When it applies, in words.
    pub when: &'static str,
    /// The same as code.
    pub applies: fn(&Signs) -> bool,
    /// What the risk is then about.
    pub category: RiskCategory,
    /// How bad it is.
    pub severity: Severity,
    /// Who should own it.
    pub owner: Team,
    /// Keys of the facts it rests on.
    facts: &'static [&'static str],
}

/// The routing rules. Of those that apply, the first of the highest severity decides category and
/// owner; the reasons of all that apply are listed. When none applies there is no risk to speak of.
///
/// | when | category | severity | owner |
/// |---|---|---|---|
/// | renewal within 60 days and health red | commercial | high | csm_manager |
/// | a priority-one ticket is open | support | high | support |
/// | two or more escalations in 90 days | support | high | support |
/// | use fell by 30 % or more in 28 days | adoption | high | csm |
/// | latest NPS answer is 6 or less | sentiment | medium | csm |
/// | no known contact is champion or sponsor | sponsor | medium | csm |
/// | renewal within 90 days and health yellow | commercial | medium | csm |
/// | use fell by 10 % or more in 28 days | adoption | medium | csm |
/// | four or more new tickets, twice as many as before | support | medium | support |
/// | mean satisfaction below 3 of 5 | sentiment | medium | csm |
pub const RULES: &[Rule] = &[
    Rule {
        when: "renewal within 60 days and health red",
        applies: |signs| near(signs, 60) && signs.band == Some(Band::Red),
        category: RiskCategory::Commercial,
        severity: Severity::High,
        owner: Team::CsmManager,
        facts: &["days_to_renewal", "health"],
    },
    Rule {
        when: "a priority-one ticket is open",
        applies: |signs| signs.open_p1 >= 1,
        category: RiskCategory::Support,
        severity: Severity::High,
        owner: Team::Support,
        facts: &["open_p1"],
    },
    Rule {
        when: "two or more escalations in 90 days",
        applies: |signs| signs.escalated_90 >= 2,
        category: RiskCategory::Support,
        severity: Severity::High,
        owner: Team::Support,
        facts: &["escalated"],
    },
    Rule {
        when: "use fell by 30 % or more in 28 days",
        applies: |signs| signs.usage_trend.is_some_and(|trend| trend <= -0.3),
        category: RiskCategory::Adoption,
        severity: Severity::High,
        owner: Team::Csm,
        facts: &["usage_trend"],
    },
    Rule {
        when: "latest NPS answer is 6 or less",
        applies: |signs| signs.nps.is_some_and(|nps| nps <= 6),
        category: RiskCategory::Sentiment,
        severity: Severity::Medium,
        owner: Team::Csm,
        facts: &["nps"],
    },
    Rule {
        when: "no known contact is champion or sponsor",
        applies: |signs| !signs.has_sponsor,
        category: RiskCategory::Sponsor,
        severity: Severity::Medium,
        owner: Team::Csm,
        facts: &["roles"],
    },
    Rule {
        when: "renewal within 90 days and health yellow",
        applies: |signs| near(signs, 90) && signs.band == Some(Band::Yellow),
        category: RiskCategory::Commercial,
        severity: Severity::Medium,
        owner: Team::Csm,
        facts: &["days_to_renewal", "health"],
    },
    Rule {
        when: "use fell by 10 % or more in 28 days",
        applies: |signs| signs.usage_trend.is_some_and(|trend| trend <= -0.1),
        category: RiskCategory::Adoption,
        severity: Severity::Medium,
        owner: Team::Csm,
        facts: &["usage_trend"],
    },
    Rule {
        when: "four or more new tickets, twice as many as before",
        applies: |signs| signs.opened_28 >= 4 && signs.opened_28 >= 2 * signs.opened_prior_28,
        category: RiskCategory::Support,
        severity: Severity::Medium,
        owner: Team::Support,
        facts: &["tickets_opened"],
    },
    Rule {
        when: "mean satisfaction below 3 of 5",
        applies: |signs| signs.csat.is_some_and(|csat| csat < 3.0),
        category: RiskCategory::Sentiment,
        severity: Severity::Medium,
        owner: Team::Csm,
        facts: &["csat"],
    },
];

fn near(signs: &Signs, days: i64) -> bool {
    signs.days_to_renewal.is_some_and(|left| (0..=days).contains(&left))
}

/// A [`Model`] named `offline` that works by rules alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfflineWriter;

#[async_trait]
impl Model for OfflineWriter {
    fn name(&self) -> &'static str {
        "offline"
    }

    fn is_offline(&self) -> bool {
        true
    }

    async fn complete(&self, call: &Call) -> Result<Completion, ModelError> {
        let (answer, notes) = match &call.material {
            Material::Letter { subject, body, instruction, previous, facts } => {
                let (letter, notes) =
                    letter(subject, body, instruction.as_ref(), previous.as_ref(), facts);
                (serde_json::to_string(&letter), notes)
            }
            Material::Route { signs, facts } => {
                (serde_json::to_string(&route(signs, facts)), Vec::new())
            }
            Material::Summary { facts } => {
                (serde_json::to_string(&SummaryAnswer { summary: summary(facts) }), Vec::new())
            }
        };
        let text = answer.map_err(|_| ModelError::new(Failure::Malformed))?;
        Ok(Completion { text, tokens: Some(0), calls: 0, notes })
    }
}

/// The asset as it is. Asked for something shorter, it keeps the greeting, the first paragraph and
/// the sign-off; it can follow no other instruction, and says so.
fn letter(
    subject: &Redacted,
    body: &Redacted,
    instruction: Option<&Redacted>,
    previous: Option<&(Redacted, Redacted)>,
    facts: &[Given],
) -> (LetterAnswer, Vec<Finding>) {
    let (mut subject, mut body) = (subject.as_str().to_owned(), body.as_str().to_owned());
    let mut notes = Vec::new();
    if let Some(instruction) = instruction {
        if wants_less(instruction.as_str()) {
            if let Some((earlier, text)) = previous {
                (subject, body) = (earlier.as_str().to_owned(), text.as_str().to_owned());
            }
            body = shorter(&body);
        } else {
            notes.push(finding(
                "offline-cannot-follow-instruction",
                "the offline writer only fills the asset and can make it shorter; edit the text, or set up a model",
                false,
            ));
        }
    }
    let used_facts = facts
        .iter()
        .filter(|fact| {
            fact.value.as_str().chars().count() > 1 && body.contains(fact.value.as_str())
        })
        .map(|fact| fact.id.clone())
        .collect();
    (LetterAnswer { subject, body, used_facts, confidence: None }, notes)
}

fn wants_less(instruction: &str) -> bool {
    let words = instruction.to_lowercase();
    ["shorter", "shorten", "more concise", "too long", "briefer", "cut it down"]
        .iter()
        .any(|phrase| words.contains(phrase))
}

/// Greeting, first paragraph and sign-off.
fn shorter(body: &str) -> String {
    let parts: Vec<&str> =
        body.split("\n\n").map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() <= 3 {
        return parts.join("\n\n");
    }
    let is_greeting = parts[0].lines().count() == 1 && parts[0].ends_with([',', '!', ':']);
    let keep = if is_greeting { 2 } else { 1 };
    let mut kept = parts[..keep].to_vec();
    kept.push(parts[parts.len() - 1]);
    kept.join("\n\n")
}

fn route(signs: &Signs, facts: &[Given]) -> RouteAnswer {
    let applying: Vec<&Rule> = RULES.iter().filter(|rule| (rule.applies)(signs)).collect();
    // `max_by_key` keeps the last of equals, the table wants the first.
    let Some(worst) = applying.iter().rev().max_by_key(|rule| rule.severity) else {
        let cited = cite(&["account"], facts);
        return RouteAnswer {
            category: RiskCategory::None,
            severity: Severity::Low,
            owner: Team::Csm,
            reasons: vec![format!("no rule applies{cited}")],
            confidence: CONFIDENCE,
        };
    };
    RouteAnswer {
        category: worst.category,
        severity: worst.severity,
        owner: worst.owner,
        reasons: applying
            .iter()
            .take(8)
            .map(|rule| format!("{}{}", rule.when, cite(rule.facts, facts)))
            .collect(),
        confidence: CONFIDENCE,
    }
}

/// The facts behind these keys: ` (f3, f7)`.
fn cite(keys: &[&str], facts: &[Given]) -> String {
    let ids: Vec<&str> =
        facts.iter().filter(|fact| keys.contains(&fact.key)).map(|fact| fact.id.as_str()).collect();
    if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) }
}

/// The facts as sentences, in groups a colleague expects.
fn summary(facts: &[Given]) -> String {
    let value =
        |key: &str| facts.iter().find(|fact| fact.key == key).map(|fact| fact.value.as_str());
    let list = |keys: &[&str]| {
        let parts: Vec<String> = facts
            .iter()
            .filter(|fact| keys.contains(&fact.key))
            .map(|fact| format!("{}: {}", lower_first(fact.label), fact.value.as_str()))
            .collect();
        parts.join(", ")
    };
    let mut sentences = vec![format!(
        "{} is a {} customer in the {} phase",
        value("account").unwrap_or("The account"),
        value("segment").unwrap_or("known"),
        value("lifecycle").unwrap_or("current"),
    )];
    for keys in [
        &["arr", "plan", "seats", "renewal_date", "days_to_renewal", "auto_renew"][..],
        &[
            "health",
            "previous_health",
            "usage_trend",
            "active_days",
            "peak_users",
            "days_since_last",
        ],
        &["open_tickets", "open_p1", "escalated", "csat", "nps"],
        &["csm", "people"],
    ] {
        let sentence = list(keys);
        let mut rest = sentence.chars();
        if let Some(first) = rest.next() {
            sentences.push(first.to_uppercase().chain(rest).collect());
        }
    }
    sentences.join(". ") + "."
}

fn lower_first(text: &str) -> String {
    let mut rest = text.chars();
    let keep = text
        .split(' ')
        .next()
        .is_some_and(|word| word.len() > 1 && word.chars().all(char::is_uppercase));
    match rest.next() {
        Some(first) if !keep => first.to_lowercase().chain(rest).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Signs {
        Signs { has_sponsor: true, ..Signs::default() }
    }

    #[test]
    fn ai_04_each_published_rule_is_reached_by_its_own_sign() {
        let cases = [
            (Signs { days_to_renewal: Some(60), band: Some(Band::Red), ..calm() }, 0),
            (Signs { open_p1: 1, ..calm() }, 1),
            (Signs { escalated_90: 2, ..calm() }, 2),
            (Signs { usage_trend: Some(-0.3), ..calm() }, 3),
            (Signs { nps: Some(6), ..calm() }, 4),
            (Signs { has_sponsor: false, ..calm() }, 5),
            (Signs { days_to_renewal: Some(90), band: Some(Band::Yellow), ..calm() }, 6),
            (Signs { usage_trend: Some(-0.1), ..calm() }, 7),
            (Signs { opened_28: 4, opened_prior_28: 2, ..calm() }, 8),
            (Signs { csat: Some(2.9), ..calm() }, 9),
        ];
        assert_eq!(cases.len(), RULES.len());
        for (signs, index) in cases {
            let (route, rule) = (route(&signs, &[]), &RULES[index]);
            assert_eq!(
                (route.category, route.severity, route.owner),
                (rule.category, rule.severity, rule.owner),
                "{}",
                rule.when
            );
            assert!(route.reasons.iter().any(|reason| reason.contains(rule.when)));
        }
        let none = route(&calm(), &[]);
        assert_eq!((none.category, none.severity), (RiskCategory::None, Severity::Low));
    }

    #[test]
    fn the_first_rule_of_the_highest_severity_decides_and_all_reasons_are_given() {
        let signs = Signs { nps: Some(0), open_p1: 1, escalated_90: 5, ..calm() };
        let route = route(&signs, &[]);
        assert_eq!(route.category, RiskCategory::Support);
        assert_eq!(route.reasons.len(), 3);
        assert!(route.reasons[0].starts_with("a priority-one"));
    }

    #[test]
    fn a_shorter_letter_keeps_greeting_first_paragraph_and_sign_off() {
        let body = "Hi [PERSON_1_FIRST],\n\nOne.\n\nTwo.\n\nThree.\n\nBest\nSam";
        assert_eq!(shorter(body), "Hi [PERSON_1_FIRST],\n\nOne.\n\nBest\nSam");
        assert_eq!(shorter("Hi,\n\nOne.\n\nSam"), "Hi,\n\nOne.\n\nSam");
    }
}
