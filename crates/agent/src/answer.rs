//! The forms an answer may take, and reading a model's text as one of them.

use std::sync::LazyLock;

use domain::action::{RiskCategory, Severity, Team};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{model::Schema, prompt::Task};

/// A drafted letter, placeholders still in it. No recipient: the CRM chooses that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LetterAnswer {
    /// Subject line.
    pub(crate) subject: String,
    /// Plain text.
    pub(crate) body: String,
    /// Ids of the facts used.
    #[serde(default)]
    pub(crate) used_facts: Vec<String>,
    /// From 0 to 1.
    #[serde(default)]
    pub(crate) confidence: Option<f64>,
}

/// A classified risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteAnswer {
    /// What it is about.
    pub(crate) category: RiskCategory,
    /// How bad.
    pub(crate) severity: Severity,
    /// Who should own it.
    pub(crate) owner: Team,
    /// Why, each naming a fact.
    pub(crate) reasons: Vec<String>,
    /// From 0 to 1.
    pub(crate) confidence: f64,
}

/// A summary, placeholders still in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SummaryAnswer {
    /// Three to six sentences.
    pub(crate) summary: String,
}

/// An answer of any form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Parsed {
    Letter(LetterAnswer),
    Route(RouteAnswer),
    Summary(SummaryAnswer),
}

/// The schema of a task's answer, in the subset that strict endpoints accept.
pub(crate) fn schema(task: Task) -> Schema {
    static ALL: LazyLock<[Value; 3]> = LazyLock::new(|| {
        [strict::<LetterAnswer>(), strict::<RouteAnswer>(), strict::<SummaryAnswer>()]
    });
    let index = match task {
        Task::Letter => 0,
        Task::Route => 1,
        Task::Summary => 2,
    };
    Schema { name: task.as_str(), json: ALL[index].clone() }
}

fn strict<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    schema
}

/// Strict endpoints want every property required and know neither titles nor limits.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for key in ["$schema", "title", "format", "default", "minimum", "maximum"] {
                if fields.get(key).is_some_and(|value| !value.is_object()) || key == "default" {
                    fields.remove(key);
                }
            }
            if let Some(Value::Object(properties)) = fields.get("properties") {
                let names = properties.keys().cloned().map(Value::String).collect();
                fields.insert("required".to_owned(), Value::Array(names));
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// Reads a model's text: the JSON object alone, or inside a code fence, or after a few words.
/// The error says what is wrong without repeating the answer.
pub(crate) fn parse(task: Task, text: &str) -> Result<Parsed, String> {
    let json = object(text).ok_or("it holds no JSON object")?;
    match task {
        Task::Letter => {
            let letter: LetterAnswer = read(json)?;
            in_range(letter.confidence.unwrap_or(0.5))?;
            Ok(Parsed::Letter(letter))
        }
        Task::Route => {
            let route: RouteAnswer = read(json)?;
            in_range(route.confidence)?;
            if route.reasons.is_empty() || route.reasons.len() > 8 {
                return Err("`reasons` must hold one to four sentences".to_owned());
            }
            Ok(Parsed::Route(route))
        }
        Task::Summary => {
            let summary: SummaryAnswer = read(json)?;
            match summary.summary.trim().chars().count() {
                0 => Err("`summary` is empty".to_owned()),
                n if n > 4000 => Err("`summary` is longer than 4000 characters".to_owned()),
                _ => Ok(Parsed::Summary(summary)),
            }
        }
    }
}

fn in_range(confidence: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&confidence) {
        Ok(())
    } else {
        Err("`confidence` is not from 0 to 1".to_owned())
    }
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|err| {
        let words = err.to_string();
        let line = format!("line {} column {}", err.line(), err.column());
        // Messages about unknown or missing fields name them; others may quote values.
        let field = words.split('`').nth(1).filter(|name| {
            name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        match (field, words.split_whitespace().next()) {
            (Some(name), Some("unknown")) => format!("unknown field or value `{name}`"),
            (Some(name), Some("missing")) => format!("field `{name}` is missing"),
            (Some(name), Some("duplicate")) => format!("field `{name}` is given twice"),
            _ if err.is_data() => format!("a field has the wrong type, {line}"),
            _ => format!("it is no valid JSON, {line}"),
        }
    })
}

/// The outermost JSON object in a text.
fn object(text: &str) -> Option<&str> {
    let start = text.find('{')?;
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(&text[start..=at]);
                }
            }
            _ => {}
        }
    }
    Some(&text[start..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LETTER: &str = r#"{"subject":"S","body":"B","used_facts":["f1"],"confidence":0.5}"#;

    #[test]
    fn an_answer_is_read_bare_fenced_and_after_words() {
        let bare = parse(Task::Letter, LETTER).unwrap();
        for text in
            [format!("```json\n{LETTER}\n```"), format!("Here you are:\n{LETTER}\nRegards {{}}")]
        {
            assert_eq!(parse(Task::Letter, &text).unwrap(), bare, "{text}");
        }
    }

    #[test]
    fn gv_13_a_field_that_is_not_in_the_schema_is_refused_by_name() {
        let sneaky =
            LETTER.replace("{\"subject\"", "{\"recipient\":\"eve@evil.example\",\"subject\"");
        assert_eq!(parse(Task::Letter, &sneaky).unwrap_err(), "unknown field or value `recipient`");
        for (task, text, why) in [
            (Task::Letter, "no json", "no JSON object"),
            (Task::Letter, "{\"subject\":\"S\"", "no valid JSON"),
            (Task::Letter, "{\"subject\":\"S\"}", "`body` is missing"),
            (Task::Letter, "{\"subject\":1,\"body\":\"\"}", "wrong type"),
            (Task::Letter, r#"{"subject":"S","body":"B","confidence":7}"#, "not from 0 to 1"),
            (Task::Summary, r#"{"summary":" "}"#, "is empty"),
            (
                Task::Route,
                r#"{"category":"doom","severity":"high","owner":"csm","reasons":["x"],"confidence":1}"#,
                "unknown field or value `doom`",
            ),
        ] {
            let err = parse(task, text).unwrap_err();
            assert!(err.contains(why), "{text}: {err}");
        }
    }

    #[test]
    fn schemas_are_strict_and_agree_with_what_is_read() {
        let route = schema(Task::Route).json;
        assert_eq!(route["additionalProperties"], false);
        assert_eq!(route["required"].as_array().unwrap().len(), 5);
        assert!(
            route["properties"]["severity"]["enum"].as_array().unwrap().contains(&"high".into()),
            "{route}"
        );
        let letter = schema(Task::Letter).json;
        assert_eq!(letter["required"].as_array().unwrap().len(), 4);
        assert!(!letter.to_string().contains("$ref"), "{letter}");
        assert!(letter["properties"].get("recipient").is_none());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,80}|[{}\\[\\]\",:\\\\a-z0-9]{0,80}") {
            for task in [Task::Letter, Task::Route, Task::Summary] {
                let _ = parse(task, &text);
            }
        }
    }
}
