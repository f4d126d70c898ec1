//! A cleared letter as an RFC 5322 message, safe against header injection.

use domain::message::{Cleared, DeliverError};
use jiff::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Mailbox, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};

/// In whose name mail is sent.
#[derive(Clone, Debug)]
pub struct Sender {
    mailbox: Mailbox,
}

/// Why a sender is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// Not a mail address.
    #[error("sender `{0}` is not a mail address of the form `name@example.com`")]
    Address(String),
}

impl Sender {
    /// A sender with the name shown to recipients (may be empty) and the address.
    pub fn new(name: &str, address: &str) -> Result<Self, SenderError> {
        let email: Address = Some(address)
            .filter(|address| domain::intent::is_address(address))
            .and_then(|address| address.parse().ok())
            .ok_or_else(|| SenderError::Address(address.to_owned()))?;
        Ok(Self { mailbox: Mailbox::new(display_name(name), email) })
    }

    /// The address alone: the envelope's return path.
    pub(super) const fn address(&self) -> &Address {
        &self.mailbox.email
    }

    /// The host part, under which Message-IDs are made.
    pub(super) fn host(&self) -> &str {
        self.mailbox.email.domain()
    }
}

/// A message ready to be handed over.
#[derive(Debug)]
pub(super) struct Mime {
    /// Where it goes.
    pub(super) to: Address,
    /// Headers and body, lines ended with CRLF.
    pub(super) bytes: Vec<u8>,
}

/// Writes the message. The same message gives the same Message-ID each time, and the headers say
/// that a machine drafted it and who reviewed it (GV-09).
pub(super) fn write(
    cleared: &Cleared<'_>,
    sender: &Sender,
    now: Timestamp,
) -> Result<Mime, DeliverError> {
    let letter = cleared.letter();
    let broken = |what: &str| DeliverError::Permanent(format!("the message {what}"));
    let to: Address = Some(letter.recipient.address.as_str())
        .filter(|address| domain::intent::is_address(address))
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| broken("has no valid recipient address"))?;
    let id = cleared.message().message_id(sender.host());
    let provenance = format!(
        "drafted-by={}; human-reviewed={}",
        token(cleared.author()),
        match cleared.reviewed_by() {
            "policy" => "none".to_owned(),
            user => token(user),
        }
    );
    let message = Message::builder()
        .from(sender.mailbox.clone())
        .to(Mailbox::new(display_name(&letter.recipient.name), to.clone()))
        .subject(one_line(&letter.subject))
        .date(now.into())
        .message_id(Some(format!("<{id}>")))
        .raw_header(header("X-Playgate-Idempotency-Key", cleared.message().id.to_string()))
        .raw_header(header("X-Playgate-AI", provenance))
        .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(letter.body.clone()))
        .map_err(|_| broken("cannot be written as mail"))?;
    Ok(Mime { to, bytes: message.formatted() })
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

fn display_name(name: &str) -> Option<String> {
    Some(one_line(name)).filter(|name| !name.is_empty())
}

/// The text on one line: line breaks and other control characters would end a header early.
fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let spaced: String = text.chars().map(|c| if breaks(c) { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A parameter value of `X-Playgate-AI`: printable ASCII without the separators.
fn token(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|c| if c.is_ascii_graphic() && c != ';' && c != '=' { c } else { '_' })
        .take(100)
        .collect();
    if kept.is_empty() { "unknown".to_owned() } else { kept }
}
