//! Reads the YAML and CEL that people write: spans, carets, suggestions, type-checked conditions. Pure.

pub mod condition;
pub mod diagnostic;
pub mod facts;
pub mod period;
pub mod schema;
pub mod spanned;
pub mod suggest;
pub mod yaml;

pub use condition::{Condition, ConditionError, EvalError, Facts};
pub use diagnostic::{Diagnostic, Diagnostics, Level, Place};
pub use period::Period;
pub use schema::{Schema, Type};
pub use spanned::Spanned;
