//! Delivery over SMTP, stage by stage, so that it is known what was handed over when it breaks.

use std::{fmt, net::IpAddr, time::Duration};

use domain::{
    message::{Cleared, DeliverError, Receipt},
    port::Transmission,
};
use jiff::Timestamp;
use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Quit, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use tokio::time::timeout;
use url::Url;

use super::{
    letter::{self, Mime, Sender},
    withheld,
};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// STARTTLS, or no delivery (port 587 or 25).
    StartTls,
    /// STARTTLS where the server offers it; on loopback only.
    Opportunistic,
    /// No protection; on loopback only.
    Plain,
}

/// How long each part of the conversation may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the server has greeted and answered EHLO, STARTTLS and AUTH, each.
    pub connect: Duration,
    /// Until a command is answered.
    pub command: Duration,
    /// Until the whole message is sent and answered.
    pub message: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            command: Duration::from_secs(30),
            message: Duration::from_secs(90),
        }
    }
}

/// Where the server is and how to talk to it.
#[derive(Clone)]
pub struct SmtpSettings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User name and password, if the server asks for them.
    pub login: Option<(String, String)>,
    /// A certificate authority to trust besides the public ones, as PEM.
    pub authority: Option<Vec<u8>>,
    /// How long each part may take.
    pub timeouts: Timeouts,
}

impl SmtpSettings {
    /// Reads `smtps://user:password@host:465` (TLS) or `smtp://user:password@host:587` (STARTTLS
    /// required; on loopback used where offered). User and password are percent-encoded.
    pub fn from_url(text: &str) -> Result<Self, SmtpError> {
        let url = Url::parse(text).map_err(|_| SmtpError::Url("is not a URL"))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or(SmtpError::Url("names no host"))?.trim_matches(['[', ']']).to_owned();
        let (security, port) = match url.scheme() {
            "smtps" => (Security::Tls, 465),
            "smtp" if is_loopback(&host) => (Security::Opportunistic, 587),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(SmtpError::Url("must begin with `smtp://` or `smtps://`")),
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((
                percent_decoded(user).ok_or(SmtpError::Url("has a user that is not UTF-8"))?,
                percent_decoded(password.unwrap_or_default())
                    .ok_or(SmtpError::Url("has a password that is not UTF-8"))?,
            )),
        };
        Ok(Self {
            port: url.port().unwrap_or(port),
            host,
            security,
            login,
            authority: None,
            timeouts: Timeouts::default(),
        })
    }
}

impl fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("login", &self.login.is_some())
            .finish_non_exhaustive()
    }
}

/// Why SMTP delivery cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The address of the server does not make sense. Not repeated: it may hold a password.
    #[error("SMTP server address {0}; write `smtps://user:password@host` or `smtp://host:587`")]
    Url(&'static str),
    /// Letters are personal; they travel encrypted or not beyond this machine.
    #[error("SMTP without required TLS is for loopback only, and `{0}` is elsewhere")]
    Insecure(String),
    /// The certificate authority cannot be used, or the host is no name for a certificate.
    #[error("TLS cannot be set up for the SMTP server")]
    Tls(#[source] Error),
}

/// An SMTP server that takes our mail.
pub struct Smtp {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    sender: Sender,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Smtp").field(&self.settings).finish()
    }
}

impl Smtp {
    /// Checks the settings. Nothing is connected yet.
    pub fn new(settings: SmtpSettings, sender: Sender) -> Result<Self, SmtpError> {
        let open = matches!(settings.security, Security::Opportunistic | Security::Plain);
        if open && !is_loopback(&settings.host) {
            return Err(SmtpError::Insecure(settings.host));
        }
        let tls = if settings.security == Security::Plain {
            None
        } else {
            let mut tls = TlsParameters::builder(settings.host.clone());
            if let Some(pem) = &settings.authority {
                let authority = Certificate::from_pem(pem).map_err(SmtpError::Tls)?;
                tls = tls.add_root_certificate(authority);
            }
            Some(tls.build_rustls().map_err(SmtpError::Tls)?)
        };
        Ok(Self { settings, tls, sender })
    }

