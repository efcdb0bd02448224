//! One driver for SQLite and PostgreSQL.
