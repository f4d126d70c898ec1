//! What comes from outside and is shown to a model: tickets, signals, and who is known.

use std::fmt::Write as _;

use domain::{
    draft::{Finding, INJECTION_SUSPECTED, SUSPECTED},
    intent::Recipient,
    port::{Assignment, LetterTask, Stranger, StrangerKind},
    snapshot::Snapshot,
    untrusted::Untrusted,
};
use jiff::tz::TimeZone;
use privacy::{Known, Person, Redactor, Rules, injection};

use crate::{check::finding, prompt::Task};

/// How much of one ticket a model is shown, in characters.
const TICKET: usize = 1500;
/// How much of a signal's data a model is shown, in characters.
const SIGNAL: usize = 1000;

/// Everybody the CRM knows for the account, and the recipient of a letter. Our own CSM's name may be seen, their address not.
pub(crate) fn known(snapshot: &Snapshot, recipient: Option<&Recipient>) -> Known {
    Known::new(people(snapshot, recipient), &[])
}

/// The same with whom and what of other customers is to be hidden too. Who is called as somebody of
/// the account is called is taken for them.
pub(crate) fn hidden(
    snapshot: &Snapshot,
    recipient: Option<&Recipient>,
    strangers: &[Stranger],
) -> Known {
    let mut people = people(snapshot, recipient);
    let mut companies = Vec::new();
    for Stranger { kind, value } in strangers {
        let mut person = Person::default();
        match kind {
            StrangerKind::Person => (person.first, person.last) = parts(value),
            StrangerKind::Email => person.emails.push(value.clone()),
            StrangerKind::Phone => person.phones.push(value.clone()),
            StrangerKind::Company => {
                companies.push(value.clone());
                continue;
            }
        }
        people.push(person);
    }
    Known::new(people, &companies)
}

/// Given name and family name of a name as a text writes it.
fn parts(name: &str) -> (String, String) {
    let (first, last) = match name.split_once(',') {
        Some((last, first)) => (first, last),
        None => name.trim().rsplit_once(char::is_whitespace).unwrap_or(("", name)),
    };
    (first.trim().to_owned(), last.trim().to_owned())
}

fn people(snapshot: &Snapshot, recipient: Option<&Recipient>) -> Vec<Person> {
    let Snapshot { contacts, csm, .. } = snapshot;
    let mut people: Vec<Person> = contacts
        .iter()
        .map(|contact| Person {
            first: contact.first.clone(),
            last: contact.last.clone(),
            emails: contact.email.iter().cloned().collect(),
            phones: contact.phone.iter().cloned().collect(),
        })
        .collect();
    if let Some(recipient) = recipient {
        let (first, last) = recipient.name.split_once(' ').unwrap_or((&recipient.name, ""));
        people.push(Person {
            first: first.to_owned(),
            last: last.to_owned(),
            emails: vec![recipient.address.clone()],
            phones: Vec::new(),
        });
    }
    people.extend(csm.iter().map(|csm| {
        let (first, last) = csm.name.split_once(' ').unwrap_or((&csm.name, ""));
        Person {
            first: first.to_owned(),
            last: last.to_owned(),
            emails: vec![csm.email.clone()],
            phones: Vec::new(),
        }
    }));
    people
}

/// What came from outside and concerns the task: tickets, and what the signal carried.
pub(crate) fn gathered(
    task: Task,
    assignment: &Assignment,
    letter: Option<&LetterTask>,
) -> Untrusted {
    let tickets = &assignment.snapshot.recent_tickets;
    let shown = tickets.iter().filter(|ticket| match letter {
        Some(letter) => letter.ticket.as_deref() == Some(ticket.source_id.as_str()),
        None => true,
    });
    let mut out = String::new();
    for ticket in shown {
        let state = if ticket.open { "open" } else { "closed" };
        let opened = ticket.opened_at.to_zoned(TimeZone::UTC).date();
        let subject = ticket.subject.for_a_data_block();
        let body: String = ticket.body.for_a_data_block().chars().take(TICKET).collect();
        let (id, priority) = (&ticket.source_id, ticket.priority);
        let _ = write!(
            out,
            "Ticket {id} ({priority}, {state}, opened {opened}): {subject}\n{body}\n\n"
        );
    }
    let has_data = !matches!(&assignment.cause.data, serde_json::Value::Null)
        && assignment.cause.data.as_object().is_none_or(|fields| !fields.is_empty());
    if task != Task::Letter && has_data {
        let data: String = assignment.cause.data.to_string().chars().take(SIGNAL).collect();
        let _ = writeln!(out, "Signal {}: {data}", assignment.cause.kind);
    }
    Untrusted::new(out.trim_end().to_owned())
}

/// What looks like orders to a model in the customer's text, or in one that an earlier step of the
/// run has read. Forces a review, blocks nothing.
pub(crate) fn suspicions(text: &Untrusted, results: &serde_json::Value) -> Option<Finding> {
    let signs = injection::suspicions(text.for_a_data_block());
    if !signs.is_empty() {
        return Some(suspected(&format!("the customer's text {}", signs.join(", "))));
    }
    let earlier = results.as_object().is_some_and(|steps| {
        steps.values().any(|result| result[SUSPECTED] == serde_json::Value::Bool(true))
    });
    earlier.then(|| {
        suspected("a text that an earlier step of this run has read may hold orders to the model")
    })
}

fn suspected(detail: &str) -> Finding {
    finding(INJECTION_SUSPECTED, detail, false)
}

/// A text with spaces for everything personal and every placeholder, so that a finding about the
/// rest repeats nothing of it.
pub(crate) fn impersonal(text: &str, rules: &Rules, known: &Known) -> String {
    let redacted = Redactor::new(rules.clone(), known.clone()).redact(text);
    let mut rest = String::with_capacity(text.len());
    let mut after = redacted.as_str();
    while let Some(start) = after.find('[') {
        let (before, bracket) = after.split_at(start);
        rest.push_str(before);
        let end = bracket.find(']').filter(|end| is_placeholder(&bracket[1..*end]));
        rest.push(' ');
        after = &bracket[end.unwrap_or(0) + 1..];
    }
    rest.push_str(after);
    rest
}

fn is_placeholder(inside: &str) -> bool {
    inside.starts_with(|c: char| c.is_ascii_uppercase())
        && inside.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
