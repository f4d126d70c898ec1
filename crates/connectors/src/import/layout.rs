//! Which table a file holds and where its fields stand, found from its header.

use std::{collections::BTreeMap, sync::Arc};

use domain::record::Entity;

use super::{
    field,
    mapping::{Mapping, Sheet, fits},
};

/// Where the fields of one file stand.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) sheet: Arc<Sheet>,
    /// The header, as written.
    pub(super) headers: Vec<String>,
    columns: BTreeMap<&'static str, Vec<usize>>,
    defaults: BTreeMap<&'static str, Vec<Part>>,
}

/// A piece of a default.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Itself.
    Text(String),
    /// The value of a column.
    Column(usize),
}

/// Why a header fits no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// No table finds all it needs; these are the needs of the one that comes closest.
    Missing {
        /// The closest table.
        entity: Entity,
        /// The columns it looks for in vain.
        lacking: Vec<String>,
    },
    /// A column that is needed stands there twice.
    Twice(String),
    /// The mapping has no entry for a file of this name.
    Unmapped,
}

impl Layout {
    /// Finds the table whose columns fit best.
    pub(super) fn find(
        mapping: &Mapping,
        file_name: &str,
        headers: Vec<String>,
    ) -> Result<Self, HeaderFault> {
        let plain: Vec<String> = headers.iter().map(|header| plain(header)).collect();
        let candidates = mapping
            .sheets
            .iter()
            .filter(|sheet| sheet.glob.as_deref().is_none_or(|glob| fits(glob, file_name)))
            .map(|sheet| (sheet, lacking(sheet, &plain), score(sheet, &plain, file_name)));
        // All needs met first, then the most fields found; of equals the first.
        let best = candidates
            .min_by_key(|(_, lacking, score)| (!lacking.is_empty(), std::cmp::Reverse(*score)));
        let (sheet, lacking, _) = best.ok_or(HeaderFault::Unmapped)?;
        if !lacking.is_empty() {
            return Err(HeaderFault::Missing { entity: sheet.entity, lacking });
        }
        let mut columns = BTreeMap::new();
        for (field, wanted) in &sheet.columns {
            let mut places = Vec::new();
            for header in wanted {
                let wanted = self::plain(header);
                let mut found = (0..plain.len()).filter(|&index| plain[index] == wanted);
                if let Some(first) = found.next() {
                    if found.next().is_some() {
                        return Err(HeaderFault::Twice(headers[first].clone()));
                    }
                    if !places.contains(&first) {
                        places.push(first);
                    }
                }
            }
            columns.insert(*field, places);
        }
        let defaults = sheet
            .defaults
            .iter()
            .map(|(field, template)| (*field, parts(template, &plain)))
            .collect();
        Ok(Self { sheet: Arc::new(sheet.clone()), headers, columns, defaults })
    }

    /// The table.
    pub(super) fn entity(&self) -> Entity {
        self.sheet.entity
    }

    /// Columns that may say what a field is, in order of preference.
    pub(super) fn columns(&self, field: &str) -> &[usize] {
        self.columns.get(field).map_or(&[], Vec::as_slice)
    }

    /// What a field is when no column says it.
    pub(super) fn default(&self, field: &str) -> Option<&[Part]> {
        self.defaults.get(field).map(Vec::as_slice)
    }

    /// How a field is called towards people: by its header, or else by its canonical name.
    pub(super) fn label(&self, field: &str) -> String {
        match self.columns(field) {
            [first, ..] => self.headers[*first].clone(),
            [] => field.to_owned(),
        }
    }
}

/// A header without case, spaces and punctuation: `Record ID` and `record_id` are the same.
fn plain(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn has(sheet: &Sheet, field: &str, headers: &[String]) -> bool {
    sheet
        .columns
        .get(field)
        .is_some_and(|wanted| wanted.iter().any(|header| headers.contains(&plain(header))))
}

/// The needed columns that are not there, each by the first name it is looked for under.
fn lacking(sheet: &Sheet, headers: &[String]) -> Vec<String> {
    let name = |field: &str| {
        let wanted = sheet.columns.get(field).and_then(|wanted| wanted.first());
        wanted.cloned().unwrap_or_else(|| field.to_owned())
    };
    field::fields(sheet.entity)
        .iter()
        .filter(|field| field.needed)
        .filter(|field| {
            !has(sheet, field.name, headers) && !sheet.defaults.contains_key(field.name)
        })
        .filter(|field| field.name != "account" || !has(sheet, "subscription", headers))
        .map(|field| match field.name {
            "account" if !sheet.columns.contains_key("account") => name("subscription"),
            field => name(field),
        })
        .collect()
}

/// How many fields are found; a telling file name counts like three.
fn score(sheet: &Sheet, headers: &[String], file_name: &str) -> usize {
    let found = sheet.columns.keys().filter(|field| has(sheet, field, headers)).count();
    let name = file_name.to_lowercase();
    let told = sheet.glob.is_some() || sheet.hints.iter().any(|hint| name.contains(hint));
    found + if told { 3 } else { 0 }
}

fn parts(template: &str, headers: &[String]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((column, tail)) = after.split_once('}') else { break };
        parts.push(Part::Text(before.to_owned()));
        let column = plain(column);
        if let Some(index) = headers.iter().position(|header| *header == column) {
            parts.push(Part::Column(index));
        }
        rest = tail;
    }
    parts.push(Part::Text(rest.to_owned()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(preset: &str, file: &str, header: &str) -> Result<Entity, HeaderFault> {
        let headers = header.split(',').map(str::to_owned).collect();
        Layout::find(&Mapping::preset(preset).unwrap(), file, headers).map(|layout| layout.entity())
    }

    #[test]
    fn the_table_is_known_by_its_header_whatever_the_file_is_called() {
        for (preset, header, entity) in [
            ("ravenstack", "usage_id,subscription_id,usage_date,usage_count", Entity::Usage),
            ("ravenstack", "account_id,account_name,plan_tier", Entity::Account),
            ("hubspot", "Record ID,Company name,Lifecycle Stage", Entity::Account),
            (
                "hubspot",
                "Record ID,First Name,Email,Company Name,Associated Company IDs (Primary)",
                Entity::Contact,
            ),
            ("salesforce", "Id,AccountId,Name,FirstName,LastName,Email", Entity::Contact),
            ("salesforce", "Id,AccountId,Subject,Priority,CreatedDate", Entity::Ticket),
            ("gainsight", "Gsid,Name,ARR,RenewalDate,Status", Entity::Account),
            ("generic", "source_id,account,at,kind,score", Entity::Survey),
            ("generic", "source_id,account,at,kind,notes", Entity::Meeting),
        ] {
            assert_eq!(find(preset, "export (1).csv", header), Ok(entity), "{header}");
        }
    }

    #[test]
    fn what_is_missing_or_doubled_is_named() {
        assert_eq!(
            find("ravenstack", "tickets.csv", "ticket_id,account_id,priority"),
            Err(HeaderFault::Missing {
                entity: Entity::Ticket,
                lacking: vec!["submitted_at".to_owned()]
            })
        );
        assert_eq!(
            find("generic", "accounts.csv", "source_id,name,Name"),
            Err(HeaderFault::Twice("name".to_owned()))
        );
        assert!(find("hubspot", "tasks.csv", "a,b,c").is_err());
    }
}
