//! The operators and functions a condition may use, and the operands that suit them.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, operators},
};

use super::{
    ConditionError,
    check::{Checker, TypeResult},
    value,
};
use crate::{schema::Type, suggest};

/// Everything that can be called by name.
const FUNCTIONS: [&str; 15] = [
    "all",
    "contains",
    "double",
    "duration",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "int",
    "map",
    "matches",
    "size",
    "startsWith",
    "timestamp",
];

/// The type of a call whose operands have these types.
pub(super) fn type_of(
    checker: &Checker<'_>,
    call: &mut CallExpr,
    node: &IdedExpr,
    target: Option<&Type>,
    args: &[Type],
) -> TypeResult {
    let name = call.func_name.clone();
    match (name.as_str(), target, args) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, None, _) => {
            for (operand, of) in call.args.iter().zip(args) {
                yes_or_no(checker, operand, of)?;
            }
            Ok(Type::Bool)
        }
        (operators::NOT_STRICTLY_FALSE, None, _) => Ok(Type::Bool),
        (operators::CONDITIONAL, None, [condition, yes, no]) => {
            yes_or_no(checker, &call.args[0], condition)?;
            if yes.comparable(no) {
                Ok(yes.join(no))
            } else {
                let message = format!("one way gives a value of type {yes}, the other {no}");
                Err(checker.call_error(node, call, message, None))
            }
        }
        (operators::EQUALS | operators::NOT_EQUALS, None, [left, right]) => {
            equality(checker, call, node, left, right)
        }
        (
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS,
            None,
            [left, right],
        ) => order(checker, call, node, left, right),
        (
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO,
            None,
            [left, right],
        ) => arithmetic(checker, call, node, left, right),
        (operators::NEGATE, None, [of]) if of.is_number() || *of == Type::Dyn => Ok(of.clone()),
        (operators::IN, None, [item, list]) => membership(checker, call, node, item, list),
        (operators::INDEX, None, [of, index]) => indexing(checker, call, node, of, index),
        _ => named(checker, call, node, target, args),
    }
}

/// How something is written that is no function, though it looks like one.
pub(super) fn how_to_write(name: &str) -> Option<String> {
    match name {
        "all" | "exists" | "exists_one" | "filter" | "map" => {
            Some(format!("write it as list.{name}(item, …item…)"))
        }
        "has" => Some("write it as has(account.name)".to_owned()),
        _ => None,
    }
}

/// The sign people write for an operator.
fn sign(function: &str) -> &str {
    if function == operators::IN { "in" } else { function.trim_matches('_') }
}

fn yes_or_no(checker: &Checker<'_>, operand: &IdedExpr, of: &Type) -> Result<(), ConditionError> {
    match of {
        Type::Bool | Type::Dyn => Ok(()),
        other => {
            let help = other.is_number().then(|| "compare it, for example `… > 0`".to_owned());
            let message = format!("expected true or false, this is of type {other}");
            Err(checker.error(operand, message, help))
        }
    }
}

fn misfit(
    checker: &Checker<'_>,
    call: &CallExpr,
    node: &IdedExpr,
    left: &Type,
    right: &Type,
) -> ConditionError {
    let help = match (left, right) {
        (Type::Null, _) | (_, Type::Null) => {
            Some("facts are never null: unknown texts are \"\", unknown numbers -1".to_owned())
        }
        (Type::Timestamp, _) | (_, Type::Timestamp) => {
            Some("write moments as timestamp(\"2026-01-31T00:00:00Z\")".to_owned())
        }
        (Type::Duration, _) | (_, Type::Duration) => {
            Some("write stretches of time as duration(\"24h\")".to_owned())
        }
        (number, text) | (text, number) if number.is_number() && text.is_text() => {
            Some("write numbers without quotes".to_owned())
        }
        _ => None,
    };
    let sign = sign(&call.func_name);
    let message = format!("`{sign}` does not work between {left} and {right}");
    checker.call_error(node, call, message, help)
}

