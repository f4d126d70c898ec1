//! Secrets people hold: made here from the system's randomness, stored only as a hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What a secret is good for. Its kind is what [`domain::port::Access`] files it under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A browser's cookie.
    Session,
    /// An API token.
    Token,
    /// A one-time sign-in link.
    Link,
}

impl Kind {
    /// The name it is filed under.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Token => "token",
            Self::Link => "link",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "pgs_",
            Self::Token => "pgt_",
            Self::Link => "pgl_",
        }
    }
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("system gives no random bytes")]
pub struct NoRandomness(#[source] getrandom::Error);

/// A new secret of 256 random bits, in letters that need no escaping in URLs and cookies.
pub fn fresh(kind: Kind) -> Result<String, NoRandomness> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(bytes)))
}

/// SHA-256 of a secret, in hex: what is stored. A fast hash is enough for 256 random bits.
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_say_what_they_are() {
        let (one, two) = (fresh(Kind::Token).unwrap(), fresh(Kind::Token).unwrap());
        assert_ne!(one, two);
        assert!(one.starts_with("pgt_") && one.len() == 4 + 43, "{one}");
        assert_ne!(hash(&one), hash(&two));
        assert!(!hash(&one).contains(&one));
    }
}
