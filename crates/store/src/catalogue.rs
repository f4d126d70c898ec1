//! Versions of playbooks and policies, and the schedules that tick.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{
    event::{Event, NewEvent, Stream},
    port::{Catalogue, PlaybookVersion, PolicyVersion, Schedule, StoreError},
    user::Actor,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    fault::of_sqlx,
    lock,
    open::Store,
    row::Row,
    sql::{Value, args, sql},
    trail,
};

fn playbook(row: &Row) -> Result<PlaybookVersion, StoreError> {
    Ok(PlaybookVersion {
        name: row.text("name")?,
        version: row.text("version")?,
        files: row.json("files")?,
        active: row.flag("active")?,
        concurrency: row.get::<Option<i64>>("concurrency")?.and_then(|most| most.try_into().ok()),
        loaded_at: row.at("loaded_at")?,
    })
}

#[async_trait]
impl Catalogue for Store {
    async fn load_playbooks(
        &self,
        versions: &[PlaybookVersion],
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let (versions, by) = (versions.to_vec(), by.clone());
        self.write(move |tx| Box::pin(load(tx, versions, by, now))).await
    }

    async fn active_playbooks(&self) -> Result<Vec<PlaybookVersion>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT name, version, files, active, concurrency, loaded_at FROM playbooks "
                        "WHERE active = 1 ORDER BY name"),
                    args![],
                )
                .await?
                .iter()
                .map(playbook)
                .collect()
            })
        })
        .await
    }

    async fn playbook_version(&self, version: &str) -> Result<Option<PlaybookVersion>, StoreError> {
        let args = args![version];
        self.read(move |tx| {
            Box::pin(async move {
                tx.one(
                    sql!("SELECT name, version, files, active, concurrency, loaded_at FROM playbooks "
                        "WHERE version = $1"),
                    args,
                )
                .await?
                .as_ref()
                .map(playbook)
                .transpose()
            })
        })
        .await
    }

    async fn activate_policy(
        &self,
        version: &PolicyVersion,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (version, by) = (version.clone(), by.clone());
        self.write(move |tx| Box::pin(activate(tx, version, by, now))).await
    }

    async fn active_policy_version(&self) -> Result<Option<String>, StoreError> {
        self.gatherers().policy.ask(self, ()).await
    }

    async fn active_policy(&self) -> Result<Option<PolicyVersion>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                tx.one(
                    sql!("SELECT version, files, activated_at FROM policies WHERE active = 1"),
                    args![],
                )
                .await?
                .map(|row| {
                    Ok(PolicyVersion {
                        version: row.text("version")?,
                        files: row.json("files")?,
                        activated_at: row.at("activated_at")?,
                    })
                })
                .transpose()
            })
        })
        .await
    }

    async fn schedule(&self, playbook: &str, next: Option<Timestamp>) -> Result<(), StoreError> {
        let playbook = playbook.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                match next {
                    Some(next) => {
                        tx.execute(
                            sql!("INSERT INTO schedules (playbook, next_at) VALUES ($1, $2) "
                                "ON CONFLICT (playbook) DO NOTHING"),
                            args![playbook, next],
                        )
                        .await?
                    }
                    None => {
                        tx.execute(
                            sql!("DELETE FROM schedules WHERE playbook = $1"),
                            args![playbook],
                        )
                        .await?
                    }
                };
                Ok(())
            })
        })
        .await
    }

    async fn due_schedules(&self, now: Timestamp) -> Result<Vec<Schedule>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT playbook, next_at FROM schedules WHERE next_at <= $1 "
                        "ORDER BY next_at, playbook"),
                    args![now],
                )
                .await?
                .iter()
                .map(|row| {
                    Ok(Schedule { playbook: row.text("playbook")?, due: row.at("next_at")? })
                })
                .collect()
            })
        })
        .await
    }

    async fn advance_schedule(&self, tick: &Schedule, next: Timestamp) -> Result<bool, StoreError> {
        let args = args![tick.playbook.as_str(), tick.due, next];
        self.write(move |tx| {
            Box::pin(async move {
                let moved = tx
                    .execute(
                        sql!("UPDATE schedules SET next_at = $3 "
                            "WHERE playbook = $1 AND next_at = $2"),
                        args,
                    )
                    .await?;
                Ok(moved == 1)
            })
        })
        .await
    }
}