    pub(super) async fn deliver(
        &self,
        cleared: &Cleared<'_>,
        now: Timestamp,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        let mime = letter::write(cleared, &self.sender, now)?;
        let mut connection = self.connect().await?;
        let result = self.converse(&mut connection, &mime, transmission).await;
        if result.is_ok() {
            // Politeness only: what became of the message is settled. Not after a failure, where
            // the server may still be reading the message and would take this for a part of it.
            let _ = timeout(Duration::from_secs(1), connection.command(Quit)).await;
        }
        result
    }

    /// Connects, greets, encrypts and signs in. Whatever goes wrong here is about the connection
    /// and not the message, so even a 5xx (a changed password) is worth another attempt.
    async fn connect(&self) -> Result<AsyncSmtpConnection, DeliverError> {
        let SmtpSettings { host, port, security, login, timeouts, .. } = &self.settings;
        let hello = ClientId::Domain(self.sender.host().to_owned());
        let implicit = self.tls.clone().filter(|_| *security == Security::Tls);
        let connect = AsyncSmtpConnection::connect_tokio1(
            (host.as_str(), *port),
            Some(timeouts.connect),
            &hello,
            implicit,
            None,
        );
        let mut connection = staged("connecting", timeouts.connect, connect).await?;
        if let (Security::StartTls | Security::Opportunistic, Some(tls)) = (security, &self.tls) {
            if connection.can_starttls() {
                let upgrade = connection.starttls(tls.clone(), &hello);
                staged("STARTTLS", timeouts.connect, upgrade).await?;
            } else if *security == Security::StartTls {
                return Err(DeliverError::Transient(
                    "SMTP server does not offer STARTTLS, which is required".to_owned(),
                ));
            }
        }
        if let Some((user, password)) = login {
            let credentials = Credentials::new(user.clone(), password.clone());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            staged("AUTH", timeouts.connect, connection.auth(&mechanisms, &credentials)).await?;
        }
        Ok(connection)
    }

    /// From MAIL to the answer to the message.
    async fn converse(
        &self,
        connection: &mut AsyncSmtpConnection,
        mime: &Mime,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        let Timeouts { command, message, .. } = self.settings.timeouts;
        let options = self.mail_options(connection, &mime.to)?;
        let mail = Mail::new(Some(self.sender.address().clone()), options);
        let rcpt = Rcpt::new(mime.to.clone(), Vec::new());
        asked("MAIL", timeout(command, connection.command(mail)).await)?;
        asked("RCPT", timeout(command, connection.command(rcpt)).await)?;
        let go = asked("DATA", timeout(command, connection.command(Data)).await)?;
        if !go.has_code(354) {
            return Err(DeliverError::Transient(format!("SMTP DATA: {}", words(&go))));
        }
        if !transmission.begin().await {
            return Err(withheld());
        }
        // The client ends the message with a line break of its own.
        let bytes = mime.bytes.strip_suffix(b"\r\n").unwrap_or(&mime.bytes);
        match timeout(message, connection.message(bytes)).await {
            Ok(Ok(answer)) if u16::from(answer.code()) / 100 == 2 => {
                Ok(Receipt { note: words(&answer) })
            }
            Ok(Ok(answer)) => Err(DeliverError::Unknown(words(&answer))),
            Ok(Err(err)) if err.is_transient() => Err(DeliverError::Transient(reply(&err))),
            Ok(Err(err)) if err.is_permanent() => Err(DeliverError::Permanent(reply(&err))),
            Ok(Err(err)) => Err(DeliverError::Unknown(format!("SMTP message: {}", reply(&err)))),
            Err(_) => Err(DeliverError::Unknown("SMTP message: no answer in time".to_owned())),
        }
    }

