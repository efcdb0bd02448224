//! What the server counts.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

use crate::{
    Family, Http,
    label::{
        Counts, DataKeyLookup, EmbeddedText, Label as _, Limit, LogIn, Outcome, PartitionWork,
        RegisteredBy, Surface, TokenEvent, Turn, WaitingText,
    },
    list,
    registry::{Registry, Told},
    web::{Database, DatabaseConnections},
};

/// The metrics of one server. Made by its use cases, which hold it.
#[derive(Debug)]
pub struct ServerMetrics {
    registry: Registry,
    /// Requests by route.
    pub http: Http,
    /// Calls of tools.
    pub tools: Tools,
    /// Attempts to log in.
    pub log_ins: Counts<LogIn>,
    /// Limits that were hit.
    pub limits: Counts<Limit>,
    /// What happens to codes and tokens.
    pub tokens: Counts<TokenEvent>,
    /// Applications that became known.
    pub registrations: Counts<RegisteredBy>,
    /// How data keys were come by.
    pub data_keys: Counts<DataKeyLookup>,
    /// Turns of housekeeping.
    pub turns: Counts<Turn>,
    database: Database,
    embedded: Counts<EmbeddedText>,
    embedding_failures: IntCounter,
    embedding_seconds: HistogramVec,
    windows: Told,
    busy: Told,
    wait: Told,
    queue: IntGaugeVec,
    partition_work: Counts<PartitionWork>,
    partition_seconds: HistogramVec,
    evicted: IntCounter,
    partitions: IntGauge,
    partition_bytes: IntGauge,
    partition_budget: IntGauge,
    data_keys_cached: IntGauge,
    house_rows: IntCounterVec,
    renewed: IntCounter,
    renewing: IntGauge,
}

/// What the embedder tells of itself, added up since its start.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmbeddingTotals {
    /// Windows of texts that were read.
    pub windows: u64,
    /// How long cores were busy with them.
    pub busy: Duration,
    /// How long they waited for a core.
    pub wait: Duration,
}

impl Default for ServerMetrics {
    fn default() -> Self {
        let registry = Registry::new(Some("server"));
        let partition_seconds = registry.histograms(&list::PARTITION_SECONDS);
        let queue = registry.gauges(&list::EMBEDDING_QUEUE);
        for kind in WaitingText::EVERY {
            queue.with_label_values(&[kind.as_str()]).set(0);
        }
        Self {
            http: Http::new(&registry),
            tools: Tools {
                calls: registry.counters(&list::TOOL_CALLS),
                seconds: registry.histograms(&list::TOOL_SECONDS),
            },
            log_ins: Counts::new(registry.counters(&list::LOG_INS)),
            limits: Counts::new(registry.counters(&list::LIMITED)),
            tokens: Counts::new(registry.counters(&list::TOKEN_EVENTS)),
            registrations: Counts::new(registry.counters(&list::REGISTRATIONS)),
            data_keys: Counts::new(registry.counters(&list::DATA_KEY_LOOKUPS)),
            turns: Counts::new(registry.counters(&list::HOUSE_TURNS)),
            database: Database::new(&registry),
            embedded: Counts::new(registry.counters(&list::EMBEDDING_TEXTS)),
            embedding_failures: registry.counter(&list::EMBEDDING_FAILURES),
            embedding_seconds: registry.histograms(&list::EMBEDDING_SECONDS),
            windows: registry.seconds(&list::EMBEDDING_WINDOWS),
            busy: registry.seconds(&list::EMBEDDING_BUSY),
            wait: registry.seconds(&list::EMBEDDING_WAIT),
            queue,
            partition_work: Counts::new(registry.counters(&list::PARTITION_WORK)),
            partition_seconds,
            evicted: registry.counter(&list::PARTITION_EVICTED),
            partitions: registry.gauge(&list::PARTITIONS),
            partition_bytes: registry.gauge(&list::PARTITION_BYTES),
            partition_budget: registry.gauge(&list::PARTITION_BUDGET),
            data_keys_cached: registry.gauge(&list::DATA_KEYS),
            house_rows: registry.counters(&list::HOUSE_ROWS),
            renewed: registry.counter(&list::RENEWED),
            renewing: registry.gauge(&list::RENEWING),
            registry,
        }
    }
}