async fn version_in_force(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    tx.one(sql!("SELECT version FROM policies WHERE active = 1"), args![])
        .await?
        .map(|row| row.text("version"))
        .transpose()
}

/// The version in force, for everybody who asks.
pub(crate) fn versions_in_force(
    tx: &mut Tx,
    asking: Vec<()>,
) -> BoxFuture<'_, Result<Vec<Option<String>>, StoreError>> {
    Box::pin(async move {
        let version = version_in_force(tx).await?;
        Ok(vec![version; asking.len()])
    })
}

/// Whoever changes what is in force waits for whoever does so at the same time.
async fn exclusively(tx: &mut Tx) -> Result<(), StoreError> {
    tx.raw("", lock::CATALOGUE).await.map_err(of_sqlx)
}

async fn load(
    tx: &mut Tx,
    versions: Vec<PlaybookVersion>,
    by: Actor,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    exclusively(tx).await?;
    let active: BTreeSet<String> = tx
        .fetch(sql!("SELECT version FROM playbooks WHERE active = 1"), args![])
        .await?
        .iter()
        .map(|row| row.text("version"))
        .collect::<Result<_, _>>()?;
    let rows: Vec<_> = versions
        .iter()
        .map(|version| {
            json!({
                "version": version.version,
                "name": version.name,
                "files": json!(version.files).to_string(),
                "concurrency": version.concurrency,
            })
        })
        .collect();
    // First none, then the new ones: a name may have one active version only.
    tx.execute(sql!("UPDATE playbooks SET active = 0 WHERE active = 1"), args![]).await?;
    tx.execute(
        sql!("INSERT INTO playbooks (version, name, files, active, loaded_at, concurrency) "
            "SELECT r.version, r.name, r.files, 1, $2, r.concurrency FROM "
            {rows "$1" (version TEXT, name TEXT, files TEXT, concurrency BIGINT)}
            "WHERE true ON CONFLICT (version) DO UPDATE SET active = 1, "
            "concurrency = excluded.concurrency"),
        vec![Value::rows(rows), Value::from(now)],
    )
    .await?;
    let new: Vec<PlaybookVersion> =
        versions.into_iter().filter(|version| !active.contains(&version.version)).collect();
    let events: Vec<NewEvent> = new
        .iter()
        .map(|version| NewEvent {
            stream: Stream::Playbook,
            at: now,
            actor: by.clone(),
            event: Event::PlaybookLoaded {
                name: version.name.clone(),
                version: version.version.clone(),
            },
        })
        .collect();
    trail::append(tx, &events).await?;
    Ok(new.into_iter().map(|version| version.name).collect())
}

async fn activate(
    tx: &mut Tx,
    version: PolicyVersion,
    by: Actor,
    now: Timestamp,
) -> Result<bool, StoreError> {
    exclusively(tx).await?;
    let active = version_in_force(tx).await?;
    if active.as_ref() == Some(&version.version) {
        return Ok(false);
    }
    tx.execute(sql!("UPDATE policies SET active = 0 WHERE active = 1"), args![]).await?;
    tx.execute(
        sql!("INSERT INTO policies (version, files, active, activated_at) "
            "VALUES ($1, $2, 1, $3) ON CONFLICT (version) DO UPDATE "
            "SET active = 1, activated_at = excluded.activated_at"),
        vec![Value::from(version.version.as_str()), Value::json(&version.files), Value::from(now)],
    )
    .await?;
    let event = Event::PolicyActivated {
        version: version.version,
        files: version.files.into_iter().map(|(name, _)| name).collect(),
    };
    let event = NewEvent { stream: Stream::Policy, at: now, actor: by, event };
    trail::append(tx, &[event]).await?;
    Ok(true)
}
