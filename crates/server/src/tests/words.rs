//! Every event in plain words.

use domain::event::{Event, StoredEvent};
use serde_json::{Value, json};

use crate::{
    tests::sample,
    timeline::{self, Names, Tone},
};

#[test]
fn every_kind_of_event_has_a_sentence_of_its_own() {
    let events = sample::events();
    let schema = schemars::schema_for!(Event);
    let known: Vec<&str> = schema
        .as_value()
        .pointer("/oneOf")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .filter_map(|variant| variant.pointer("/properties/event/const").and_then(Value::as_str))
        .collect();
    assert!(known.len() > 40, "{}", known.len());
    let names = sample::names();
    let mut sentences = Vec::new();
    for kind in known {
        let event = events
            .iter()
            .find(|event| serde_json::to_value(event).unwrap()["event"] == kind)
            .unwrap_or_else(|| panic!("no sample of `{kind}`"));
        let sentence = timeline::sentence(event, &names);
        assert!(
            sentence.starts_with(|c: char| c.is_uppercase() || c == '`' || c.is_numeric()),
            "{sentence}"
        );
        assert!(!sentence.contains("usr_") && !sentence.contains("acc_"), "{sentence}");
        assert!(!sentence.contains("..") && !sentence.contains(" ."), "{sentence}");
        assert!(!sentences.contains(&sentence), "two kinds say: {sentence}");
        sentences.push(sentence);
    }
}

fn stored(data: &str) -> StoredEvent {
    StoredEvent {
        stream: "switch".to_owned(),
        seq: 1,
        at: sample::now().as_microsecond(),
        actor: serde_json::to_string(&sample::actor()).unwrap(),
        data: data.to_owned(),
        prev: vec![0; 32],
        hash: vec![1; 32],
    }
}

#[test]
fn a_line_names_who_did_it() {
    let event = Event::KillEngaged { scope: "all".to_owned(), reason: "a drill".to_owned() };
    let entry = timeline::entry(&stored(&serde_json::to_string(&event).unwrap()), &sample::names());
    assert_eq!(entry.who, "Maria Keller");
    assert_eq!(entry.says, "Sending was stopped for all: a drill.");
    assert_eq!(entry.tone, Tone::Bad);
    assert_eq!(entry.at, sample::now());
}

#[test]
fn an_event_of_a_later_version_is_shown_and_not_hidden() {
    let raw = json!({ "event": "moon_landed", "where": "sea" }).to_string();
    let entry = timeline::entry(&stored(&raw), &Names::default());
    assert!(entry.says.contains("moon_landed"), "{}", entry.says);
    let broken = timeline::entry(&stored("{"), &Names::default());
    assert_eq!(broken.event, Value::from("{"));
}
