//! Looks at what would go out for data that must not.

use std::ops::Range;

use crate::{detect::Rules, kind::Kind, known::Known, overlap};

/// Personal data or a secret in an outgoing text. Does not repeat the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// What it is.
    pub kind: Kind,
    /// The line it is in, counted from 1.
    pub line: usize,
    /// Bytes of the text.
    pub at: Range<usize>,
}

/// Secrets, cards, accounts, national ids, IP addresses and policy-named data anywhere in the
/// text; mail addresses and telephone numbers that belong neither to `allowed` people nor to
/// texts in `published` (the playbook's own asset, with a support address in it).
pub fn scan(text: &str, rules: &Rules, allowed: &Known, published: &[&str]) -> Vec<Leak> {
    let nobody = Known::default();
    let public: Vec<(Kind, String)> = published
        .iter()
        .flat_map(|text| overlap::resolve(text, rules.find(text, &nobody)))
        .filter(|hit| matches!(hit.kind, Kind::Email | Kind::Phone))
        .map(|hit| (hit.kind, hit.canonical))
        .collect();
    overlap::resolve(text, rules.find(text, &nobody))
        .into_iter()
        .filter(|hit| match hit.kind {
            Kind::Email | Kind::Phone => {
                !allowed.owns(&hit.kind, &hit.canonical)
                    && !public
                        .iter()
                        .any(|(kind, value)| *kind == hit.kind && *value == hit.canonical)
            }
            _ => true,
        })
        .map(|hit| Leak {
            line: text[..hit.at.start].matches('\n').count() + 1,
            kind: hit.kind,
            at: hit.at,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Person;

    #[test]
    fn gv_14_only_the_accounts_own_addresses_may_go_out() {
        let allowed = Known::new(
            vec![Person {
                first: "Ann".into(),
                last: "Lee".into(),
                emails: vec!["Ann@acme.example".into()],
                phones: vec!["+49 30 1234567".into()],
            }],
            &[],
        );
        let kinds = |text: &str| -> Vec<(Kind, usize)> {
            scan(text, &Rules::default(), &allowed, &["Write to help@vendor.example"])
                .into_iter()
                .map(|leak| (leak.kind, leak.line))
                .collect()
        };
        assert_eq!(kinds("ann@ACME.example, 030/1234567, help@vendor.example, Ann Lee"), []);
        assert_eq!(kinds("Hi\nbob@other.example"), [(Kind::Email, 2)]);
        assert_eq!(kinds("+1 212 555 0142"), [(Kind::Phone, 1)]);
        assert_eq!(kinds("DE89 3704 0044 0532 0130 00"), [(Kind::Iban, 1)]);
        assert_eq!(kinds("4111\u{200b}1111 1111 1111"), [(Kind::CreditCard, 1)]);
        assert_eq!(kinds("password: hunter2"), [(Kind::Secret, 1)]);
    }
}
