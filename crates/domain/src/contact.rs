//! A person at a customer company, and what they agreed to receive.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    account::words,
    id::{AccountId, ContactId},
};

words! {
    /// What a contact is to the account.
    ContactRole {
        Champion = "champion",
        EconomicBuyer = "economic_buyer",
        ExecSponsor = "exec_sponsor",
        Admin = "admin",
        User = "user",
    }
}
words! {
    /// Whether we may write to a contact. Only an explicit or contractual yes is a yes.
    Consent { Granted = "granted", Contractual = "contractual", Unknown = "unknown", OptedOut = "opted_out" }
}

impl Consent {
    /// Whether a message of this class may be sent under this consent.
    ///
    /// An opt-out stops everything but strictly transactional mail; an unknown state allows
    /// transactional and relationship mail, never commercial (GV-29, GV-32).
    pub const fn permits(self, class: crate::intent::MessageClass) -> bool {
        use crate::intent::MessageClass::{Commercial, Relationship, Transactional};
        match (self, class) {
            (_, Transactional)
            | (Self::Granted, _)
            | (Self::Contractual | Self::Unknown, Relationship) => true,
            (Self::Contractual | Self::Unknown, Commercial) | (Self::OptedOut, _) => false,
        }
    }
}

/// A person at a customer company.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contact {
    /// Our id.
    pub id: ContactId,
    /// The company they work for.
    pub account: AccountId,
    /// The system the contact came from.
    pub source: String,
    /// Their id there.
    pub source_id: String,
    /// Where mail to them goes.
    pub email: Option<String>,
    /// Given name.
    pub first: String,
    /// Family name.
    pub last: String,
    /// Job title.
    pub title: Option<String>,
    /// What they are to the account.
    pub role: ContactRole,
    /// Telephone number as the source wrote it.
    pub phone: Option<String>,
    /// BCP 47 language tag, for example `de-DE`.
    pub locale: Option<String>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// What they agreed to receive.
    pub consent: Consent,
    /// Since when they receive nothing, if so.
    pub opted_out_at: Option<Timestamp>,
    /// Since when mail to the address bounces, if so.
    pub bounced_at: Option<Timestamp>,
}

impl Contact {
    /// What they agree to now: a recorded opt-out counts, whatever the source's consent says.
    pub const fn consent_now(&self) -> Consent {
        if self.opted_out_at.is_some() { Consent::OptedOut } else { self.consent }
    }

    /// First and last name with one space, trimmed.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first, self.last).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::MessageClass;

    #[test]
    fn gv_29_an_opt_out_stops_all_but_transactional_mail() {
        for class in MessageClass::ALL {
            assert_eq!(
                Consent::OptedOut.permits(*class),
                *class == MessageClass::Transactional,
                "{class}"
            );
        }
        assert!(!Consent::Unknown.permits(MessageClass::Commercial));
        assert!(Consent::Granted.permits(MessageClass::Commercial));
    }
}
