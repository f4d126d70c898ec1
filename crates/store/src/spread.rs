//! What PostgreSQL is handed in place of rows in JSON: an array for each of their columns.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::{batch::Batch, sql::Value};

/// What a column of rows holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int,
    Double,
    Bytes,
}

impl Kind {
    /// By the word that [`sql!`](crate::sql::sql) takes for it.
    fn of(word: &str) -> Self {
        match word {
            "BIGINT" => Self::Int,
            "DOUBLE" => Self::Double,
            "BYTES" => Self::Bytes,
            _ => Self::Text,
        }
    }
}

/// A value as PostgreSQL is handed it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
    Texts(Vec<Option<String>>),
    Ints(Vec<Option<i64>>),
    Doubles(Vec<Option<f64>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Bound {
    /// What PostgreSQL calls its type.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Int(_) => "bigint",
            Self::Bytes(_) => "bytea",
            Self::Texts(_) => "text[]",
            Self::Ints(_) => "bigint[]",
            Self::Doubles(_) => "double precision[]",
            Self::Blobs(_) => "bytea[]",
        }
    }

    /// The value as it is written in a statement.
    pub(crate) fn literal(&self) -> String {
        let text = |text: &String| format!("'{}'", text.replace('\'', "''"));
        let bytes = |bytes: &Vec<u8>| format!("'\\x{}'::bytea", hex::encode(bytes));
        match self {
            Self::Text(value) => one(value.as_ref(), text),
            Self::Int(value) => one(value.as_ref(), i64::to_string),
            Self::Bytes(value) => one(value.as_ref(), bytes),
            Self::Texts(values) => self.all(values, text),
            Self::Ints(values) => self.all(values, i64::to_string),
            Self::Doubles(values) => self.all(values, f64::to_string),
            Self::Blobs(values) => self.all(values, bytes),
        }
    }

    fn all<T>(&self, values: &[Option<T>], write: impl Fn(&T) -> String) -> String {
        let values: Vec<_> = values.iter().map(|value| one(value.as_ref(), &write)).collect();
        format!("ARRAY[{}]::{}", values.join(", "), self.kind())
    }
}

fn one<T>(value: Option<&T>, write: impl Fn(&T) -> String) -> String {
    value.map_or_else(|| "NULL".to_owned(), write)
}

/// A part of a value that a statement of [`sql!`](crate::sql::sql) asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    /// The value as it is: `$1`.
    Whole,
    /// The texts of an array: `$1[]`.
    List,
    /// A column of rows: `$1{a TEXT,b BIGINT}` asks for two.
    Column(&'a str),
}

/// The parameters of the statement that is written.
#[derive(Default)]
struct Written<'a> {
    text: String,
    /// What each stands for: the place of the value, from 1, and the part of it.
    known: Vec<(usize, Part<'a>)>,
    bound: Vec<Bound>,
}

impl<'a> Written<'a> {
    /// Writes a parameter; one that is written already keeps its number.
    fn parameter(
        &mut self,
        number: usize,
        part: Part<'a>,
        make: impl FnOnce() -> Result<Bound, sqlx::Error>,
    ) -> Result<(), sqlx::Error> {
        let name = (number, part);
        let place = if let Some(place) = self.known.iter().position(|known| *known == name) {
            place
        } else {
            self.known.push(name);
            self.bound.push(make()?);
            self.known.len() - 1
        };
        self.text.push('$');
        self.text.push_str(&(place + 1).to_string());
        Ok(())
    }

    /// Writes a parameter for each column of rows, `a TEXT,b BIGINT`.
    fn columns(
        &mut self,
        number: usize,
        columns: &'a str,
        batch: &dyn Batch,
    ) -> Result<(), sqlx::Error> {
        for (index, column) in columns.split(',').enumerate() {
            let (name, kind) = column.split_once(' ').unwrap_or((column, ""));
            if index > 0 {
                self.text.push_str(", ");
            }
            self.parameter(number, Part::Column(name), || Ok(batch.column(name, Kind::of(kind))))?;
        }
        Ok(())
    }
}

