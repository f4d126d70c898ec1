//! What conditions and templates of a playbook may look at: the account, the signal, earlier steps.

use std::collections::BTreeMap;

use domain::{
    action::{RiskCategory, Severity, Team},
    contact::{Consent, Contact, ContactRole},
    intent::Recipient,
    run::Cause,
    snapshot::Snapshot,
};
use jiff::tz::TimeZone;
use notation::{Schema, Type, facts};
use serde_json::{Map, Value, json};

use crate::{
    act::Act,
    plan::{Doing, Step},
};

/// What every run's signal looks like to conditions.
fn signal_type() -> Type {
    Type::record([
        ("trigger", Type::OneOf(vec!["lifecycle", "event", "schedule", "manual"])),
        ("kind", Type::String),
        ("at", Type::Timestamp),
        ("data", Type::Dyn),
    ])
}

/// The contact a letter to the account would most likely go to: the first with a usable address,
/// champion first. Blank and false when there is none.
fn contact_type() -> Type {
    Type::record([
        ("role", words_or_none(ContactRole::ALL.iter().map(|word| word.as_str()))),
        ("consent", words_or_none(Consent::ALL.iter().map(|word| word.as_str()))),
        ("locale", Type::String),
        ("has_time_zone", Type::Bool),
    ])
}

/// The names and types a playbook's conditions may use after these steps.
pub(crate) fn schema<'a>(earlier: impl IntoIterator<Item = (&'a str, &'a Type)>) -> Schema {
    let steps = Type::record(earlier.into_iter().map(|(id, of)| (id, of.clone())));
    trigger_schema().with("steps", steps)
}

/// The names and types a trigger's condition may use.
pub(crate) fn trigger_schema() -> Schema {
    facts::schema().with("signal", signal_type()).with("contact", contact_type())
}

/// What a step leaves behind: known fields, and whatever else the runtime knows.
pub(crate) fn result_type(doing: &Doing) -> Type {
    let outcome = |more: &[&'static str]| {
        let mut words = vec!["", "skipped", "done", "forbidden", "timed_out", "cancelled"];
        words.extend(more);
        ("outcome", Type::OneOf(words))
    };
    match doing {
        Doing::Act(Act::RouteRisk { .. }) => Type::open([
            outcome(&["routed"]),
            ("category", words_or_none(RiskCategory::ALL.iter().map(|word| word.as_str()))),
            ("severity", words_or_none(Severity::ALL.iter().map(|word| word.as_str()))),
            ("owner", words_or_none(Team::ALL.iter().map(|word| word.as_str()))),
            ("reasons", Type::list(Type::String)),
            ("confidence", Type::Double),
        ]),
        Doing::Act(Act::SummarizeAccount { .. }) => {
            Type::open([outcome(&["summarized"]), ("summary", Type::String)])
        }
        Doing::Act(act) if act.is_message() => Type::open([outcome(&[
            "sent",
            "rejected",
            "expired",
            "no_recipient",
            "refused",
            "failed",
            "uncertain",
        ])]),
        Doing::Act(_) | Doing::Wait(_) => Type::open([outcome(&[])]),
        Doing::HumanTask(_) => Type::open([outcome(&[]), ("note", Type::String)]),
        Doing::WaitFor { .. } => Type::open([outcome(&["received"]), ("data", Type::Dyn)]),
        // A branch leaves behind where it went.
        Doing::Branch(_) => Type::open([("outcome", Type::String)]),
    }
}

fn words_or_none(words: impl Iterator<Item = &'static str>) -> Type {
    Type::OneOf(words.chain([""]).collect())
}

/// What a step has left behind before it ran: the empty value of every known field, so that a
/// condition about a step that was jumped over has an answer.
pub(crate) fn blank(of: &Type) -> Value {
    value(of, false)
}

