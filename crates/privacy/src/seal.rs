//! Seals what is stored: XChaCha20-Poly1305 under a key per data subject or per run, wrapped by a
//! master key.
//!
//! The crate reads no randomness: callers hand in keys and nonces they drew. A nonce must never be
//! used twice under one key; 24 random bytes are enough for that.

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{base64, kind::Kind};

/// Length of a nonce in bytes.
pub const NONCE: usize = 24;
/// Length of a key in bytes.
pub const KEY: usize = 32;

/// What a value is known again by: HMAC-SHA-256 under its run's key.
pub type Lookup = [u8; 32];

/// Why a key was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not 32 bytes.
    #[error("key is not 32 bytes long, write 64 hex digits or 44 characters of base64")]
    Length,
    /// It is neither hex nor base64.
    #[error("key is neither hex nor base64")]
    Encoding,
}

/// Sealed bytes do not open: another key, another context, or they were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed bytes do not open with this key and context")]
pub struct OpenError;

/// The key that wraps subject keys. From the environment or a key store, never from a policy.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; KEY]);

/// The key of one person's content. Destroying its wrapped form erases the content.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SubjectKey([u8; KEY]);

/// The key of one run's placeholders: seals what they stand for, and hashes values so that they are
/// known again without being kept. Runs cannot be linked by it. Zero for what is not kept.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub struct RunKey([u8; KEY]);

impl MasterKey {
    /// A key of these bytes.
    pub const fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hex digits or base64 (padded or not, standard or URL-safe).
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let bytes = Zeroizing::new(if text.len() == 2 * KEY {
            hex::decode(text).map_err(|_| KeyError::Encoding)?
        } else {
            base64::decode(text).ok_or(KeyError::Encoding)?
        });
        let mut key = [0; KEY];
        if bytes.len() != KEY {
            return Err(KeyError::Length);
        }
        key.copy_from_slice(&bytes);
        Ok(Self(key))
    }

    /// Tells master keys apart without giving them away: 16 hex digits.
    pub fn id(&self) -> String {
        hex::encode(&hmac(&self.0, &[b"playgate/master-key-id"])[..8])
    }

    /// Wraps a run's key. `run` says whose it is.
    pub fn wrap_run(&self, key: &RunKey, nonce: [u8; NONCE], run: &str) -> Vec<u8> {
        encrypt(&self.0, nonce, run.as_bytes(), &key.0)
    }

    /// Unwraps a run's key.
    pub fn unwrap_run(&self, wrapped: &[u8], run: &str) -> Result<RunKey, OpenError> {
        let bytes = decrypt(&self.0, wrapped, run.as_bytes())?;
        <[u8; KEY]>::try_from(bytes.as_slice()).map(RunKey).map_err(|_| OpenError)
    }

    /// Wraps a subject's key. `aad` says whose it is and where it is kept.
    pub fn wrap(&self, key: &SubjectKey, nonce: [u8; NONCE], aad: &[u8]) -> Vec<u8> {
        encrypt(&self.0, nonce, aad, &key.0)
    }

    /// Unwraps a subject's key.
    pub fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<SubjectKey, OpenError> {
        let bytes = decrypt(&self.0, wrapped, aad)?;
        let key = <[u8; KEY]>::try_from(bytes.as_slice()).map_err(|_| OpenError)?;
        Ok(SubjectKey(key))
    }

    /// Seals bytes that belong to no person: a source's signing secret, a session's mapping.
    pub fn seal(&self, nonce: [u8; NONCE], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        encrypt(&self.0, nonce, aad, plain)
    }

    /// Opens what [`MasterKey::seal`] sealed.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        decrypt(&self.0, sealed, aad)
    }
}

impl SubjectKey {
    /// A key of these bytes, which the caller drew at random.
    pub const fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }

    /// Seals bytes: the nonce, then the ciphertext. `aad` says what they are (`content ‖ id`), and
    /// must be the same on opening.
    pub fn seal(&self, nonce: [u8; NONCE], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        encrypt(&self.0, nonce, aad, plain)
    }

    /// Opens what [`SubjectKey::seal`] sealed.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        decrypt(&self.0, sealed, aad)
    }
}

impl RunKey {
    /// A key of these bytes, which the caller drew at random.
    pub const fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// The keyed hash of a value of a kind, in the form in which equal values are equal.
    pub(crate) fn lookup(&self, kind: &Kind, canonical: &str) -> Lookup {
        let name = kind.name();
        let length = (name.len() as u64).to_le_bytes();
        let parts = [b"playgate/lookup".as_slice(), &length, name.as_bytes(), canonical.as_bytes()];
        hmac(&self.0, &parts)
    }

    pub(crate) fn seal(&self, nonce: [u8; NONCE], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        encrypt(&self.0, nonce, aad, plain)
    }

    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        decrypt(&self.0, sealed, aad)
    }
}