    fn mail_options(
        &self,
        connection: &AsyncSmtpConnection,
        to: &Address,
    ) -> Result<Vec<MailParameter>, DeliverError> {
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if ascii(to) && ascii(self.sender.address()) {
            return Ok(Vec::new());
        }
        if connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            Ok(vec![MailParameter::SmtpUtfEight])
        } else {
            Err(DeliverError::Permanent(
                "SMTP server does not take addresses with letters beyond ASCII".to_owned(),
            ))
        }
    }
}

/// A stage before the message: whatever fails, nothing was handed over.
async fn staged<T>(
    stage: &str,
    limit: Duration,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, DeliverError> {
    match timeout(limit, future).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(err)) => Err(DeliverError::Transient(format!("SMTP {stage}: {}", reply(&err)))),
        Err(_) => Err(DeliverError::Transient(format!("SMTP {stage}: no answer in time"))),
    }
}

/// The answer to a command about the message: a 5xx is the server's last word.
fn asked(
    stage: &str,
    answer: Result<Result<Response, Error>, tokio::time::error::Elapsed>,
) -> Result<Response, DeliverError> {
    match answer {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(err)) if err.is_permanent() => {
            Err(DeliverError::Permanent(format!("SMTP {stage}: {}", reply(&err))))
        }
        Ok(Err(err)) => Err(DeliverError::Transient(format!("SMTP {stage}: {}", reply(&err)))),
        Err(_) => Err(DeliverError::Transient(format!("SMTP {stage}: no answer in time"))),
    }
}

fn words(answer: &Response) -> String {
    masked(&format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")))
}

fn reply(err: &Error) -> String {
    masked(&err.to_string())
}

/// A server's words without mail addresses, which do not belong in notes and logs, and at most
/// 300 characters long.
fn masked(text: &str) -> String {
    let words =
        text.split_whitespace().map(|word| if word.contains('@') { "[address]" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| hex::decode(digits).ok());
        if let Some(decoded) = escaped {
            bytes.extend(decoded);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        Sender::new("Acme CS", "cs@vendor.test").unwrap()
    }

    #[test]
    fn a_server_address_says_how_the_connection_is_protected() {
        let tls = SmtpSettings::from_url("smtps://cs%40vendor:p%2Fw%25d@mail.vendor.test").unwrap();
        assert_eq!((tls.security, tls.port), (Security::Tls, 465));
        assert_eq!(tls.login, Some(("cs@vendor".to_owned(), "p/w%d".to_owned())));
        let start = SmtpSettings::from_url("smtp://mail.vendor.test").unwrap();
        assert_eq!((start.security, start.port), (Security::StartTls, 587));
        let local = SmtpSettings::from_url("smtp://[::1]:2525").unwrap();
        assert_eq!((local.security, local.port), (Security::Opportunistic, 2525));
        for bad in ["http://mail.test", "mail.test", "smtp://"] {
            assert!(SmtpSettings::from_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn letters_do_not_travel_unprotected_beyond_this_machine() {
        for security in [Security::Plain, Security::Opportunistic] {
            let mut settings = SmtpSettings::from_url("smtp://mail.vendor.test").unwrap();
            settings.security = security;
            assert!(matches!(Smtp::new(settings, sender()), Err(SmtpError::Insecure(_))));
            let mut settings = SmtpSettings::from_url("smtp://127.0.0.1:25").unwrap();
            settings.security = security;
            assert!(Smtp::new(settings, sender()).is_ok());
        }
    }

    #[test]
    fn neither_passwords_nor_addresses_show() {
        let settings = SmtpSettings::from_url("smtps://me:hunter2@mail.vendor.test").unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let err = SmtpSettings::from_url("ftp://me:hunter2@mail.vendor.test").unwrap_err();
        assert!(!err.to_string().contains("hunter2"));
        assert_eq!(
            masked("550 5.1.1 <ann@acme.test>: user ann@acme.test\r\nunknown"),
            "550 5.1.1 [address] user [address] unknown"
        );
    }
}
