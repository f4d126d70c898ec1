//! From text to a syntax tree, and from the parser's words to ours.

use std::panic::AssertUnwindSafe;

use cel::{IdedExpr, ParseErrors, common::ast::SourceInfo, parser::Parser};

use super::{ConditionError, MOST_BYTES};

/// The most dots, brackets and operators of a condition.
const MOST_JOINTS: usize = 250;
/// The most brackets and choices within each other.
const DEEPEST: usize = 20;

/// A syntax tree with the places of its nodes.
pub(super) struct Parsed {
    pub(super) expression: IdedExpr,
    pub(super) places: SourceInfo,
}

pub(super) fn parse(text: &str) -> Result<Parsed, ConditionError> {
    let whole = |message: String, help: Option<&str>| ConditionError {
        message,
        help: help.map(str::to_owned),
        offset: 0,
        len: 1,
    };
    if text.len() > MOST_BYTES {
        return Err(whole(
            format!("condition is {} bytes long, at most {MOST_BYTES} are read", text.len()),
            Some("split it over several steps or rules"),
        ));
    }
    if text.trim().is_empty() {
        return Err(whole("condition is empty".to_owned(), Some("leave the key out, or write it")));
    }
    bounded(text)
        .map_err(|message| whole(message, Some("split it over several steps or rules")))?;
    // The generated parser is a third party's: should it panic, the file is refused, no more.
    let parsed = std::panic::catch_unwind(AssertUnwindSafe(|| {
        Parser::new().max_recursion_depth(64).error_recovery_limit(4).parse_with_source_info(text)
    }));
    match parsed {
        Ok(Ok((expression, places))) => Ok(Parsed { expression, places }),
        Ok(Err(errors)) => Err(explain(text, &errors)),
        Err(_) => Err(whole("condition cannot be read".to_owned(), None)),
    }
}

/// The parser recurses on everything that nests and its own limit does not see all of it; a stack
/// that overflows is nothing anybody can catch. So text is counted before it is parsed, quoted or
/// not: to the left, dots and operators nest; to the right, brackets and choices.
fn bounded(text: &str) -> Result<(), String> {
    let joints = text.matches(|c| ".+-*/%<>=![(?".contains(c)).count() + text.matches("in").count();
    if joints > MOST_JOINTS {
        return Err(format!("condition has {joints} operators, at most {MOST_JOINTS} are read"));
    }
    let mut nested = 0_usize;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' | '?' => nested += 1,
            ')' | ']' | '}' => nested = nested.saturating_sub(1),
            _ => {}
        }
        if nested > DEEPEST {
            return Err("condition is nested too deeply".to_owned());
        }
    }
    Ok(())
}

/// The first error in plain words; later ones are mostly its consequences.
fn explain(text: &str, errors: &ParseErrors) -> ConditionError {
    let (message, pos) =
        errors.errors.first().map_or(("", (1, 0)), |error| (error.msg.as_str(), error.pos));
    let offset = offset_of(text, pos);
    let quoted = |from: &str| {
        let rest = message.split_once(from).map_or("", |(_, rest)| rest);
        rest.split('\'').nth(1).unwrap_or_default().to_owned()
    };
    let (message, len) = if message.contains("'<EOF>'") {
        ("condition ends too early".to_owned(), 1)
    } else if message.contains("token recognition error") {
        match text[offset..].chars().next() {
            Some('"' | '\'') | None => ("text without its closing quote".to_owned(), 1),
            Some(other) => (format!("`{}` has no meaning here", other.escape_debug()), 1),
        }
    } else if let Some(kind) =
        ["extraneous input", "mismatched input", "no viable alternative at input"]
            .into_iter()
            .find(|kind| message.contains(kind))
    {
        let found = quoted(kind);
        (format!("`{found}` is not expected here"), found.chars().count().max(1))
    } else if message.contains("ecursion") {
        ("condition is nested too deeply".to_owned(), 1)
    } else {
        (message.lines().next().unwrap_or("condition cannot be read").to_owned(), 1)
    };
    ConditionError { message, help: hint(text), offset, len }
}

/// Help for the slips people make who know other languages.
fn hint(text: &str) -> Option<String> {
    let outside: String = text.split(['"', '\'']).step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = outside.split_whitespace().collect();
    let lone_equals = ["==", "!=", "<=", ">="]
        .iter()
        .fold(outside.clone(), |rest, operator| rest.replace(operator, " "))
        .contains('=');
    let help = if lone_equals {
        "compare with `==`"
    } else if words.contains(&"and") || words.contains(&"AND") {
        "write `&&` for and"
    } else if words.contains(&"or") || words.contains(&"OR") {
        "write `||` for or"
    } else if words.contains(&"not") || words.contains(&"NOT") {
        "write `!` for not"
    } else if text.matches('"').count() % 2 == 1 {
        "close the quote"
    } else {
        return None;
    };
    Some(help.to_owned())
}

/// The parser counts lines and columns from 1, columns in characters.
fn offset_of(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1);
    let column = usize::try_from(column).unwrap_or(0).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &text[start..];
    let within = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    start + within
}
