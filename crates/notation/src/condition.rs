//! A condition somebody wrote in CEL: compiled once, type-checked, then asked of facts.

mod check;
mod facts;
mod function;
mod parse;
mod share;
mod value;

use std::{panic::AssertUnwindSafe, sync::Arc};

use cel::{Context, IdedExpr, Value};

pub use self::facts::Facts;
use crate::schema::{Schema, Type};

/// The longest condition that is read, in bytes.
pub const MOST_BYTES: usize = 2048;

/// A condition that fits its facts: every name exists, every comparison makes sense, the answer is
/// yes or no.
#[derive(Clone)]
pub struct Condition {
    source: Arc<str>,
    expression: Arc<IdedExpr>,
    /// The roots it asks for, with their types.
    roots: Arc<[(String, Arc<Type>)]>,
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Byte offset of the culprit within the condition.
    pub offset: usize,
    /// Its length in characters, at least 1.
    pub len: usize,
}

/// Why a condition has no answer for some facts. Holds no value of the facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("condition `{condition}` has no answer: {why}")]
pub struct EvalError {
    /// The condition's text.
    pub condition: String,
    /// Why.
    pub why: String,
}

impl Condition {
    /// Reads a condition over the facts of `schema`.
    pub fn compile(text: &str, schema: &Schema) -> Result<Self, ConditionError> {
        let parsed = parse::parse(text)?;
        let checked = check::check(parsed, schema)?;
        Ok(Self {
            source: text.into(),
            expression: Arc::new(checked.expression),
            roots: checked.roots.into(),
        })
    }

    /// The text it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The names of the roots it asks for, sorted.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.roots.iter().map(|(name, _)| name.as_str())
    }

    /// Whether it holds of these facts.
    pub fn holds(&self, facts: &serde_json::Value) -> Result<bool, EvalError> {
        self.holds_of(&Facts::new(facts))
    }

    /// As [`Condition::holds`], for one of many conditions asked of the same facts.
    pub fn holds_of(&self, facts: &Facts<'_>) -> Result<bool, EvalError> {
        let no_answer = |why: String| EvalError { condition: self.source.to_string(), why };
        for (name, of) in &*self.roots {
            facts.provide(name, of).map_err(no_answer)?;
        }
        match facts.ask(|context| evaluate(&self.expression, context)) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(_) => Err(no_answer("it is neither true nor false".to_owned())),
            Err(why) => Err(no_answer(why)),
        }
    }
}

/// The interpreter is a third party's: should it panic, the run must not.
fn evaluate(expression: &IdedExpr, context: &Context<'_, '_>) -> Result<Value, String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| Value::resolve(expression, context)))
        .unwrap_or_else(|_| Err(cel::ExecutionError::function_error("condition", "it broke")))
        .map_err(|error| value::explain(&error))
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Condition").field(&self.source).finish()
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[cfg(test)]
mod tests;
