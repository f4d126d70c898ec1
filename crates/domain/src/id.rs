//! Ids that say what they name: `UUIDv7` behind a type and a readable prefix.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Clock;

/// A text that is not the id it was read as.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}_…`")]
pub struct ParseIdError {
    /// The prefix that was expected, without its underscore.
    pub prefix: &'static str,
    /// What was given.
    pub text: String,
}

/// Declares an id type: a `UUIDv7` that reads, logs and parses as `run_0198c0…`.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident($prefix:literal)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix this id is printed with, without its underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, ordered by the clock's time.
            pub fn new(clock: &dyn Clock) -> Self {
                Self(clock.uuid())
            }

            /// The id that wraps exactly this UUID; for derived, reproducible ids.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|rest| rest.len() == 32)
                    .and_then(|rest| Uuid::try_parse(rest).ok())
                    .map(Self)
                    .ok_or_else(|| ParseIdError { prefix: $prefix, text: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-9a-f]{32}$"),
                })
            }
        }
    };
}

id! {
    /// A customer company.
    AccountId("acc")
}
id! {
    /// A person at a customer company.
    ContactId("con")
}
id! {
    /// A person who works with Playgate.
    UserId("usr")
}
id! {
    /// Something observed about a customer.
    SignalId("sig")
}
id! {
    /// One execution of a playbook for one account.
    RunId("run")
}
id! {
    /// An item of the approval queue.
    ApprovalId("apv")
}
id! {
    /// A customer-facing message in the outbox.
    MessageId("msg")
}
id! {
    /// Work for a person.
    TaskId("tsk")
}
id! {
    /// Sealed personal content.
    ContentId("cnt")
}

id! {
    /// The erasure of a person, and its receipt.
    ErasureId("ers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_only_under_its_own_prefix() {
        let id = RunId::from_uuid(Uuid::from_u128(0x0198_c0de));
        let text = id.to_string();
        assert_eq!(text.parse::<RunId>(), Ok(id));
        assert!(text.parse::<AccountId>().is_err());
        assert!("run_0198c0".parse::<RunId>().is_err());
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
    }
}