fn equality(
    checker: &Checker<'_>,
    call: &CallExpr,
    node: &IdedExpr,
    left: &Type,
    right: &Type,
) -> TypeResult {
    if !left.comparable(right) {
        return Err(misfit(checker, call, node, left, right));
    }
    known_word(checker, left, &call.args[1])?;
    known_word(checker, right, &call.args[0])?;
    Ok(Type::Bool)
}

/// A literal compared with a value out of a closed vocabulary must be one of its words.
fn known_word(checker: &Checker<'_>, of: &Type, literal: &IdedExpr) -> Result<(), ConditionError> {
    match (of, text_of(literal)) {
        (Type::OneOf(words), Some(word)) if !words.contains(&word) => {
            let known = words.iter().copied().filter(|word| !word.is_empty());
            let help = suggest::help(word, known);
            Err(checker.error(literal, format!("this is never \"{word}\""), help))
        }
        _ => Ok(()),
    }
}

fn text_of(node: &IdedExpr) -> Option<&str> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn order(
    checker: &Checker<'_>,
    call: &CallExpr,
    node: &IdedExpr,
    left: &Type,
    right: &Type,
) -> TypeResult {
    let ordered = |of: &Type| of.is_number() || of.is_text() || *of == Type::Dyn;
    let moments = matches!(left, Type::Timestamp | Type::Duration) && left == right;
    if moments || (ordered(left) && ordered(right) && left.comparable(right)) {
        Ok(Type::Bool)
    } else {
        Err(misfit(checker, call, node, left, right))
    }
}

fn arithmetic(
    checker: &Checker<'_>,
    call: &mut CallExpr,
    node: &IdedExpr,
    left: &Type,
    right: &Type,
) -> TypeResult {
    use Type::{Double, Duration, Dyn, Int, List, Timestamp};
    let name = call.func_name.as_str();
    let of = match (name, left, right) {
        (operators::MODULO, Int, Int) => Some(Int),
        (operators::MODULO, _, _) => None,
        (_, Int, Int) => Some(Int),
        (_, Double, Double) => Some(Double),
        (_, Int, Double) => {
            as_double(&mut call.args[0]);
            return Ok(Double);
        }
        (_, Double, Int) => {
            as_double(&mut call.args[1]);
            return Ok(Double);
        }
        (_, Dyn, other) | (_, other, Dyn) if other.is_number() || *other == Dyn => Some(Dyn),
        (operators::ADD, a, b) if a.is_text() && b.is_text() => Some(Type::String),
        (operators::ADD, Dyn, text) | (operators::ADD, text, Dyn) if text.is_text() => {
            Some(Type::String)
        }
        (operators::ADD, List(_), List(of)) if **of == Dyn => Some(left.clone()),
        (operators::ADD, List(of), List(_)) if **of == Dyn => Some(right.clone()),
        (operators::ADD, List(_), List(_)) => Some(left.join(right)),
        (operators::ADD, Timestamp, Duration) | (operators::ADD, Duration, Timestamp) => {
            Some(Timestamp)
        }
        (operators::SUBSTRACT, Timestamp, Duration) => Some(Timestamp),
        (operators::ADD | operators::SUBSTRACT, Duration, Duration)
        | (operators::SUBSTRACT, Timestamp, Timestamp) => Some(Duration),
        _ => None,
    };
    of.ok_or_else(|| misfit(checker, call, node, left, right))
}

/// The interpreter does not add whole numbers to others; people do.
fn as_double(operand: &mut IdedExpr) {
    let id = operand.id;
    let whole = std::mem::take(operand);
    let call = CallExpr { func_name: "double".to_owned(), target: None, args: vec![whole] };
    *operand = IdedExpr { id, expr: Expr::Call(call) };
}

fn membership(
    checker: &Checker<'_>,
    call: &CallExpr,
    node: &IdedExpr,
    item: &Type,
    list: &Type,
) -> TypeResult {
    match list {
        Type::Dyn => Ok(Type::Bool),
        Type::Map { .. } if item.is_text() || *item == Type::Dyn => Ok(Type::Bool),
        Type::List(of) if of.comparable(item) => {
            if let Expr::List(words) = &call.args[1].expr {
                for word in &words.elements {
                    known_word(checker, item, word)?;
                }
            }
            known_word(checker, of, &call.args[0])?;
            Ok(Type::Bool)
        }
        _ => Err(misfit(checker, call, node, item, list)),
    }
}

