//! Makes the adapters the configuration names: the writer, the ways out, the secrets of the way in.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use agent::{Agent, Endpoint, Limits, OfflineWriter, OpenAiModel};
use anyhow::Context as _;
use connectors::{
    outlet::{Mail, MailFolder, Outlets, Security, Sender, Smtp, SmtpSettings, Timeouts, Webhook},
    signature::Secret,
};
use domain::{clock::Clock, port::Writer};
use url::Url;

use crate::{
    assets::{self, Kind},
    config::{self, Config, environment},
};

/// Who drafts and routes.
pub fn writer(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Writer>> {
    let prompts = assets::files(Kind::Prompts, config.custom.as_deref())?
        .into_iter()
        .map(|(name, text)| (name.trim_end_matches(".md").to_owned(), text))
        .collect();
    let model: Arc<dyn agent::Model> = match &config.model.url {
        None => Arc::new(OfflineWriter),
        Some(url) => {
            let key = environment(&config.model.key_env);
            let mut endpoint = Endpoint::new(url, &config.model.name, key);
            endpoint.timeout = Duration::from_secs(config.model.timeout_seconds.max(1));
            Arc::new(OpenAiModel::new(endpoint, Arc::clone(&clock))?)
        }
    };
    let limits = Limits {
        calls_per_minute: NonZeroU32::new(config.model.requests_per_minute),
        ..Limits::default()
    };
    Ok(Arc::new(Agent::new(model, prompts, limits, clock)?))
}

/// Where messages leave.
pub fn outlets(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Outlets> {
    let (name, address) = match config.mail.from.split_once('<') {
        Some((name, rest)) => (name.trim(), rest.trim_end_matches('>').trim()),
        None => ("", config.mail.from.trim()),
    };
    let sender = Sender::new(name, address)
        .with_context(|| format!("`mail.from` is no sender: {}", config.mail.from))?;
    let mail = match &config.mail.smtp {
        None => {
            let folder = config.mail_folder();
            Mail::Folder(
                MailFolder::open(&folder, sender).with_context(|| {
                    format!("mail folder `{}` cannot be made", folder.display())
                })?,
            )
        }
        Some(smtp) => {
            let lease = u64::from(config.worker.delivery_lease_seconds.max(2));
            let login = smtp
                .user
                .clone()
                .map(|user| {
                    environment(&smtp.password_env).map(|password| (user, password)).with_context(
                        || format!("variable `{}` holds no SMTP password", smtp.password_env),
                    )
                })
                .transpose()?;
            // Six answers may be waited for before the hand-over, which has to begin under the
            // same lease.
            let wait = Duration::from_secs(smtp.timeout_seconds.min(lease * 4 / 5 / 6).max(1));
            Mail::Smtp(Smtp::new(
                SmtpSettings {
                    host: smtp.host.clone(),
                    port: smtp.port,
                    security: match smtp.security {
                        config::Security::Tls => Security::Tls,
                        config::Security::StartTls => Security::StartTls,
                        config::Security::Plain => Security::Plain,
                    },
                    login,
                    authority: None,
                    timeouts: Timeouts {
                        connect: wait,
                        command: wait,
                        // Over before the lease is, or another worker would call it uncertain.
                        message: Duration::from_secs((lease * 4 / 5).max(1)),
                    },
                },
                sender,
            )?)
        }
    };
    let webhook = match &config.webhook.url {
        None => None,
        Some(url) => {
            let url =
                Url::parse(url).with_context(|| format!("`webhook.url` is no address: {url}"))?;
            let secret = environment(&config.webhook.secret_env).with_context(|| {
                format!("variable `{}` holds no webhook secret", config.webhook.secret_env)
            })?;
            Some(Webhook::new(url, Secret::parse(&secret)?, Duration::from_secs(20))?)
        }
    };
    Ok(Outlets::new(mail, webhook, clock))
}

/// What incoming signals are signed with.
pub fn secrets(config: &Config) -> anyhow::Result<Vec<Secret>> {
    environment(&config.signals.secret_env)
        .unwrap_or_default()
        .split_whitespace()
        .map(|text| Secret::parse(text).context("a secret for signals cannot be read"))
        .collect()
}
