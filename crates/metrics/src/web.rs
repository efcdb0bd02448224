//! What the web client counts, and the pools that both services have.

use prometheus::IntGaugeVec;

use crate::{
    Family, Http,
    label::{Counts, Limit, LogIn},
    list,
    registry::Registry,
};

/// The metrics of one web client.
#[derive(Debug)]
pub struct WebMetrics {
    registry: Registry,
    /// Requests by route.
    pub http: Http,
    /// Attempts to log in.
    pub log_ins: Counts<LogIn>,
    /// Limits that were hit.
    pub limits: Counts<Limit>,
    database: Database,
}

impl Default for WebMetrics {
    fn default() -> Self {
        let registry = Registry::new(Some("web"));
        Self {
            http: Http::new(&registry),
            log_ins: Counts::new(registry.counters(&list::LOG_INS)),
            limits: Counts::new(registry.counters(&list::LIMITED)),
            database: Database::new(&registry),
            registry,
        }
    }
}

impl WebMetrics {
    /// Takes over the state of the database's pools.
    pub fn connections(&self, pools: impl IntoIterator<Item = DatabaseConnections>) {
        for pool in pools {
            self.database.connections(pool);
        }
    }

    /// Returns what was counted so far.
    pub fn families(&self) -> Vec<Family> {
        self.registry.families()
    }
}

/// The connections of one pool.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseConnections {
    /// What the pool is for, from a short list.
    pub pool: &'static str,
    /// Connections that nobody uses.
    pub idle: u32,
    /// Connections that somebody uses.
    pub used: u32,
    /// The most that there may be.
    pub most: u32,
}

/// Says how many connections to the database there are.
#[derive(Debug)]
pub(crate) struct Database {
    connections: IntGaugeVec,
    most: IntGaugeVec,
}

impl Database {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            connections: registry.gauges(&list::DATABASE_CONNECTIONS),
            most: registry.gauges(&list::DATABASE_MOST),
        }
    }

    /// Takes over the state of a pool.
    pub(crate) fn connections(&self, now: DatabaseConnections) {
        for (state, count) in [("idle", now.idle), ("used", now.used)] {
            self.connections
                .with_label_values(&[now.pool, state])
                .set(i64::from(count));
        }
        self.most
            .with_label_values(&[now.pool])
            .set(i64::from(now.most));
    }
}
