//! How a source's columns and words map to canonical fields: presets, and files people write.

use std::collections::BTreeMap;

use domain::record::Entity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    field,
    preset::{self, Table},
    value::DateOrder,
};

/// A mapping: how each table's files look.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) name: String,
    pub(super) source: Option<String>,
    pub(super) sheets: Vec<Sheet>,
}

/// How the files of one table look.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    pub(super) entity: Entity,
    /// Only files of this name, `*` and `?` being wild cards.
    pub(super) glob: Option<String>,
    /// Words that such files often have in their names.
    pub(super) hints: Vec<&'static str>,
    /// Per canonical field, the columns to look at, in order; the first that says something counts.
    pub(super) columns: BTreeMap<&'static str, Vec<String>>,
    pub(super) words: Vec<Translation>,
    /// What a field is when no column says it; `{column}` stands for a column's value.
    pub(super) defaults: BTreeMap<&'static str, String>,
    pub(super) dates: DateOrder,
}

/// What a source's word means.
#[derive(Clone, Debug)]
pub(super) struct Translation {
    pub(super) field: &'static str,
    /// Only in this column; empty for all.
    pub(super) column: String,
    pub(super) from: String,
    /// The canonical word; empty if the column says nothing by it.
    pub(super) to: String,
}

/// Why a mapping file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// It is not YAML, or has other keys than it should.
    #[error("{0}")]
    Yaml(notation::diagnostic::Diagnostics),
    /// It maps nothing.
    #[error("mapping file `{0}` is an empty list; name at least one `entity` with its `columns`")]
    Empty(String),
    /// It names a field that the table does not have.
    #[error("mapping file `{file}`: `{entity}` has no field `{field}`; it has {known}")]
    Field {
        /// The mapping file.
        file: String,
        /// The table.
        entity: Entity,
        /// What was written.
        field: String,
        /// What would have been understood.
        known: String,
    },
    /// It leaves out a field that the table cannot do without.
    #[error("mapping file `{file}`: `{entity}` needs a column for `{field}`")]
    Missing {
        /// The mapping file.
        file: String,
        /// The table.
        entity: Entity,
        /// The field.
        field: &'static str,
    },
    /// Two entries disagree about whose data it is.
    #[error("mapping file `{0}` names more than one `source`; import one source at a time")]
    Sources(String),
}

/// One entry of a mapping file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which table the files hold.
    entity: Entity,
    /// Names of the files, `*` and `?` being wild cards; any file if left out.
    #[serde(default)]
    file: Option<String>,
    /// The name of the system the data comes from; the same in every entry.
    #[serde(default)]
    source: Option<String>,
    /// Canonical field to column header, or to several of which the first that is filled counts.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    columns: BTreeMap<String, Headers>,
    /// Canonical field to words: the source's word to the canonical one.
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, String>>,
    /// Canonical field to what it is when no column says it; `{Column}` stands for a column.
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    /// How dates with slashes or dots are written: `iso` (not at all), `month_first`, `day_first`.
    #[serde(default)]
    dates: DateOrder,
}

/// One header or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Headers {
    /// One.
    One(String),
    /// Several, in order of preference.
    Several(Vec<String>),
}

impl Mapping {
    /// The names of the mappings that ship with the product.
    pub const PRESETS: [&str; 5] = ["generic", "hubspot", "salesforce", "gainsight", "ravenstack"];

    /// A mapping that ships with the product, by one of [`Mapping::PRESETS`].
    pub fn preset(name: &str) -> Option<Self> {
        let sheets = match name {
            "generic" => preset::generic(),
            "hubspot" => sheets_of(preset::HUBSPOT),
            "salesforce" => sheets_of(preset::SALESFORCE),
            "gainsight" => sheets_of(preset::GAINSIGHT),
            "ravenstack" => sheets_of(preset::RAVENSTACK),
            _ => return None,
        };
        Some(Self { name: name.to_owned(), source: None, sheets })
    }

    /// Reads a mapping file: a YAML list of [`Entry`]s.
    pub fn parse(file: &str, text: &str) -> Result<Self, MappingError> {
        let entries: Vec<Entry> = notation::yaml::read(file, text).map_err(MappingError::Yaml)?;
        if entries.is_empty() {
            return Err(MappingError::Empty(file.to_owned()));
        }
        let mut sources: Vec<&String> = entries.iter().filter_map(|e| e.source.as_ref()).collect();
        sources.dedup();
        if sources.len() > 1 {
            return Err(MappingError::Sources(file.to_owned()));
        }
        let source = sources.first().map(|&source| source.clone());
        let sheets: Result<Vec<Sheet>, MappingError> =
            entries.into_iter().map(|entry| entry.into_sheet(file)).collect();
        Ok(Self { name: file.to_owned(), source, sheets: sheets? })
    }