fn indexing(
    checker: &Checker<'_>,
    call: &CallExpr,
    node: &IdedExpr,
    of: &Type,
    index: &Type,
) -> TypeResult {
    match (of, index) {
        (Type::List(item), Type::Int | Type::Dyn) => Ok((**item).clone()),
        (Type::Map { .. }, index) if index.is_text() => {
            checker.indexed_field(of, &call.args[1]).unwrap_or(Ok(Type::Dyn))
        }
        (Type::Dyn, _) => Ok(Type::Dyn),
        _ => {
            let message = format!("a value of type {of} has no item under one of type {index}");
            Err(checker.call_error(node, call, message, None))
        }
    }
}

fn named(
    checker: &Checker<'_>,
    call: &CallExpr,
    node: &IdedExpr,
    target: Option<&Type>,
    args: &[Type],
) -> TypeResult {
    let text = |of: &Type| of.is_text() || *of == Type::Dyn;
    let name = call.func_name.as_str();
    let literal = |is_one: fn(&str) -> bool, what: &str| match text_of(&call.args[0]) {
        Some(given) if !is_one(given) => {
            Err(checker.error(&call.args[0], format!("\"{given}\" is not {what}"), None))
        }
        _ => Ok(()),
    };
    match (name, target, args) {
        ("size", None, [of]) | ("size", Some(of), []) if has_size(of) => Ok(Type::Int),
        ("contains" | "startsWith" | "endsWith", Some(of), [part]) if text(of) && text(part) => {
            Ok(Type::Bool)
        }
        ("matches", Some(of), [pattern]) if text(of) && text(pattern) => {
            literal(|given| regex::Regex::new(given).is_ok(), "a regular expression")?;
            Ok(Type::Bool)
        }
        ("timestamp", None, [of]) if text(of) => {
            literal(
                |given| given.parse::<jiff::Timestamp>().is_ok(),
                "a moment such as 2026-01-31T00:00:00Z",
            )?;
            Ok(Type::Timestamp)
        }
        ("duration", None, [of]) if text(of) => {
            literal(|given| value::micros(given).is_some(), "a time such as 24h or 5d")?;
            Ok(Type::Duration)
        }
        ("int", None, [of]) if of.is_number() || text(of) => Ok(Type::Int),
        ("double", None, [of]) if of.is_number() || text(of) => Ok(Type::Double),
        ("string", None, [of]) if of.is_number() || text(of) || *of == Type::Bool => {
            Ok(Type::String)
        }
        _ => Err(refusal(checker, call, node, target, args)),
    }
}

const fn has_size(of: &Type) -> bool {
    matches!(of, Type::String | Type::OneOf(_) | Type::List(_) | Type::Map { .. } | Type::Dyn)
}

fn refusal(
    checker: &Checker<'_>,
    call: &CallExpr,
    node: &IdedExpr,
    target: Option<&Type>,
    args: &[Type],
) -> ConditionError {
    let name = call.func_name.as_str();
    let operator = name.contains('_') && !FUNCTIONS.contains(&name);
    if operator || name.starts_with('@') {
        let types: Vec<String> = args.iter().map(ToString::to_string).collect();
        let message = format!("`{}` does not work on {}", sign(name), types.join(" and "));
        return checker.call_error(node, call, message, None);
    }
    if !FUNCTIONS.contains(&name) && name != "string" {
        let help = suggest::help(name, FUNCTIONS);
        return checker.call_error(node, call, format!("there is no function `{name}`"), help);
    }
    let mut types: Vec<String> = args.iter().map(ToString::to_string).collect();
    let help = matches!(name, "contains" | "startsWith" | "endsWith" | "matches")
        .then(|| format!("write it as text.{name}(\"part\")"));
    if let Some(target) = target {
        types.insert(0, target.to_string());
    }
    let message = format!("`{name}` does not work on {}", types.join(" and "));
    checker.call_error(node, call, message, help)
}
