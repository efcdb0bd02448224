//! How many connections there are, for those who watch.

use sqlx::{Database, Pool};

use crate::Db;

/// The connections of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// What it is for: `read` and `write` on SQLite, `all` on PostgreSQL.
    pub name: &'static str,
    /// Connections that nobody uses.
    pub idle: u32,
    /// Connections that somebody uses.
    pub used: u32,
    /// The most that there may be.
    pub most: u32,
}

impl Db {
    /// Returns the state of each pool.
    pub fn pools(&self) -> Vec<PoolState> {
        match self {
            Self::Sqlite { read, write } => vec![state("read", read), state("write", write)],
            Self::Postgres(postgres) => vec![state("all", &postgres.pool)],
        }
    }
}

fn state<D: Database>(name: &'static str, pool: &Pool<D>) -> PoolState {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    PoolState {
        name,
        idle,
        used: pool.size().saturating_sub(idle),
        most: pool.options().get_max_connections(),
    }
}