impl std::fmt::Debug for RunKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RunKey(..)")
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

fn hmac(key: &[u8; KEY], parts: &[&[u8]]) -> Lookup {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn encrypt(key: &[u8; KEY], nonce: [u8; NONCE], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(key.into());
    #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB of plain text")]
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
        .expect("plain text is in memory");
    [nonce.as_slice(), &sealed].concat()
}

fn decrypt(key: &[u8; KEY], sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(OpenError)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), Payload { msg, aad })
        .map(Zeroizing::new)
        .map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_read_from_hex_and_base64_and_from_nothing_else() {
        let bytes: Vec<u8> = (0..32).collect();
        let hex = hex::encode(&bytes);
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        for text in [hex.as_str(), base64, base64.trim_end_matches('='), &format!(" {hex}\n")] {
            assert_eq!(MasterKey::parse(text).unwrap().0.as_slice(), bytes, "{text}");
        }
        assert_eq!(MasterKey::parse("AAEC").unwrap_err(), KeyError::Length);
        assert_eq!(MasterKey::parse("not a key").unwrap_err(), KeyError::Encoding);
        assert_eq!(MasterKey::parse(&"z".repeat(64)).unwrap_err(), KeyError::Encoding);
        assert_eq!(format!("{:?}", MasterKey::parse(&hex).unwrap()), "MasterKey(..)");
    }

    #[test]
    fn master_keys_are_told_apart_and_a_runs_key_opens_for_that_run_only() {
        let (one, other) = (MasterKey::from_bytes([1; 32]), MasterKey::from_bytes([2; 32]));
        assert_eq!(one.id(), MasterKey::from_bytes([1; 32]).id());
        assert_eq!(one.id().len(), 16);
        assert_ne!(one.id(), other.id());
        let wrapped = one.wrap_run(&RunKey::from_bytes([3; 32]), [4; NONCE], "run_1");
        assert_eq!(one.unwrap_run(&wrapped, "run_1").unwrap().0, [3; 32]);
        assert!(one.unwrap_run(&wrapped, "run_2").is_err());
        assert!(other.unwrap_run(&wrapped, "run_1").is_err());
        assert!(one.unwrap(&wrapped, b"con_1").is_err());
    }

    #[test]
    fn equal_values_of_two_runs_cannot_be_linked() {
        let (one, other) = (RunKey::from_bytes([1; 32]), RunKey::from_bytes([2; 32]));
        let hash = one.lookup(&Kind::Email, "ann@acme.example");
        assert_eq!(hash, one.lookup(&Kind::Email, "ann@acme.example"));
        assert_ne!(hash, other.lookup(&Kind::Email, "ann@acme.example"));
        assert_ne!(hash, one.lookup(&Kind::Person, "ann@acme.example"));
        // The length of the kind's name is hashed too: nothing moves from one to the other.
        let custom = |name: &str| Kind::named(name).unwrap();
        assert_ne!(one.lookup(&custom("AB"), "CX"), one.lookup(&custom("ABC"), "X"));
    }

    /// The test vector of draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn the_published_test_vector_is_met() {
        let key: Vec<u8> = (0x80..=0x9f).collect();
        let nonce: Vec<u8> = (0x40..=0x57).collect();
        let aad = hex::decode("50515253c0c1c2c3c4c5c6c7").unwrap();
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let sealed = SubjectKey::from_bytes(key.try_into().unwrap()).seal(
            nonce.try_into().unwrap(),
            &aad,
            plain,
        );
        assert_eq!(hex::encode(&sealed[24..32]), "bd6d179d3e83d43b");
        assert_eq!(hex::encode(&sealed[sealed.len() - 16..]), "c0875924c1c7987947deafd8780acf49");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_only_unchanged_and_in_its_place(
            plain: Vec<u8>, key: [u8; 32], nonce: [u8; 24], flip: prop::sample::Index, bit in 0..8,
        ) {
            let master = MasterKey::from_bytes(key);
            let subject = SubjectKey::from_bytes([key[0] ^ 1; 32]);
            let wrapped = master.wrap(&subject, nonce, b"con_1");
            prop_assert!(master.unwrap(&wrapped, b"con_2").is_err());
            let subject = master.unwrap(&wrapped, b"con_1").unwrap();
            let mut sealed = subject.seal(nonce, b"cnt_1", &plain);
            prop_assert_eq!(&*subject.open(b"cnt_1", &sealed).unwrap(), &plain);
            prop_assert_eq!(subject.open(b"cnt_2", &sealed).unwrap_err(), OpenError);
            let place = flip.index(sealed.len());
            sealed[place] ^= 1_u8 << bit;
            prop_assert_eq!(subject.open(b"cnt_1", &sealed).unwrap_err(), OpenError);
            prop_assert!(subject.open(b"cnt_1", &sealed[..place.min(30)]).is_err());
        }
    }
}
