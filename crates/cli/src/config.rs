//! Configuration: one YAML file, the environment, and the command line on top.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use domain::archive::FLOOR_DAYS;
use serde::Deserialize;

use crate::{failure::BadInput, limits::Limits};

/// The commented example that `playgate config print` shows. It equals the defaults.
pub const EXAMPLE: &str = include_str!("config.example.yaml");

/// How the product is set up.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the embedded default: database, master key, mail folder.
    pub data: PathBuf,
    /// Database address; none means a SQLite file in `data`.
    pub database: Option<String>,
    /// Address to serve on.
    pub listen: SocketAddr,
    /// Address people reach the server at, when it stands behind a proxy.
    pub public_url: Option<String>,
    /// Whom commands act as.
    pub user: Option<String>,
    /// Folder whose `playbooks/`, `policies/` and `prompts/` shadow the shipped ones.
    pub custom: Option<PathBuf>,
    /// The language model.
    pub model: Model,
    /// Outgoing mail.
    pub mail: Mail,
    /// Outgoing webhook.
    pub webhook: Webhook,
    /// Incoming signals.
    pub signals: Signals,
    /// Keys.
    pub keys: Keys,
    /// Logging.
    pub log: Log,
    /// Background work.
    pub worker: Worker,
    /// What is bounded over all processes together.
    pub limits: Limits,
    /// How long what is over stays in the database.
    pub retention: Retention,
}

/// The language model.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Base address of an OpenAI-compatible endpoint; none means the offline writer.
    pub url: Option<String>,
    /// The model's name there.
    pub name: String,
    /// Environment variable that holds the key.
    pub key_env: String,
    /// Requests per minute, at most; 0 means no limit.
    pub requests_per_minute: u32,
    /// Seconds until an answer counts as not given.
    pub timeout_seconds: u64,
}

/// Outgoing mail.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Sender, as in the `From` header.
    pub from: String,
    /// SMTP relay; none means a folder of `.eml` files.
    pub smtp: Option<Smtp>,
    /// That folder; none means `mail` in `data`.
    pub folder: Option<PathBuf>,
}

/// An SMTP relay.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// Host name.
    pub host: String,
    /// Port.
    #[serde(default = "submission")]
    pub port: u16,
    /// `tls`, `starttls` or, on loopback only, `plain`.
    #[serde(default)]
    pub security: Security,
    /// User name.
    #[serde(default)]
    pub user: Option<String>,
    /// Environment variable that holds the password.
    #[serde(default = "smtp_password")]
    pub password_env: String,
    /// Seconds until a silent relay counts as gone.
    #[serde(default = "half_a_minute")]
    pub timeout_seconds: u64,
}

const fn submission() -> u16 {
    587
}
fn smtp_password() -> String {
    "PLAYGATE_SMTP_PASSWORD".to_owned()
}
const fn half_a_minute() -> u64 {
    30
}

/// How the connection to a relay is protected.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS, required.
    #[default]
    StartTls,
    /// None; loopback only.
    Plain,
}

/// Outgoing webhook.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Where messages of the channel `webhook` are posted.
    pub url: Option<String>,
    /// Environment variable that holds the signing secret.
    pub secret_env: String,
}

/// Incoming signals.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Signals {
    /// Environment variable that holds the signing secrets, separated by spaces.
    pub secret_env: String,
}

/// Keys.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Environment variable that holds the master key, 64 hexadecimal digits.
    pub master_env: String,
    /// Command that prints it instead, run by `sh`.
    pub master_command: Option<String>,
    /// File that holds it instead; made on first start when there is none anywhere.
    pub master_file: Option<PathBuf>,
}

/// Logging.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// What to log, as in `info,engine=debug`.
    pub filter: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Background work.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Runs advanced at the same time.
    pub concurrency: usize,
    /// Seconds a run is held before another worker may take it over.
    pub lease_seconds: u32,
    /// Seconds a delivery attempt holds its message.
    pub delivery_lease_seconds: u32,
    /// Attempts at one message.
    pub delivery_attempts: u32,
    /// Where `playgate worker` answers `/healthz` and `/metrics`; nowhere when none.
    pub listen: Option<SocketAddr>,
}