impl ServerMetrics {
    /// Returns what was counted so far.
    pub fn families(&self) -> Vec<Family> {
        self.registry.families()
    }

    /// Notes that texts wait for their vectors, until the guard is dropped.
    pub fn embedding(&self, kind: WaitingText, texts: usize) -> Pending {
        let queue = self.queue.with_label_values(&[kind.as_str()]);
        let texts = as_gauge(texts);
        queue.add(texts);
        Pending { queue, texts }
    }

    /// Notes that a text has its vectors.
    pub fn embedded(&self, kind: EmbeddedText, took: Duration) {
        self.embedded.one(kind);
        if kind != EmbeddedText::Cached {
            self.embedding_seconds
                .with_label_values(&[kind.as_str()])
                .observe(took.as_secs_f64());
        }
    }

    /// Counts texts that the model gave no vectors for.
    pub fn not_embedded(&self, count: usize) {
        self.embedding_failures.inc_by(count as u64);
    }

    /// Takes over what the embedder tells of itself.
    pub fn embedder(&self, totals: EmbeddingTotals) {
        self.windows.set(totals.windows as f64);
        self.busy.set(totals.busy.as_secs_f64());
        self.wait.set(totals.wait.as_secs_f64());
    }

    /// Notes that a partition is as new as a question needs it.
    pub fn partition(&self, work: PartitionWork, took: Duration) {
        self.partition_work.one(work);
        self.partition_seconds
            .with_label_values(&[work.as_str()])
            .observe(took.as_secs_f64());
    }

    /// Notes that a partition left because memory was short.
    pub fn evicted(&self) {
        self.evicted.inc();
    }

    /// Says how many partitions are in memory, their bytes, and how many those may be.
    pub fn partitions(&self, count: usize, bytes: usize, budget: usize) {
        self.partitions.set(as_gauge(count));
        self.partition_bytes.set(as_gauge(bytes));
        self.partition_budget.set(as_gauge(budget));
    }

    /// Says how many data keys are kept.
    pub fn data_keys_cached(&self, count: u64) {
        self.data_keys_cached.set(count as i64);
    }

    /// Counts rows that were cleared; `what` is from the list of housekeeping.
    pub fn cleared(&self, what: &'static str, rows: u64) {
        let what = what.replace(' ', "_");
        self.house_rows
            .with_label_values(&[what.as_str()])
            .inc_by(rows);
    }

    /// Takes over the state of the database's pools.
    pub fn connections(&self, pools: impl IntoIterator<Item = DatabaseConnections>) {
        for pool in pools {
            self.database.connections(pool);
        }
    }

    /// Says how many memories have to be embedded again.
    pub fn to_renew(&self, count: u64) {
        self.renewing.set(count as i64);
    }

    /// Notes that memories were stored that have yet to be embedded.
    pub fn owed(&self, count: usize) {
        self.renewing.add(as_gauge(count));
    }

    /// Notes that a memory was looked at which had to be embedded again.
    pub fn looked_at_for_renewal(&self) {
        // Never set, or what is owed meanwhile would be lost.
        self.renewing.dec();
        if self.renewing.get() < 0 {
            self.renewing.inc();
        }
    }

    /// Tells how many memories still have to be embedded again.
    pub fn left_to_renew(&self) -> u64 {
        self.renewing.get().max(0).unsigned_abs()
    }

    /// Counts a memory that was embedded again.
    pub fn renewed(&self) {
        self.renewed.inc();
    }
}

fn as_gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Texts that wait for their vectors.
#[derive(Debug)]
pub struct Pending {
    queue: IntGauge,
    texts: i64,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.queue.sub(self.texts);
    }
}

/// Counts calls of tools.
#[derive(Debug)]
pub struct Tools {
    calls: IntCounterVec,
    seconds: HistogramVec,
}

impl Tools {
    /// Notes a call; `tool` is a name from the registry of tools.
    pub fn called(&self, tool: &'static str, surface: Surface, outcome: Outcome, took: Duration) {
        self.calls
            .with_label_values(&[tool, surface.as_str(), outcome.as_str()])
            .inc();
        self.seconds
            .with_label_values(&[tool])
            .observe(took.as_secs_f64());
    }
}