/// A value of a type: something of every kind, or as little as there can be.
fn value(of: &Type, full: bool) -> Value {
    match of {
        Type::Bool => json!(full),
        Type::Int => json!(i64::from(full)),
        Type::Double => json!(f64::from(u8::from(full))),
        Type::String if full => json!("sample"),
        Type::OneOf(words) if full => {
            json!(words.iter().find(|word| !word.is_empty()).copied().unwrap_or_default())
        }
        Type::String | Type::OneOf(_) => json!(""),
        Type::Timestamp => json!("1970-01-01T00:00:00Z"),
        Type::Duration => json!("1s"),
        Type::Null => Value::Null,
        Type::List(of) if full => json!([value(of, full)]),
        Type::List(_) => json!([]),
        Type::Map { fields, .. } => Value::Object(
            fields.iter().map(|(name, of)| (name.clone(), value(of, full))).collect::<Map<_, _>>(),
        ),
        Type::Dyn => json!({}),
    }
}

/// Results by step id, with the blank result of every step that has none yet.
fn results_of(steps: &[Step], results: &BTreeMap<String, Value>) -> Value {
    let mut all = Map::new();
    for step in steps {
        let mut result = step.blank.clone();
        if let (Some(Value::Object(known)), Some(fields)) =
            (results.get(&step.id), result.as_object_mut())
        {
            fields.extend(known.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        all.insert(step.id.clone(), result);
    }
    Value::Object(all)
}

/// The facts a run's conditions, titles and material are made from.
pub(crate) fn of(
    steps: &[Step],
    snapshot: &Snapshot,
    cause: Option<&Cause>,
    results: &BTreeMap<String, Value>,
) -> Value {
    let mut all = facts::of(snapshot);
    all["signal"] = cause.map_or_else(
        || json!({ "trigger": "manual", "kind": "", "at": snapshot.at, "data": {} }),
        |cause| {
            json!({
                "trigger": cause.trigger, "kind": cause.kind, "at": cause.at, "data": cause.data,
            })
        },
    );
    all["steps"] = results_of(steps, results);
    let roles = [
        ContactRole::Champion,
        ContactRole::ExecSponsor,
        ContactRole::EconomicBuyer,
        ContactRole::Admin,
        ContactRole::User,
    ];
    let contact = Recipient::choose(&roles, &snapshot.contacts).and_then(|recipient| {
        snapshot.contacts.iter().find(|contact| contact.id == recipient.contact)
    });
    all["contact"] = json!({
        "role": contact.map_or("", |contact| contact.role.as_str()),
        "consent": contact.map_or("", |contact| contact.consent_now().as_str()),
        "locale": contact.and_then(|contact| contact.locale.as_deref()).unwrap_or_default(),
        "has_time_zone": contact.is_some_and(|contact| contact.time_zone.is_some()),
    });
    all["material"] = material(snapshot, contact, &all["steps"]);
    all
}

/// What assets are filled with.
fn material(snapshot: &Snapshot, contact: Option<&Contact>, results: &Value) -> Value {
    let account = &snapshot.account;
    json!({
        "account": {
            "name": account.name,
            "renewal_date": account.renewal_date.map(|day| day.to_string()),
            "days_to_renewal": account.renewal_date.map(|day| snapshot.days_until(day)),
        },
        "contact": {
            "first": contact.map_or("", |contact| contact.first.as_str()),
            "last": contact.map_or("", |contact| contact.last.as_str()),
            "full_name": contact.map(Contact::full_name).unwrap_or_default(),
            "title": contact.and_then(|contact| contact.title.as_deref()),
        },
        "csm": {
            "name": snapshot.csm.as_ref().map(|csm| csm.name.as_str()),
            "email": snapshot.csm.as_ref().map(|csm| csm.email.as_str()),
        },
        "usage": snapshot.usage,
        "tickets": snapshot.tickets,
        "contract": snapshot.contract,
        "results": results,
        "today": snapshot.at.to_zoned(TimeZone::UTC).date().to_string(),
    })
}

/// Facts to check texts with: something of every kind, and as little as there can be.
pub(crate) fn samples(steps: &[Step]) -> [Value; 2] {
    [true, false].map(|full| {
        let mut all: Map<String, Value> =
            trigger_schema().roots().map(|(name, of)| (name.to_owned(), value(of, full))).collect();
        all.insert("steps".to_owned(), results(steps, full));
        Value::Object(all)
    })
}

/// What the steps leave behind, at its fullest.
pub(crate) fn sample_results(steps: &[Step]) -> Value {
    results(steps, true)
}

fn results(steps: &[Step], full: bool) -> Value {
    let all = steps.iter().map(|step| (step.id.clone(), value(&result_type(&step.doing), full)));
    Value::Object(all.collect())
}

/// Material to check an asset with: everything known, and as little as there can be. A letter
/// always has a contact, and is written from what the run has so far, which may be nothing.
pub(crate) fn sample_materials(letter: bool, results: &Value) -> [Value; 2] {
    let usage = json!({
        "active_days_28": 21, "events_28": 400, "events_prior_28": 500, "trend_28": -0.2,
        "peak_users_28": 12, "features_28": 6, "days_since_last": 1,
    });
    let tickets = json!({
        "open": 2, "open_p1": 1, "opened_28": 3, "opened_prior_28": 1, "escalated_90": 1,
        "csat_90": 4.5,
    });
    let contract = json!({ "seats": 40, "open_lines": 1, "plan": "Team", "auto_renew": true });
    let person =
        json!({ "first": "Ada", "last": "Byron", "full_name": "Ada Byron", "title": "COO" });
    let full = json!({
        "account": { "name": "Acme", "renewal_date": "2027-02-01", "days_to_renewal": 71 },
        "contact": person,
        "csm": { "name": "Sam Lee", "email": "sam@example.com" },
        "usage": usage, "tickets": tickets, "contract": contract,
        "results": results,
        "today": "2026-11-22",
    });
    let none = |fields: &Value| {
        let zero = |value: &Value| match value {
            Value::Bool(_) => json!(false),
            Value::String(_) => json!(""),
            Value::Number(number) if number.is_f64() => json!(0.0),
            _ => json!(0),
        };
        let fields = fields.as_object().into_iter().flatten();
        Value::Object(fields.map(|(name, value)| (name.clone(), zero(value))).collect())
    };
    // What may be null is left out: printing it is then an error, asking for it is not.
    let bare = json!({
        "account": { "name": "Acme" },
        "contact": if letter {
            json!({ "first": "Ada", "last": "", "full_name": "Ada" })
        } else {
            json!({ "first": "", "last": "", "full_name": "" })
        },
        "csm": {},
        "usage": none(&usage), "tickets": none(&tickets), "contract": none(&contract),
        "results": if letter { json!({}) } else { results.clone() },
        "today": "2026-11-22",
    });
    [full, bare]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fixture;

    /// Names of fields, all the way down, with or without those that are null.
    fn shape(value: &Value, nulls: bool) -> Value {
        match value {
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .filter(|(_, of)| nulls || !of.is_null())
                    .map(|(name, of)| (name.clone(), shape(of, nulls)))
                    .collect(),
            ),
            _ => json!("a value"),
        }
    }

    #[test]
    fn conditions_see_the_contact_a_letter_would_go_to_and_blanks_when_there_is_none() {
        let held = |snapshot: &Snapshot, text: &str| {
            let condition = notation::Condition::compile(text, &trigger_schema()).unwrap();
            condition.holds(&of(&[], snapshot, None, &BTreeMap::new())).unwrap()
        };
        let mut snapshot = fixture::snapshot();
        assert!(held(&snapshot, r#"contact.role != "" && contact.consent != "opted_out""#));
        for contact in &mut snapshot.contacts {
            contact.opted_out_at = Some(snapshot.at);
        }
        assert!(held(&snapshot, r#"contact.consent == "opted_out""#));
        snapshot.contacts.clear();
        assert!(held(&snapshot, r#"contact.role == "" && !contact.has_time_zone"#));
    }

    #[test]
    fn samples_have_the_shape_of_what_runs_see() {
        let mut snapshot = fixture::snapshot();
        let all = of(&[], &snapshot, None, &BTreeMap::new());
        let [full, _] = sample_materials(true, &json!({}));
        assert_eq!(shape(&full, true), shape(&all["material"], true));
        snapshot.csm = None;
        snapshot.contacts.clear();
        snapshot.account.renewal_date = None;
        let least = of(&[], &snapshot, None, &BTreeMap::new());
        for letter in [true, false] {
            let [_, bare] = sample_materials(letter, &json!({}));
            assert_eq!(shape(&bare, true), shape(&least["material"], false));
        }
        let mut conditions = all;
        conditions.as_object_mut().unwrap().remove("material");
        for sample in samples(&[]) {
            assert_eq!(shape(&sample, true), shape(&conditions, true));
        }
    }
}
