//! The canonical fields of every table, and which of them a file cannot do without.

use domain::record::Entity;

/// One canonical field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Its name, as the generic format's header and as mapping files write it.
    pub(crate) name: &'static str,
    /// Whether a file of this table must have a column for it.
    pub(crate) needed: bool,
}

const fn needed(name: &'static str) -> Field {
    Field { name, needed: true }
}

const fn optional(name: &'static str) -> Field {
    Field { name, needed: false }
}

const ACCOUNT: &[Field] = &[
    needed("source_id"),
    needed("name"),
    optional("domain"),
    optional("industry"),
    optional("employees"),
    optional("segment"),
    optional("tier"),
    optional("lifecycle"),
    optional("status"),
    optional("csm_email"),
    optional("csm_name"),
    optional("csm_since"),
    optional("region"),
    optional("time_zone"),
    optional("arr"),
    optional("mrr"),
    optional("currency"),
    optional("contract_start"),
    optional("renewal_date"),
    optional("health"),
];
const CONTACT: &[Field] = &[
    needed("source_id"),
    needed("account"),
    needed("email"),
    optional("first"),
    optional("last"),
    optional("title"),
    optional("role"),
    optional("phone"),
    optional("locale"),
    optional("time_zone"),
    optional("consent"),
    optional("opted_out_at"),
];
const SUBSCRIPTION: &[Field] = &[
    needed("source_id"),
    needed("account"),
    optional("product"),
    optional("plan"),
    needed("start"),
    optional("end"),
    optional("seats"),
    optional("arr"),
    optional("mrr"),
    optional("currency"),
    optional("is_trial"),
    optional("auto_renew"),
];
/// `subscription` stands in for `account` where the source counts use per subscription.
const USAGE: &[Field] = &[
    needed("source_id"),
    needed("account"),
    optional("subscription"),
    needed("day"),
    optional("feature"),
    optional("users"),
    needed("events"),
    optional("seconds"),
    optional("errors"),
];
const TICKET: &[Field] = &[
    needed("source_id"),
    needed("account"),
    optional("contact"),
    optional("subject"),
    optional("body"),
    optional("priority"),
    needed("opened_at"),
    optional("closed_at"),
    optional("first_response_minutes"),
    optional("csat"),
    optional("escalated"),
];
const SURVEY: &[Field] = &[
    needed("source_id"),
    needed("account"),
    optional("contact"),
    needed("kind"),
    needed("score"),
    optional("comment"),
    needed("at"),
];
const MEETING: &[Field] = &[
    needed("source_id"),
    needed("account"),
    optional("kind"),
    needed("at"),
    optional("attendees"),
    optional("notes"),
    optional("next_steps"),
];
const EMAIL: &[Field] = &[
    needed("source_id"),
    needed("account"),
    optional("contact"),
    optional("thread"),
    needed("direction"),
    optional("subject"),
    optional("body"),
    needed("at"),
];
const CHURN: &[Field] = &[
    needed("source_id"),
    needed("account"),
    needed("day"),
    needed("reason"),
    optional("reactivation"),
    optional("feedback"),
];

/// The fields of a table, in the order they are written.
pub(crate) const fn fields(entity: Entity) -> &'static [Field] {
    match entity {
        Entity::Account => ACCOUNT,
        Entity::Contact => CONTACT,
        Entity::Subscription => SUBSCRIPTION,
        Entity::Usage => USAGE,
        Entity::Ticket => TICKET,
        Entity::Survey => SURVEY,
        Entity::Meeting => MEETING,
        Entity::Email => EMAIL,
        Entity::Churn => CHURN,
    }
}

/// The name under which a field is known for good, if the table has it.
pub(crate) fn canonical(entity: Entity, name: &str) -> Option<&'static str> {
    fields(entity).iter().map(|field| field.name).find(|known| *known == name)
}

/// The file a table is written to in the generic format.
pub(crate) const fn file_name(entity: Entity) -> &'static str {
    match entity {
        Entity::Account => "accounts.csv",
        Entity::Contact => "contacts.csv",
        Entity::Subscription => "subscriptions.csv",
        Entity::Usage => "usage.csv",
        Entity::Ticket => "tickets.csv",
        Entity::Survey => "surveys.csv",
        Entity::Meeting => "meetings.csv",
        Entity::Email => "emails.csv",
        Entity::Churn => "churn.csv",
    }
}
