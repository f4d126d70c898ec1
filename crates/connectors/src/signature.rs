//! Standard Webhooks signatures: HMAC-SHA-256 over id, time and raw body, made and checked.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// How far a sender's clock may be off, and how long a captured request could be replayed.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// A key shared with the other side. Never printed.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// Why a text is no usable secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// What follows `whsec_` is not base64.
    #[error("webhook secret begins with `whsec_` but is not base64 after it")]
    NotBase64,
    /// Too little to keep anybody out.
    #[error("webhook secret is {0} bytes long; use 16 bytes or more")]
    TooShort(usize),
}

impl Secret {
    /// Reads `whsec_` followed by base64, or else takes the text's own bytes.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        let key = match text.strip_prefix("whsec_") {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| SecretError::NotBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if key.len() < 16 {
            return Err(SecretError::TooShort(key.len()));
        }
        Ok(Self(key))
    }

    /// The value of `webhook-signature` for a message: `v1,` and base64.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.digest(id, &at.as_second().to_string(), body)))
    }

    fn digest(&self, id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length, so the error cannot occur; an empty digest matches nothing.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return Vec::new() };
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The three headers of a signed request, as received.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`, seconds since 1970.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or more `v1,<base64>`, separated by spaces.
    pub signature: &'a str,
}

/// Why a request is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Nothing to check against.
    #[error("no webhook secret is configured")]
    NoSecret,
    /// A header is empty.
    #[error("header `{0}` is missing")]
    Missing(&'static str),
    /// The time is no number.
    #[error("header `webhook-timestamp` is not a number of seconds since 1970")]
    BadTimestamp,
    /// The request is old, or from the future.
    #[error("header `webhook-timestamp` is more than 5 minutes off; check the sender's clock")]
    OutOfTime,
    /// None of the signatures fits any secret.
    #[error("header `webhook-signature` does not match the body")]
    Mismatch,
}

/// Checks a request against every secret in force: during a rotation there are two. Compares in
/// constant time.
pub fn verify(
    secrets: &[Secret],
    headers: Headers<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), VerifyError> {
    if secrets.is_empty() {
        return Err(VerifyError::NoSecret);
    }
    for (name, value) in [
        ("webhook-id", headers.id),
        ("webhook-timestamp", headers.timestamp),
        ("webhook-signature", headers.signature),
    ] {
        if value.is_empty() {
            return Err(VerifyError::Missing(name));
        }
    }
    let at = headers
        .timestamp
        .parse()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .ok_or(VerifyError::BadTimestamp)?;
    if now.duration_since(at).abs() > TOLERANCE {
        return Err(VerifyError::OutOfTime);
    }
    let given: Vec<Vec<u8>> = headers
        .signature
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .collect();
    let mut matches = subtle::Choice::from(0);
    for secret in secrets {
        let expected = secret.digest(headers.id, headers.timestamp, body);
        for signature in &given {
            matches |= expected.ct_eq(signature);
        }
    }
    if bool::from(matches) { Ok(()) } else { Err(VerifyError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// The test vector of the Standard Webhooks reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIME: &str = "1614265330";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers(signature: &str) -> Headers<'_> {
        Headers { id: ID, timestamp: TIME, signature }
    }

    #[test]
    fn the_published_test_vector_is_signed_and_verified() {
        let secret = Secret::parse(SECRET).unwrap();
        assert_eq!(secret.sign(ID, at(1_614_265_330), BODY), SIGNATURE);
        assert_eq!(verify(&[secret], headers(SIGNATURE), BODY, at(1_614_265_330)), Ok(()));
    }

    #[test]
    fn any_changed_byte_header_or_secret_is_refused() {
        let secrets = [Secret::parse(SECRET).unwrap()];
        let now = at(1_614_265_330);
        let changed = br#"{"test": 2432232315}"#;
        assert_eq!(verify(&secrets, headers(SIGNATURE), changed, now), Err(VerifyError::Mismatch));
        let other = Headers { id: "msg_other", ..headers(SIGNATURE) };
        assert_eq!(verify(&secrets, other, BODY, now), Err(VerifyError::Mismatch));
        for signature in ["v1,AAAA", "v1a,g0hM9SsE", "v1,", "nonsense", "v1,é"] {
            assert_eq!(
                verify(&secrets, headers(signature), BODY, now),
                Err(VerifyError::Mismatch),
                "{signature}"
            );
        }
        let stranger = [Secret::parse("another secret of ours").unwrap()];
        assert_eq!(verify(&stranger, headers(SIGNATURE), BODY, now), Err(VerifyError::Mismatch));
        assert_eq!(verify(&[], headers(SIGNATURE), BODY, now), Err(VerifyError::NoSecret));
        assert_eq!(
            verify(&secrets, headers(""), BODY, now),
            Err(VerifyError::Missing("webhook-signature"))
        );
    }

    #[test]
    fn a_rotation_accepts_old_and_new_secret_and_several_signatures() {
        let old = Secret::parse(SECRET).unwrap();
        let new = Secret::parse("a brand new secret").unwrap();
        let now = at(1_614_265_330);
        let both = format!("v1,AAAA v2,xyz {} {SIGNATURE}", new.sign(ID, now, BODY));
        assert_eq!(verify(std::slice::from_ref(&old), headers(&both), BODY, now), Ok(()));
        assert_eq!(verify(std::slice::from_ref(&new), headers(&both), BODY, now), Ok(()));
        assert_eq!(verify(&[new, old], headers(SIGNATURE), BODY, now), Ok(()));
    }

    #[test]
    fn a_request_more_than_five_minutes_off_is_refused_on_either_side() {
        let secrets = [Secret::parse(SECRET).unwrap()];
        for (now, expected) in [
            (1_614_265_330 + 300, Ok(())),
            (1_614_265_330 - 300, Ok(())),
            (1_614_265_330 + 301, Err(VerifyError::OutOfTime)),
            (1_614_265_330 - 301, Err(VerifyError::OutOfTime)),
        ] {
            assert_eq!(verify(&secrets, headers(SIGNATURE), BODY, at(now)), expected);
        }
        for timestamp in ["soon", "99999999999999999999", "1e9", "-377705116801"] {
            let bad = Headers { timestamp, ..headers(SIGNATURE) };
            assert_eq!(
                verify(&secrets, bad, BODY, at(0)),
                Err(VerifyError::BadTimestamp),
                "{timestamp}"
            );
        }
    }

    #[test]
    fn a_weak_or_broken_secret_is_refused_and_none_is_printed() {
        assert_eq!(Secret::parse("short").unwrap_err(), SecretError::TooShort(5));
        assert_eq!(Secret::parse("whsec_***").unwrap_err(), SecretError::NotBase64);
        let shown = format!("{:?}", Secret::parse("sixteen bytes ok").unwrap());
        assert_eq!(shown, "Secret(..)");
    }
}
