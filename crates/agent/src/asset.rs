//! Fills a playbook's asset with what is known of the account.

use domain::{
    contact::Contact,
    port::{LetterTask, WriteError},
    snapshot::Snapshot,
};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tera::{Context, Tera};

use crate::prompt::{front_matter, short};

/// An asset filled in. Holds personal data.
pub(crate) struct Filled {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// Renders subject and text. An undefined variable is an error, not empty text.
pub(crate) fn fill(
    task: &LetterTask,
    snapshot: &Snapshot,
    results: &Value,
) -> Result<Filled, WriteError> {
    let wrong = |why: String| WriteError::Template { what: "asset", name: task.asset.clone(), why };
    let front =
        front_matter(&task.template).map_err(|(line, why)| wrong(format!("line {line}: {why}")))?;
    let subject = front
        .fields
        .iter()
        .find(|(_, key, _)| *key == "subject")
        .map(|(_, _, value)| value.as_str())
        .ok_or_else(|| wrong("front matter lacks `subject`".to_owned()))?;
    let context = Context::from_serialize(&variables(task, snapshot, results))
        .map_err(|err| wrong(short(&err)))?;
    let render = |template: &str| {
        Tera::new().render_str(template, &context, false).map_err(|err| wrong(short(&err)))
    };
    let subject = render(subject)?.split_whitespace().collect::<Vec<_>>().join(" ");
    let body = render(front.body)?.trim().to_owned();
    Ok(Filled { subject, body })
}

/// What assets may use.
fn variables(task: &LetterTask, snapshot: &Snapshot, results: &Value) -> Value {
    let account = &snapshot.account;
    let contact = snapshot.contacts.iter().find(|contact| contact.id == task.recipient.contact);
    let (first, last) = match contact {
        Some(contact) => (contact.first.as_str(), contact.last.as_str()),
        None => task.recipient.name.split_once(' ').unwrap_or((&task.recipient.name, "")),
    };
    json!({
        "account": {
            "name": account.name,
            "renewal_date": account.renewal_date.map(|day| day.to_string()),
            "days_to_renewal": account.renewal_date.map(|day| snapshot.days_until(day)),
        },
        "contact": {
            "first": first,
            "last": last,
            "full_name": contact.map_or_else(|| task.recipient.name.clone(), Contact::full_name),
            "title": contact.and_then(|contact| contact.title.as_deref()),
        },
        "csm": {
            "name": snapshot.csm.as_ref().map(|csm| csm.name.as_str()),
            "email": snapshot.csm.as_ref().map(|csm| csm.email.as_str()),
        },
        "usage": snapshot.usage,
        "tickets": snapshot.tickets,
        "contract": snapshot.contract,
        "results": if results.is_null() { json!({}) } else { results.clone() },
        "today": snapshot.at.to_zoned(TimeZone::UTC).date().to_string(),
    })
}
