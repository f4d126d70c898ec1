//! Which rules can match at all, by the shape of what is asked: worked out once for each shape.

use std::sync::OnceLock;

use domain::{action::ActionName, verdict::Occasion};
use serde_json::Value;

use crate::{policy::Rule, question::Question};

/// What of a question does not depend on the customer: when, about which action, and what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what there is and what not, each by itself")]
pub(crate) struct Shape {
    pub(crate) occasion: Occasion,
    pub(crate) action: ActionName,
    /// Whether the action is a message.
    pub(crate) message: bool,
    pub(crate) recipient: bool,
    pub(crate) draft: bool,
    pub(crate) contact: bool,
}

impl Shape {
    /// The facts that are the same for every question of this shape: roots as a whole, or fields.
    fn known(self) -> Vec<(&'static str, &'static str)> {
        let mut known = vec![("occasion", ""), ("intent", "action"), ("intent", "audience")];
        if !self.message {
            known.extend([("intent", "class"), ("intent", "channel")]);
        }
        if !self.recipient {
            known.extend([("intent", "recipient_role"), ("intent", "has_recipient")]);
        }
        known.push(("draft", "present"));
        if !self.draft {
            known.extend([
                ("draft", "author"),
                ("draft", "subject"),
                ("draft", "body"),
                ("draft", "words"),
                ("draft", "findings"),
                ("draft", "blocking"),
                ("draft", "confidence"),
            ]);
        }
        if !self.contact {
            known.extend([
                ("contact", "role"),
                ("contact", "consent"),
                ("contact", "locale"),
                ("contact", "has_time_zone"),
                ("contact", "bounced"),
            ]);
        }
        known
    }

    fn place(self) -> usize {
        let occasion = Occasion::ALL.iter().position(|one| *one == self.occasion);
        let action = ActionName::ALL.iter().position(|one| *one == self.action);
        [self.message, self.recipient, self.draft, self.contact].into_iter().fold(
            occasion.unwrap_or_default() * ActionName::ALL.len() + action.unwrap_or_default(),
            |place, has| place * 2 + usize::from(has),
        )
    }
}

/// The rules that can match, by shape, in the order of all rules.
#[derive(Clone, Debug)]
pub(crate) struct Asked(Vec<OnceLock<Vec<usize>>>);

impl Asked {
    pub(crate) fn new() -> Self {
        Self(vec![OnceLock::new(); Occasion::ALL.len() * ActionName::ALL.len() * 16])
    }

    /// The places of the rules that can match. The others have an operand of their outermost `&&`
    /// that is false of every question of this shape.
    pub(crate) fn about(&self, rules: &[Rule], question: &Question<'_>) -> Vec<usize> {
        let shape = question.shape();
        let find = || can_match(rules, shape, &question.own_facts());
        match self.0.get(shape.place()) {
            Some(known) => known.get_or_init(find).clone(),
            None => find(),
        }
    }
}

fn can_match(rules: &[Rule], shape: Shape, facts: &Value) -> Vec<usize> {
    let known = shape.known();
    let possible = |rule: &Rule| {
        rule.condition.shares(&known).iter().all(|share| share.holds(facts) != Ok(false))
    };
    rules.iter().enumerate().filter(|(_, rule)| possible(rule)).map(|(place, _)| place).collect()
}
