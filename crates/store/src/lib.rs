//! All SQL, for SQLite and for PostgreSQL.
