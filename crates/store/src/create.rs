//! Making a PostgreSQL database that is not there yet, and dropping one.

use std::str::FromStr as _;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use crate::{open::OpenError, statement};

/// SQLSTATE of "this database exists".
const DUPLICATE: &str = "42P04";

/// Makes the database a `postgres://` URL names, through the server's `postgres` database, unless
/// it is there. Tells whether it was made.
pub async fn create_database(url: &str) -> Result<bool, OpenError> {
    let wrong = |err: sqlx::Error| OpenError::Connect(Box::new(err));
    let options = PgConnectOptions::from_str(url).map_err(wrong)?;
    let Some(name) = options.get_database().map(str::to_owned) else {
        return Err(OpenError::Url("a postgres URL without a database name".to_owned()));
    };
    let mut server =
        PgConnection::connect_with(&options.database("postgres")).await.map_err(wrong)?;
    // A name cannot be bound; as a quoted identifier it is only ever a name.
    let text = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
    statement::runs_here("postgres");
    let made = sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut server).await;
    let made = match made {
        Ok(_) => true,
        Err(sqlx::Error::Database(err)) if err.code().as_deref() == Some(DUPLICATE) => false,
        Err(err) => return Err(wrong(err)),
    };
    server.close().await.map_err(wrong)?;
    Ok(made)
}

/// Drops the database a `postgres://` URL names, and with it the connections to it. Nothing is
/// done when it is not there.
pub async fn drop_database(url: &str) -> Result<(), OpenError> {
    let wrong = |err: sqlx::Error| OpenError::Connect(Box::new(err));
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        // The driver would take any URL for one of a server of its own choosing.
        return Err(OpenError::Url("a URL that does not begin with `postgres://`".to_owned()));
    }
    let options = PgConnectOptions::from_str(url).map_err(wrong)?;
    let Some(name) = options.get_database().map(str::to_owned) else {
        return Err(OpenError::Url("a postgres URL without a database name".to_owned()));
    };
    let mut server =
        PgConnection::connect_with(&options.database("postgres")).await.map_err(wrong)?;
    let name = name.replace('"', "\"\"");
    let text = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
    statement::runs_here("postgres");
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut server).await.map_err(wrong)?;
    server.close().await.map_err(wrong)
}
