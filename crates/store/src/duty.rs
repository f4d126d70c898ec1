//! The duty of archiving: of all processes on a database, one has it.

use domain::port::StoreError;
use sqlx::{PgConnection, Row as _};

use crate::{
    fault::of_sqlx,
    lock,
    open::{Pools, Store},
    statement,
};

/// Held until dropped. A process that dies loses it with its connection.
#[derive(Debug)]
pub struct Duty {
    _connection: Option<PgConnection>,
}

impl Store {
    /// Takes the duty; none while another process has it. On SQLite who may is decided by a lock
    /// beside the file, which is not the store's business. Two who archived at once would do no
    /// harm: of two files that hold the same run, one is noted.
    pub async fn take_duty(&self) -> Result<Option<Duty>, StoreError> {
        let pool = match &self.pools {
            Pools::Sqlite { .. } => return Ok(Some(Duty { _connection: None })),
            Pools::Postgres(pool) => pool,
        };
        // A session's lock: it goes when the connection does, whatever becomes of the process.
        let mut connection = pool.acquire().await.map_err(of_sqlx)?.detach();
        statement::runs_here("postgres");
        let row = sqlx::query(lock::DUTY).fetch_one(&mut connection).await.map_err(of_sqlx)?;
        let taken: bool = row.try_get("taken").map_err(of_sqlx)?;
        Ok(taken.then_some(Duty { _connection: Some(connection) }))
    }
}
