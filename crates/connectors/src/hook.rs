//! Webhook intake: CloudEvents 1.0 in JSON, single or batched, signed or refused.

use domain::{
    clock::microseconds,
    id::{AccountId, RunId},
    signal::{NewSignal, kind},
};
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use crate::signature::{Headers, Secret, SecretError, VerifyError};

/// The most events one request may carry.
pub const MAX_EVENTS: usize = 1000;

/// The largest request body, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// The door for requests from outside: knows the secrets in force.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// All secrets whose signatures are believed; two during a rotation.
    pub secrets: Vec<Secret>,
}

impl Hooks {
    /// Checks the signature over the raw body. See [`crate::signature::verify`].
    pub fn verify(
        &self,
        headers: Headers<'_>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        crate::signature::verify(&self.secrets, headers, body, now)
    }
}

/// A signal whose account is still a text that somebody has to look up.
#[derive(Clone, Debug, PartialEq)]
pub struct IncomingSignal {
    /// The account as the sender names it (`subject`): our id, its id in the source, or its name.
    pub account: String,
    /// Who observed it (`source`).
    pub source: String,
    /// The source's id of the event (`id`). The same source and id is the same signal.
    pub event_id: String,
    /// What happened (`type`).
    pub kind: String,
    /// When it happened (`time`), if the source says.
    pub at: Option<Timestamp>,
    /// What else the source says (`data`). Untrusted.
    pub data: Value,
    /// The run it answers (`data.run`), if it names one.
    pub run: Option<RunId>,
}

impl IncomingSignal {
    /// The signal, once its account is known. An event without a time happened when it came.
    pub fn for_account(self, account: AccountId, received_at: Timestamp) -> NewSignal {
        NewSignal {
            source: self.source,
            event_id: self.event_id,
            kind: self.kind,
            account,
            at: self.at.unwrap_or(received_at),
            data: self.data,
            run: self.run,
        }
    }
}

/// Why a body is not a `CloudEvent` or a batch of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Too much at once.
    #[error("body is {0} bytes long; send at most {MAX_BODY}")]
    TooLarge(usize),
    /// No JSON.
    #[error("body is not JSON: {0}")]
    NotJson(String),
    /// Too many at once.
    #[error("batch holds {0} events; send at most {MAX_EVENTS}")]
    TooMany(usize),
    /// A field is missing or wrong.
    #[error("{}`{field}` {why}", place(*.index))]
    Field {
        /// Which event of a batch, from 0; none outside a batch.
        index: Option<usize>,
        /// The attribute.
        field: &'static str,
        /// What is wrong with it, and what to send.
        why: String,
    },
}

fn place(index: Option<usize>) -> String {
    index.map(|index| format!("event {index}: ")).unwrap_or_default()
}

/// Reads a structured-mode `CloudEvent` (`application/cloudevents+json`) or a batch of them
/// (`application/cloudevents-batch+json`). One wrong event refuses the whole batch, so that
/// nothing is half-applied.
pub fn parse(body: &[u8]) -> Result<Vec<IncomingSignal>, ParseError> {
    if body.len() > MAX_BODY {
        return Err(ParseError::TooLarge(body.len()));
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|err| ParseError::NotJson(err.to_string()))?;
    match value {
        Value::Array(events) if events.len() > MAX_EVENTS => Err(ParseError::TooMany(events.len())),
        Value::Array(events) => events
            .into_iter()
            .enumerate()
            .map(|(index, event)| {
                event_of(event).map_err(|(field, why)| ParseError::Field {
                    index: Some(index),
                    field,
                    why,
                })
            })
            .collect(),
        event => event_of(event)
            .map(|signal| vec![signal])
            .map_err(|(field, why)| ParseError::Field { index: None, field, why }),
    }
}

type Fault = (&'static str, String);

fn event_of(event: Value) -> Result<IncomingSignal, Fault> {
    let Value::Object(mut event) = event else {
        return Err(("specversion", "is missing: an event is a JSON object".to_owned()));
    };
    let version = text(&mut event, "specversion", 10)?;
    if version != "1.0" {
        return Err(("specversion", format!("is `{version}`; send `1.0`")));
    }
    let event_id = text(&mut event, "id", 255)?;
    let source = text(&mut event, "source", 255)?;
    let kind = kind_of(text(&mut event, "type", 100)?)?;
    let account = text(&mut event, "subject", 255)?;
    let at =
        match event.remove("time") {
            None | Some(Value::Null) => None,
            Some(Value::String(time)) => Some(time.parse().map(microseconds).map_err(|_| {
                ("time", format!("is `{}`; send an RFC 3339 timestamp", brief(&time)))
            })?),
            Some(_) => return Err(("time", "is not a string".to_owned())),
        };
    let data = data_of(&mut event)?;
    let run = data.get("run").and_then(Value::as_str).and_then(|run| run.parse().ok());
    Ok(IncomingSignal { account, source, event_id, kind, at, data, run })
}

fn kind_of(kind: String) -> Result<String, Fault> {
    if !kind.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
        return Err(("type", "may hold letters, digits, `.`, `_` and `-` only".to_owned()));
    }
    // These start runs by themselves; taking them from outside would be a way round sign-in.
    if [kind::MANUAL, kind::SCHEDULE_TICKED].contains(&kind.as_str()) {
        return Err(("type", format!("`{kind}` is raised by the product itself; send another")));
    }
    Ok(kind)
}

