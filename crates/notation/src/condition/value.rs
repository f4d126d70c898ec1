//! From JSON facts to the interpreter's values, guided by their types.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{Context, Env, ExecutionError, Value, objects::Map};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{period::Period, schema::Type};

static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// The functions a condition may call, without any facts yet.
///
/// Moments and stretches of time are microseconds inside: the checker keeps them apart from
/// numbers, so whole-number arithmetic is all they need.
pub(super) fn context() -> Context<'static, 'static> {
    let mut context = Context::with_env(Arc::clone(&STANDARD));
    // Both fail only when the standard library has the name already, and then theirs is used.
    let _ = context.add_function("timestamp", |text: Arc<String>| {
        text.parse::<Timestamp>()
            .map(Timestamp::as_microsecond)
            .map_err(|_| ExecutionError::function_error("timestamp", "text is no RFC 3339 moment"))
    });
    let _ = context.add_function("duration", |text: Arc<String>| {
        micros(&text).ok_or_else(|| {
            ExecutionError::function_error("duration", "text is no time such as 24h or 5d")
        })
    });
    context
}

pub(super) fn micros(text: &str) -> Option<i64> {
    let period: Period = text.parse().ok()?;
    i64::try_from(period.get().as_micros()).ok()
}

/// The value of a fact, or none when it is not of its type.
pub(super) fn of_json(json: &Json, of: &Type) -> Option<Value> {
    Some(match (of, json) {
        (Type::Bool, Json::Bool(answer)) => Value::Bool(*answer),
        (Type::Int, Json::Number(number)) => Value::Int(number.as_i64().or_else(|| {
            let whole = number.as_f64()?;
            #[expect(clippy::cast_possible_truncation, reason = "checked to be a small integer")]
            (whole.fract() == 0.0 && whole.abs() < 9e15).then_some(whole as i64)
        })?),
        (Type::Double, Json::Number(number)) => Value::Float(number.as_f64()?),
        (Type::String | Type::OneOf(_), Json::String(text)) => text_value(text),
        (Type::Timestamp, Json::String(text)) => {
            Value::Int(text.parse::<Timestamp>().ok()?.as_microsecond())
        }
        (Type::Duration, Json::String(text)) => Value::Int(micros(text)?),
        (Type::List(of), Json::Array(items)) => {
            let items: Option<Vec<Value>> = items.iter().map(|item| of_json(item, of)).collect();
            Value::List(Arc::new(items?))
        }
        (Type::Map { fields, open }, Json::Object(object)) => {
            let mut map = HashMap::with_capacity(object.len());
            for (name, json) in object {
                let value = match fields.get(name) {
                    Some(of) => of_json(json, of)?,
                    None if *open => anything(json),
                    None => continue,
                };
                map.insert(name.clone().into(), value);
            }
            Value::Map(Map { map: Arc::new(map) })
        }
        (Type::Dyn, json) => anything(json),
        (Type::Null, Json::Null) => Value::Null,
        _ => return None,
    })
}

fn anything(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(answer) => Value::Bool(*answer),
        Json::Number(number) => number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_f64().map(Value::Float))
            .unwrap_or(Value::Null),
        Json::String(text) => text_value(text),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(anything).collect())),
        Json::Object(object) => {
            let map = object.iter().map(|(name, json)| (name.clone().into(), anything(json)));
            Value::Map(Map { map: Arc::new(map.collect()) })
        }
    }
}

fn text_value(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

/// The interpreter's error without any value of the facts, which may be personal.
pub(super) fn explain(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => {
            format!("no field `{key}` in this case; ask `has(…)` first")
        }
        ExecutionError::UndeclaredReference(name) => format!("nothing is called `{name}`"),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number grows too large".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "the list has no such item".to_owned(),
        ExecutionError::FunctionError { function, .. } => {
            format!("`{function}` cannot be applied to this value")
        }
        _ => "its values are of types that do not fit together".to_owned(),
    }
}
