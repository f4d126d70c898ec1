//! What kinds of personal data and secrets there are, and which of them may go out again.

use std::fmt;

/// A kind of personal data; its name is the first part of a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A key, token or password.
    Secret,
    /// A payment card number.
    CreditCard,
    /// A number a state knows a person by.
    NationalId,
    /// An international bank account number.
    Iban,
    /// A mail address.
    Email,
    /// A telephone number.
    Phone,
    /// An IP address.
    IpAddress,
    /// A postal address.
    Address,
    /// The day somebody was born.
    DateOfBirth,
    /// An account number, routing number or sort code that is no IBAN.
    BankAccount,
    /// A person's name, or part of it.
    Person,
    /// A company's name, where it is to be hidden.
    Company,
    /// Text that looked like a placeholder before we issued any.
    Literal,
    /// A kind named by a policy.
    Custom(String),
}

/// A name that cannot be the type of a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be a placeholder type, use capital letters and single underscores: `ORDER_NUMBER`"
)]
pub struct KindError(pub String);

impl Kind {
    const NAMED: [Self; 13] = [
        Self::Secret,
        Self::CreditCard,
        Self::NationalId,
        Self::Iban,
        Self::Email,
        Self::Phone,
        Self::IpAddress,
        Self::Address,
        Self::DateOfBirth,
        Self::BankAccount,
        Self::Person,
        Self::Company,
        Self::Literal,
    ];

    /// The kind of this name: a built-in one, or a policy's own.
    pub fn named(name: &str) -> Result<Self, KindError> {
        if let Some(kind) = Self::NAMED.iter().find(|kind| kind.name() == name) {
            return Ok(kind.clone());
        }
        let fits = name.len() <= 32
            && name
                .split('_')
                .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase()));
        if fits { Ok(Self::Custom(name.to_owned())) } else { Err(KindError(name.to_owned())) }
    }

    /// The name as placeholders and policies write it: `CREDIT_CARD`.
    pub fn name(&self) -> &str {
        match self {
            Self::Secret => "SECRET",
            Self::CreditCard => "CREDIT_CARD",
            Self::NationalId => "NATIONAL_ID",
            Self::Iban => "IBAN",
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::IpAddress => "IP_ADDRESS",
            Self::Address => "ADDRESS",
            Self::DateOfBirth => "DATE_OF_BIRTH",
            Self::BankAccount => "BANK_ACCOUNT",
            Self::Person => "PERSON",
            Self::Company => "COMPANY",
            Self::Literal => "LITERAL",
            Self::Custom(name) => name,
        }
    }

    /// Whether an outgoing text may contain it once restored. Secrets, cards and national ids
    /// never go out, whoever asks.
    pub const fn may_go_out(&self) -> bool {
        !matches!(self, Self::Secret | Self::CreditCard | Self::NationalId)
    }

    pub(crate) fn is_built_in(name: &str) -> bool {
        Self::NAMED.iter().any(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_its_own_kinds_and_cannot_shadow_the_grammar_of_placeholders() {
        assert_eq!(Kind::named("CREDIT_CARD"), Ok(Kind::CreditCard));
        assert_eq!(Kind::named("ORDER_NUMBER"), Ok(Kind::Custom("ORDER_NUMBER".to_owned())));
        for wrong in ["", "order", "ORDER_1", "_ORDER", "ORDER__NUMBER", "ÄRGER"] {
            assert!(Kind::named(wrong).is_err(), "{wrong}");
        }
    }
}
