//! A database of its own for every test, on SQLite or PostgreSQL.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file in the test's folder.
    Sqlite,
    /// A database in the cluster `TEST_POSTGRES_URL` names.
    Postgres,
}

/// A database that is one test's alone.
#[derive(Debug)]
pub struct Lease {
    /// Its address.
    pub url: String,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// Makes a database. Without a cluster the PostgreSQL half fails: no test is skipped silently.
    pub async fn lease(self, folder: &Path) -> Lease {
        let url = match self {
            Self::Sqlite => folder.join("playgate.sqlite").display().to_string(),
            Self::Postgres => {
                let cluster = std::env::var_os("TEST_POSTGRES_URL").map_or_else(
                    || {
                        panic!(
                            "this test needs PostgreSQL: run `cargo xtask test`, or `cargo xtask \
                             postgres -- cargo test …`"
                        )
                    },
                    |url| url.to_string_lossy().into_owned(),
                );
                let number = COUNT.fetch_add(1, Ordering::Relaxed);
                let name = format!("world_{}_{number}", std::process::id());
                let base = cluster.rsplit_once('/').map_or(cluster.as_str(), |(base, _)| base);
                let url = format!("{base}/{name}");
                store::create_database(&url).await.expect("a database of our own");
                url
            }
        };
        Lease { url }
    }
}