fn data_of(event: &mut Map<String, Value>) -> Result<Value, Fault> {
    if event.contains_key("data_base64") {
        return Err(("data_base64", "is not supported; send `data` as a JSON object".to_owned()));
    }
    if let Some(content) = event.remove("datacontenttype") {
        let json = content.as_str().is_some_and(|content| {
            let media = content.split(';').next().unwrap_or_default().trim();
            media.eq_ignore_ascii_case("application/json") || media.ends_with("+json")
        });
        if !json {
            return Err(("datacontenttype", "must be `application/json`".to_owned()));
        }
    }
    match event.remove("data") {
        None | Some(Value::Null) => Ok(Value::Object(Map::new())),
        Some(data @ Value::Object(_)) if holds_nul(&data) => {
            Err(("data", "holds a NUL character, which no database keeps".to_owned()))
        }
        Some(data @ Value::Object(_)) => Ok(data),
        Some(_) => Err(("data", "is not a JSON object".to_owned())),
    }
}

fn text(event: &mut Map<String, Value>, field: &'static str, most: usize) -> Result<String, Fault> {
    match event.remove(field) {
        None | Some(Value::Null) => Err((field, "is missing".to_owned())),
        Some(Value::String(text)) if text.trim().is_empty() => Err((field, "is empty".to_owned())),
        Some(Value::String(text)) if text.chars().count() > most => {
            Err((field, format!("is longer than {most} characters")))
        }
        Some(Value::String(text)) if text.chars().any(char::is_control) => {
            Err((field, "holds a control character".to_owned()))
        }
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err((field, "is not a string".to_owned())),
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value))
        }
        _ => false,
    }
}

fn brief(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "specversion": "1.0", "id": "evt-1", "source": "/crm", "type": "ticket.opened",
            "subject": "A-1", "time": "2026-11-22T10:00:00.1234567+01:00",
            "datacontenttype": "application/json",
            "data": {"priority": "p1", "run": "run_0198c0de0198c0de0198c0de0198c0de"},
        })
    }

    fn parse_value(value: &Value) -> Result<Vec<IncomingSignal>, ParseError> {
        parse(&serde_json::to_vec(value).unwrap())
    }

    #[test]
    fn a_structured_event_becomes_a_signal() {
        let signal = parse_value(&event()).unwrap().remove(0);
        assert_eq!(signal.account, "A-1");
        assert_eq!(signal.kind, "ticket.opened");
        assert_eq!((signal.source.as_str(), signal.event_id.as_str()), ("/crm", "evt-1"));
        assert_eq!(signal.at, Some("2026-11-22T09:00:00.123456Z".parse().unwrap()));
        assert_eq!(signal.data["priority"], "p1");
        assert_eq!(signal.run.unwrap().to_string(), "run_0198c0de0198c0de0198c0de0198c0de");
    }

    #[test]
    fn an_event_without_time_happened_when_it_came_and_without_data_says_nothing() {
        let mut bare = event();
        for field in ["time", "data", "datacontenttype"] {
            bare.as_object_mut().unwrap().remove(field);
        }
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let account = "acc_0198c0de0198c0de0198c0de0198c0de".parse().unwrap();
        let signal = parse_value(&bare).unwrap().remove(0).for_account(account, now);
        assert_eq!(signal.at, now);
        assert_eq!(signal.data, json!({}));
        assert_eq!(signal.run, None);
    }

    #[test]
    fn every_fault_names_its_field_and_in_a_batch_its_event() {
        for (field, wrong, says) in [
            ("specversion", json!("0.3"), "is `0.3`"),
            ("id", json!(""), "is empty"),
            ("id", json!(7), "is not a string"),
            ("source", Value::Null, "is missing"),
            ("source", json!("a\nb"), "control character"),
            ("type", json!("rm -rf"), "letters"),
            ("type", json!("manual.requested"), "product itself"),
            ("subject", json!("x".repeat(256)), "longer than 255"),
            ("time", json!("yesterday"), "RFC 3339"),
            ("data", json!([1]), "not a JSON object"),
            ("data", json!({"a": ["b\u{0}"]}), "NUL"),
            ("datacontenttype", json!("text/xml"), "application/json"),
        ] {
            let mut bad = event();
            bad[field] = wrong.clone();
            match parse_value(&bad).unwrap_err() {
                ParseError::Field { index: None, field: named, why } => {
                    assert_eq!(named, field);
                    assert!(why.contains(says), "{field} {wrong}: {why}");
                }
                other => panic!("{other}"),
            }
            let batch = parse_value(&json!([event(), bad])).unwrap_err().to_string();
            assert!(batch.starts_with(&format!("event 1: `{field}`")), "{batch}");
        }
        let mut binary = event();
        binary["data_base64"] = json!("AAAA");
        assert!(parse_value(&binary).unwrap_err().to_string().contains("`data_base64`"));
    }

    #[test]
    fn a_batch_is_read_whole_and_bounded() {
        assert_eq!(parse_value(&json!([event(), event()])).unwrap().len(), 2);
        assert_eq!(parse_value(&json!([])).unwrap(), []);
        let many: Vec<Value> = std::iter::repeat_n(json!({}), MAX_EVENTS + 1).collect();
        assert_eq!(parse_value(&json!(many)), Err(ParseError::TooMany(MAX_EVENTS + 1)));
        let large = vec![b' '; MAX_BODY + 1];
        assert_eq!(parse(&large), Err(ParseError::TooLarge(MAX_BODY + 1)));
        assert!(matches!(parse(b"<html>"), Err(ParseError::NotJson(_))));
        let deep = "[".repeat(200_000);
        assert!(matches!(parse(deep.as_bytes()), Err(ParseError::NotJson(_))));
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&body);
        }

        #[test]
        fn no_field_value_panics(field in "specversion|id|source|type|subject|time|data", text in ".*") {
            let mut value = event();
            value[field.as_str()] = json!(text);
            let _ = parse_value(&value);
        }
    }
}
