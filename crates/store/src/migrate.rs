//! The schema's versions: which there are, which a database has, and bringing it up to date.

use domain::port::StoreError;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use crate::{
    connection::Tx,
    fault::of_sqlx,
    open::Store,
    sql::{args, sql},
};

/// One step of the schema, in both dialects.
struct Migration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
        }
    };
}

/// All steps, in order. Never change one that was released; add another.
const MIGRATIONS: &[Migration] = &[migration!("0001_schema")];

/// Why the schema is not as this program needs it.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database was used by a newer program.
    #[error("database has schema step `{name}`, which this version does not know; use a newer one")]
    Newer {
        /// The step.
        name: String,
    },
    /// A step that was applied is not the one this program has.
    #[error("schema step `{name}` was changed after it was applied; restore the original")]
    Changed {
        /// The step.
        name: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of looking.
enum Found {
    Pending(Vec<&'static str>),
    Newer(String),
    Changed(String),
}

impl Found {
    fn pending(self) -> Result<Vec<&'static str>, MigrateError> {
        match self {
            Self::Pending(names) => Ok(names),
            Self::Newer(name) => Err(MigrateError::Newer { name }),
            Self::Changed(name) => Err(MigrateError::Changed { name }),
        }
    }
}

impl Store {
    /// Applies the steps this database does not have yet, all or none; their names.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, MigrateError> {
        let now = self.clock.now();
        self.write(move |tx| {
            Box::pin(async move {
                if tx.is_postgres() {
                    // Several processes may start at once.
                    tx.raw("", "SELECT pg_advisory_xact_lock(7014000)").await.map_err(of_sqlx)?;
                }
                tx.execute(
                    sql!("CREATE TABLE IF NOT EXISTS migrations ("
                        "name TEXT PRIMARY KEY, checksum TEXT NOT NULL, "
                        "applied_at BIGINT NOT NULL)"),
                    args![],
                )
                .await?;
                let found = inspect(tx).await?;
                if let Found::Pending(names) = &found {
                    for step in MIGRATIONS.iter().filter(|step| names.contains(&step.name)) {
                        tx.raw(step.sqlite, step.postgres).await.map_err(of_sqlx)?;
                        tx.execute(
                            sql!("INSERT INTO migrations (name, checksum, applied_at) "
                                "VALUES ($1, $2, $3)"),
                            args![step.name, checksum(tx, step), now],
                        )
                        .await?;
                    }
                }
                Ok(found)
            })
        })
        .await?
        .pending()
    }

    /// The steps this database does not have yet.
    pub async fn pending(&self) -> Result<Vec<&'static str>, MigrateError> {
        self.look().await?.pending()
    }

    /// Refuses a schema this program does not know.
    pub(crate) async fn refuse_newer_schema(&self) -> Result<(), MigrateError> {
        self.pending().await.map(drop)
    }

    async fn look(&self) -> Result<Found, StoreError> {
        self.view(|tx| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let known = tx
                    .count(
                        crate::sql::Sql::pair(
                            "SELECT COUNT(*) AS n FROM sqlite_schema \
                             WHERE type = 'table' AND name = 'migrations'",
                            "SELECT COUNT(*) AS n FROM pg_tables \
                             WHERE schemaname = current_schema() AND tablename = 'migrations'",
                        ),
                        args![],
                    )
                    .await?;
                if known == 0 {
                    return Ok(Found::Pending(MIGRATIONS.iter().map(|step| step.name).collect()));
                }
                inspect(tx).await
            })
        })
        .await
    }
}

async fn inspect(tx: &mut Tx) -> Result<Found, StoreError> {
    let rows =
        tx.fetch(sql!("SELECT name, checksum FROM migrations ORDER BY name"), args![]).await?;
    let mut pending: Vec<&'static str> = MIGRATIONS.iter().map(|step| step.name).collect();
    for row in rows {
        let name = row.text("name")?;
        let Some(step) = MIGRATIONS.iter().find(|step| step.name == name) else {
            return Ok(Found::Newer(name));
        };
        if row.text("checksum")? != checksum(tx, step) {
            return Ok(Found::Changed(name));
        }
        pending.retain(|pending| *pending != name);
    }
    Ok(Found::Pending(pending))
}

/// SHA-256 of the step's text, in hex.
fn checksum(tx: &Tx, step: &Migration) -> String {
    hex::encode(Sha256::digest(if tx.is_postgres() { step.postgres } else { step.sqlite }))
}