/// How long what is over stays in the database.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days after which a run that is over moves to an archive file; none: it stays for ever.
    pub runs_days: Option<u32>,
    /// Folder of archive files; none means `archive` in `data`, and nothing on PostgreSQL.
    pub archive_dir: Option<PathBuf>,
    /// Days after which days of use are forgotten; none: they stay.
    pub usage_days: Option<u32>,
}

impl Retention {
    /// Refuses what is shorter than the law asks for.
    pub fn check(&self) -> Result<(), BadInput> {
        match self.runs_days {
            Some(days) if days < FLOOR_DAYS => Err(BadInput(format!(
                "`retention.runs_days` is {days}: what is auditable is kept for {FLOOR_DAYS} days \
                 at least (GV-01: AI Act, articles 19 and 26(6)); give {FLOOR_DAYS} or more"
            ))),
            _ => Ok(()),
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self { runs_days: Some(400), archive_dir: None, usage_days: None }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from(".playgate"),
            database: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 7717)),
            public_url: None,
            user: None,
            custom: None,
            model: Model::default(),
            mail: Mail::default(),
            webhook: Webhook::default(),
            signals: Signals::default(),
            keys: Keys::default(),
            log: Log::default(),
            worker: Worker::default(),
            limits: Limits::default(),
            retention: Retention::default(),
        }
    }
}

impl Default for Model {
    fn default() -> Self {
        Self {
            url: None,
            name: "gpt-4o-mini".to_owned(),
            key_env: "OPENAI_API_KEY".to_owned(),
            requests_per_minute: 60,
            timeout_seconds: 60,
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            from: "Customer Success <success@playgate.example>".to_owned(),
            smtp: None,
            folder: None,
        }
    }
}

impl Default for Webhook {
    fn default() -> Self {
        Self { url: None, secret_env: "PLAYGATE_WEBHOOK_SECRET".to_owned() }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self { secret_env: "PLAYGATE_SIGNAL_SECRET".to_owned() }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            master_env: "PLAYGATE_MASTER_KEY".to_owned(),
            master_command: None,
            master_file: None,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            concurrency: 256,
            lease_seconds: 30,
            delivery_lease_seconds: 300,
            delivery_attempts: 8,
            listen: None,
        }
    }
}

impl Config {
    /// Reads a file; its errors name line and column.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = crate::assets::read_text(file)
            .map_err(|err| BadInput(format!("configuration cannot be read: {err}")))?;
        let config: Self = notation::yaml::read(&file.display().to_string(), &text)?;
        config.retention.check()?;
        Ok(config)
    }

    /// Address of the database.
    pub fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| self.data.join("playgate.sqlite").display().to_string())
    }

    /// Whether the database is the embedded one.
    pub fn is_embedded(&self) -> bool {
        !self.database_url().starts_with("postgres")
    }

    /// Where `.eml` files go when there is no relay.
    pub fn mail_folder(&self) -> PathBuf {
        self.mail.folder.clone().unwrap_or_else(|| self.data.join("mail"))
    }

    /// Address people reach the server at.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

/// Reads a variable of the environment; the only place that does.
#[expect(clippy::disallowed_methods, reason = "this is the seam everybody else goes through")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_example_equals_the_defaults() {
        let read: Config = notation::yaml::read("example", EXAMPLE).unwrap();
        assert_eq!(read, Config::default());
    }

    #[test]
    fn gv_01_less_than_six_months_is_refused_and_says_why() {
        for days in [0, 182] {
            let retention = Retention { runs_days: Some(days), ..Retention::default() };
            let refused = retention.check().unwrap_err().to_string();
            assert!(refused.contains("GV-01") && refused.contains("183"), "{refused}");
        }
        for days in [None, Some(183), Some(400)] {
            let retention = Retention { runs_days: days, ..Retention::default() };
            assert!(retention.check().is_ok(), "{days:?}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let err = notation::yaml::read::<Config>("c.yaml", "listne: 127.0.0.1:1\n").unwrap_err();
        let text = err.to_string();
        assert!(text.contains("c.yaml:1"), "{text}");
        assert!(text.contains("listne"), "{text}");
    }
}
