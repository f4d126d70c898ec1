//! The mappings that ship with the product, as data.

mod gainsight;
mod hubspot;
mod ravenstack;
mod salesforce;

use domain::record::Entity;

use super::{field, mapping::Sheet, value::DateOrder};

pub(super) use gainsight::GAINSIGHT;
pub(super) use hubspot::HUBSPOT;
pub(super) use ravenstack::RAVENSTACK;
pub(super) use salesforce::SALESFORCE;

/// How the files of one table look in one source.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) entity: Entity,
    /// Words that such files often have in their names.
    pub(super) hints: &'static [&'static str],
    /// Canonical field, and the columns to look at in order.
    pub(super) columns: &'static [(&'static str, &'static [&'static str])],
    /// Canonical field, column (empty for any), the source's word, the canonical word.
    pub(super) words: &'static [(&'static str, &'static str, &'static str, &'static str)],
    /// Canonical field, and what it is when no column says it.
    pub(super) defaults: &'static [(&'static str, &'static str)],
    pub(super) dates: DateOrder,
}

/// The generic format: every field under its own name.
pub(super) fn generic() -> Vec<Sheet> {
    let sheet = |&entity: &Entity| Sheet {
        entity,
        glob: None,
        hints: vec![field::file_name(entity).trim_end_matches(".csv")],
        columns: field::fields(entity)
            .iter()
            .map(|field| (field.name, vec![field.name.to_owned()]))
            .collect(),
        words: Vec::new(),
        defaults: std::collections::BTreeMap::new(),
        dates: DateOrder::Iso,
    };
    Entity::ALL.iter().map(sheet).collect()
}
