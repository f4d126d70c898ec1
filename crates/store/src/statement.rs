//! Statements told as they run, with where they are written: so that tests can say which of them
//! never run, and by which indexes the others find their rows.

use std::{panic::Location, sync::OnceLock};

use crate::sql::Sql;

/// How the values of a statement are written, by their places from 0.
pub(crate) type Literals<'a> = &'a dyn Fn(usize) -> Option<String>;

/// A statement about to be run.
pub struct Statement<'a> {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// Where it, and each of its optional clauses, is written in the store's source.
    pub sites: Vec<&'static Location<'static>>,
    prepared: Option<(&'a str, Literals<'a>)>,
}

impl Statement<'_> {
    /// Its text with the values written out, for `EXPLAIN`; none of what is run without being
    /// prepared: locks, settings, schema.
    pub fn written_out(&self) -> Option<String> {
        let (text, literal) = self.prepared?;
        let mut parts = text.split('$');
        let mut written = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = part.split_at(digits);
            let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
            if let Some(value) = place.and_then(literal) {
                written.push_str(&value);
            } else {
                // A dollar that stands for itself, in a path of JSON.
                written.push('$');
                written.push_str(number);
            }
            written.push_str(rest);
        }
        Some(written)
    }
}

/// Hears of every statement that is run.
type Observer = Box<dyn Fn(&Statement<'_>) + Send + Sync>;

static OBSERVER: OnceLock<Observer> = OnceLock::new();

/// Calls this with every statement the store is about to run in this process, for tests. Without an
/// observer it costs one look at whether there is one. The first observer stays.
pub fn observe_statements(observer: impl Fn(&Statement<'_>) + Send + Sync + 'static) {
    // A second observer is turned away, as documented.
    let _first = OBSERVER.set(Box::new(observer));
}

/// Tells that a statement is run, with this text.
pub(crate) fn runs(engine: &'static str, sql: &Sql, text: &str, literals: Literals<'_>) {
    if let Some(observer) = OBSERVER.get() {
        let sites = sql.sites().collect();
        observer(&Statement { engine, sites, prepared: Some((text, literals)) });
    }
}

/// Tells that a statement written there is run as it is.
pub(crate) fn runs_at(engine: &'static str, site: &'static Location<'static>) {
    if let Some(observer) = OBSERVER.get() {
        observer(&Statement { engine, sites: vec![site], prepared: None });
    }
}

/// Tells that the statement that follows is run, where none of the usual doors is taken.
#[track_caller]
pub(crate) fn runs_here(engine: &'static str) {
    runs_at(engine, Location::caller());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Value, args};

    #[test]
    fn a_statement_is_written_out_with_its_values() {
        let sql = "SELECT $2, $1, value ->> '$.a' FROM t WHERE b = $3 AND c = $10";
        let args = args![1_i64, "it's", vec![1_u8, 255], 4_i64, 5_i64, 6_i64, 7_i64, 8_i64, 9_i64];
        let literals = |place: usize| args.get(place).map(Value::literal);
        let statement =
            Statement { engine: "sqlite", sites: Vec::new(), prepared: Some((sql, &literals)) };
        assert_eq!(
            statement.written_out().unwrap(),
            "SELECT 'it''s', 1, value ->> '$.a' FROM t WHERE b = x'01ff' AND c = $10"
        );
    }
}