    /// The name of the source, where the mapping gives one.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

impl Entry {
    fn into_sheet(self, file: &str) -> Result<Sheet, MappingError> {
        let entity = self.entity;
        let known = |name: &str| {
            field::canonical(entity, name).ok_or_else(|| MappingError::Field {
                file: file.to_owned(),
                entity,
                field: name.to_owned(),
                known: field::fields(entity)
                    .iter()
                    .map(|field| field.name)
                    .collect::<Vec<_>>()
                    .join(", "),
            })
        };
        let mut columns = BTreeMap::new();
        for (name, headers) in self.columns {
            let headers = match headers {
                Headers::One(header) => vec![header],
                Headers::Several(headers) => headers,
            };
            columns.insert(known(&name)?, headers);
        }
        let mut words = Vec::new();
        for (name, table) in self.values {
            let field = known(&name)?;
            words.extend(table.into_iter().map(|(from, to)| Translation {
                field,
                column: String::new(),
                from,
                to,
            }));
        }
        let mut defaults = BTreeMap::new();
        for (name, value) in self.defaults {
            defaults.insert(known(&name)?, value);
        }
        let sheet = Sheet {
            entity,
            glob: self.file,
            hints: Vec::new(),
            columns,
            words,
            defaults,
            dates: self.dates,
        };
        match sheet.unmapped() {
            Some(field) => Err(MappingError::Missing { file: file.to_owned(), entity, field }),
            None => Ok(sheet),
        }
    }
}

impl Sheet {
    /// A needed field for which the mapping has neither column nor default.
    fn unmapped(&self) -> Option<&'static str> {
        let says = |name| self.columns.contains_key(name) || self.defaults.contains_key(name);
        field::fields(self.entity)
            .iter()
            .filter(|field| field.needed && !says(field.name))
            .map(|field| field.name)
            .find(|name| !(*name == "account" && says("subscription")))
    }

    /// What a source's word means in a column; the word itself if nobody translates it.
    pub(super) fn translated<'a>(&'a self, field: &str, column: &str, word: &'a str) -> &'a str {
        self.words
            .iter()
            .find(|known| {
                known.field == field
                    && (known.column.is_empty() || known.column == column)
                    && known.from.to_lowercase() == word.to_lowercase()
            })
            .map_or(word, |known| &known.to)
    }
}

fn sheets_of(tables: &[Table]) -> Vec<Sheet> {
    tables
        .iter()
        .map(|table| Sheet {
            entity: table.entity,
            glob: None,
            hints: table.hints.to_vec(),
            columns: table
                .columns
                .iter()
                .map(|(field, headers)| (*field, headers.iter().map(|&h| h.to_owned()).collect()))
                .collect(),
            words: table
                .words
                .iter()
                .map(|(field, column, from, to)| Translation {
                    field,
                    column: (*column).to_owned(),
                    from: (*from).to_owned(),
                    to: (*to).to_owned(),
                })
                .collect(),
            defaults: table.defaults.iter().map(|(f, value)| (*f, (*value).to_owned())).collect(),
            dates: table.dates,
        })
        .collect()
}

/// Whether a file name fits a pattern with `*` and `?`, letters of any case.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    fn fit(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => (0..=name.len()).any(|skip| fit(rest, &name[skip..])),
            (Some(('?', rest)), Some((_, name))) => fit(rest, name),
            (Some((a, rest)), Some((b, name))) => a == b && fit(rest, name),
            _ => false,
        }
    }
    let mut pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    pattern.dedup_by(|a, b| *a == '*' && *b == '*');
    fit(&pattern, &name.to_lowercase().chars().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_maps_known_fields_and_all_needed_ones() {
        for name in Mapping::PRESETS {
            for sheet in Mapping::preset(name).unwrap().sheets {
                assert_eq!(sheet.unmapped(), None, "{name} {}", sheet.entity);
                let words = sheet.words.iter().map(|word| &word.field);
                for field in sheet.columns.keys().chain(sheet.defaults.keys()).chain(words) {
                    assert!(
                        field::canonical(sheet.entity, field).is_some(),
                        "{name} {} {field}",
                        sheet.entity
                    );
                }
            }
        }
        assert!(Mapping::preset("hubspott").is_none());
    }

    #[test]
    fn a_mapping_file_is_read_and_its_mistakes_are_named() {
        let text = "
- entity: account
  file: accounts*.csv
  source: my-crm
  columns: { source_id: Id, name: [Company Name, Name] }
  values: { status: { Customer: active, Gone: churned } }
  defaults: { currency: EUR }
  dates: day_first
";
        let map = Mapping::parse("map.yaml", text).unwrap();
        assert_eq!(map.source(), Some("my-crm"));
        let sheet = &map.sheets[0];
        assert_eq!(sheet.columns["name"], ["Company Name", "Name"]);
        assert_eq!(sheet.translated("status", "Stage", "CUSTOMER"), "active");
        assert_eq!(sheet.translated("status", "Stage", "trial"), "trial");
        assert_eq!(sheet.dates, DateOrder::DayFirst);

        for (text, says) in [
            ("[]", "empty list"),
            ("- entity: acount\\n  columns: {}", "acount"),
            ("- {entity: account, columns: {source_id: Id, nam: Name}}", "no field `nam`"),
            ("- {entity: account, columns: {source_id: Id}}", "needs a column for `name`"),
            ("- {entity: account, colums: {}}", "colums"),
            ("{{{", "map.yaml"),
            (
                "- {entity: account, source: a, columns: {source_id: Id, name: N}}
- {entity: account, source: b, columns: {source_id: Id, name: N}}",
                "more than one `source`",
            ),
        ] {
            let err = Mapping::parse("map.yaml", text).unwrap_err().to_string();
            assert!(err.contains(says), "{text}: {err}");
        }
    }

    #[test]
    fn wild_cards_fit_as_in_a_shell() {
        assert!(fits("accounts*.csv", "Accounts-2026.csv"));
        assert!(fits("a?c.csv", "abc.csv"));
        assert!(!fits("a?c.csv", "ac.csv"));
        assert!(!fits("accounts*.csv", "contacts.csv"));
        assert!(fits("***********************x", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyx"));
    }
}