/// A statement with its values as PostgreSQL is handed them: each column of rows, and each list, is
/// an array of its own, and everything is numbered anew.
pub(crate) fn spread(text: SqlStr, args: &[Value]) -> Result<(SqlStr, Vec<Bound>), sqlx::Error> {
    if !text.as_str().contains("[]") && !text.as_str().contains('{') {
        let bound = args.iter().map(whole).collect();
        return Ok((text, bound));
    }
    let mut written = Written::default();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        written.text.push_str(before);
        let digits = from.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        let (name, after) = from.split_at(1 + digits);
        rest = after;
        let number = name.get(1..).and_then(|number| number.parse::<usize>().ok());
        let value = number.and_then(|number| Some((number, args.get(number.checked_sub(1)?)?)));
        let Some((number, value)) = value else {
            written.text.push_str(name);
            continue;
        };
        if let Some(after) = after.strip_prefix("[]") {
            written.parameter(number, Part::List, || list(value))?;
            rest = after;
        } else if let Some((columns, after)) =
            after.strip_prefix('{').and_then(|after| after.split_once('}'))
        {
            match value {
                Value::Rows(batch) => written.columns(number, columns, &**batch)?,
                json => written.columns(number, columns, &parse(json)?)?,
            }
            rest = after;
        } else {
            written.parameter(number, Part::Whole, || Ok(whole(value)))?;
        }
    }
    written.text.push_str(rest);
    // Safe: but for the numbers of parameters it is the statement it was.
    Ok((AssertSqlSafe(written.text).into_sql_str(), written.bound))
}

fn whole(value: &Value) -> Bound {
    match value {
        Value::Text(text) => Bound::Text(text.clone()),
        Value::Int(number) => Bound::Int(*number),
        Value::Bytes(bytes) => Bound::Bytes(bytes.clone()),
        Value::Rows(batch) => Bound::Text(Some(batch.json())),
    }
}

/// The texts of a JSON array.
fn list(value: &Value) -> Result<Bound, sqlx::Error> {
    let texts = parse(value)?.into_iter().map(|each| match each {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    });
    Ok(Bound::Texts(texts.collect()))
}

/// The items of a JSON array.
fn parse(value: &Value) -> Result<Vec<serde_json::Value>, sqlx::Error> {
    let text = match value {
        Value::Text(Some(text)) => text.as_str(),
        _ => "",
    };
    serde_json::from_str(text).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Sql, sql};

    fn spread(sql: &Sql, args: &[Value]) -> (String, Vec<Bound>) {
        let (text, bound) = super::spread(sql.postgres.clone(), args).unwrap();
        (text.as_str().to_owned(), bound)
    }

    #[test]
    fn rows_travel_as_an_array_for_each_column() {
        let sql = sql!("UPDATE t SET a = r.a, at = $2 FROM "
            {rows "$1" (id TEXT, a BIGINT, b BYTES, c DOUBLE)} "WHERE t.id = r.id AND t.x = $2");
        let rows = vec![
            serde_json::json!({ "id": "x\u{1}y", "a": 1, "b": "01ff", "c": 2 }),
            serde_json::json!({ "id": {"k": [1]}, "b": null, "c": 0.5 }),
        ];
        let expected = [
            Bound::Int(Some(7)),
            Bound::Texts(vec![Some("x\u{1}y".to_owned()), Some("{\"k\":[1]}".to_owned())]),
            Bound::Ints(vec![Some(1), None]),
            Bound::Blobs(vec![Some(vec![1, 255]), None]),
            Bound::Doubles(vec![Some(2.0), Some(0.5)]),
        ];
        for value in [Value::json(&rows), Value::rows(rows.clone())] {
            let (text, bound) = spread(&sql, &[value, Value::from(7_i64)]);
            assert_eq!(
                text,
                "UPDATE t SET a = r.a, at = $1 FROM unnest($2, $3, $4, $5) AS r(id, a, b, c) \
                 WHERE t.id = r.id AND t.x = $1"
            );
            assert_eq!(bound, expected);
        }
    }

    #[test]
    fn no_nul_character_travels() {
        let sql = sql!("SELECT * FROM " {rows "$1" (a TEXT)});
        let (_, bound) = spread(&sql, &[Value::rows(vec![serde_json::json!({ "a": "x\0y" })])]);
        assert_eq!(bound, [Bound::Texts(vec![Some("xy".to_owned())])]);
    }

    #[test]
    fn a_list_travels_as_an_array_and_a_dollar_may_stand_for_itself() {
        let sql = sql!("SELECT '$.a', $1 FROM t WHERE id" {among "$2"} "OR of" {among "$2"});
        let (text, bound) = spread(&sql, &[Value::from(3_i64), Value::json(&["it's", "b"])]);
        assert_eq!(text, "SELECT '$.a', $1 FROM t WHERE id = ANY($2) OR of = ANY($2) ");
        assert_eq!(bound.iter().map(Bound::kind).collect::<Vec<_>>(), ["bigint", "text[]"]);
        assert_eq!(bound[1].literal(), "ARRAY['it''s', 'b']::text[]");
    }
}
