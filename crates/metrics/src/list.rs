//! Every metric there is.

use crate::definition::{Definition, Kind, Of};

/// From a health check to a page that waits for a password hash or a large export.
const REQUEST: Kind = Kind::Histogram(&[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
]);

/// From a question of a few words to a document of 64 KiB, which takes seconds.
const EMBEDDING: Kind = Kind::Histogram(&[
    0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
]);

/// From one changed row to a person with tens of thousands of memories.
const PARTITION: Kind = Kind::Histogram(&[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
]);

macro_rules! list {
    ($($constant:ident = $name:literal, $kind:expr, $of:ident, [$($label:literal),*], $help:literal;)*) => {
        $(pub(crate) const $constant: Definition = Definition {
            name: $name,
            kind: $kind,
            labels: &[$($label),*],
            help: $help,
            of: Of::$of,
        };)*

        /// Every metric, in the order of the documentation.
        pub const ALL: &[Definition] = &[$($constant),*];
    };
}

list! {
    HTTP_REQUESTS = "picard_http_requests_total", Kind::Counter, Both, ["route", "method", "status"],
        "Requests by route, method and class of the status; \"gone\" when the client hung up before the answer.";
    HTTP_SECONDS = "picard_http_request_duration_seconds", REQUEST, Both, ["route", "method"],
        "Time from the head of a request to the head of its answer; streams stay open after that.";
    HTTP_IN_FLIGHT = "picard_http_requests_in_flight", Kind::Gauge, Both, [],
        "Requests that wait for the head of their answer.";

    TOOL_CALLS = "picard_tool_calls_total", Kind::Counter, Server, ["tool", "surface", "outcome"],
        "Calls of tools; rejected is what the caller can mend, failed is what the operator can.";
    TOOL_SECONDS = "picard_tool_duration_seconds", REQUEST, Server, ["tool"],
        "Time that a tool takes, over every surface.";

    LOG_INS = "picard_log_ins_total", Kind::Counter, Both, ["outcome"],
        "Attempts to log in.";
    LIMITED = "picard_limited_total", Kind::Counter, Both, ["limit"],
        "What was refused because there was too much of it, by limit.";
    TOKEN_EVENTS = "picard_token_events_total", Kind::Counter, Server, ["event"],
        "What happens to codes and tokens; reuse_detected and code_replayed mean that a copy was in other hands.";
    REGISTRATIONS = "picard_client_registrations_total", Kind::Counter, Server, ["by"],
        "Applications that became known: by themselves, by a document, by an administrator.";

    EMBEDDING_TEXTS = "picard_embedding_texts_total", Kind::Counter, Server, ["kind"],
        "Texts that the model turned into vectors; cached is a question whose vector was there, or on its way.";
    EMBEDDING_FAILURES = "picard_embedding_failures_total", Kind::Counter, Server, [],
        "Texts that the model did not turn into vectors: questions answered, and memories stored, by their words only.";
    EMBEDDING_SECONDS = "picard_embedding_duration_seconds", EMBEDDING, Server, ["kind"],
        "Time from asking for a text's vectors until they are there, the wait included.";
    EMBEDDING_WINDOWS = "picard_embedding_windows_total", Kind::Counter, Server, [],
        "Windows of texts that the model read; a long text has many.";
    EMBEDDING_BUSY = "picard_embedding_busy_seconds_total", Kind::Counter, Server, [],
        "Time that cores spent in the model, added up over all of them.";
    EMBEDDING_WAIT = "picard_embedding_wait_seconds_total", Kind::Counter, Server, [],
        "Time that windows waited for a core, added up over all of them.";
    EMBEDDING_QUEUE = "picard_embedding_queue_length", Kind::Gauge, Server, ["kind"],
        "Texts that were asked for and have no vectors yet.";

    PARTITION_WORK = "picard_partition_updates_total", Kind::Counter, Server, ["kind"],
        "Partitions loaded from the database, and partitions brought up to date.";
    PARTITION_SECONDS = "picard_partition_update_duration_seconds", PARTITION, Server, ["kind"],
        "Time that loading a partition, or bringing it up to date, takes.";
    PARTITION_EVICTED = "picard_partition_evictions_total", Kind::Counter, Server, [],
        "Partitions that left because memory was short.";
    PARTITIONS = "picard_partitions_resident", Kind::Gauge, Server, [],
        "Partitions in memory.";
    PARTITION_BYTES = "picard_partition_resident_bytes", Kind::Gauge, Server, [],
        "Bytes that the partitions in memory take.";
    PARTITION_BUDGET = "picard_partition_budget_bytes", Kind::Gauge, Server, [],
        "Bytes that the partitions may take (PICARD_PARTITION_MIB).";

    DATA_KEY_LOOKUPS = "picard_data_key_lookups_total", Kind::Counter, Server, ["outcome"],
        "Data keys that were asked for: there already, unwrapped, or not to be opened.";
    DATA_KEYS = "picard_data_keys_cached", Kind::Gauge, Server, [],
        "Data keys that are kept unwrapped.";

    DATABASE_CONNECTIONS = "picard_database_connections", Kind::Gauge, Both, ["pool", "state"],
        "Connections to the database, by pool; SQLite has one pool that reads and one connection that writes.";
    DATABASE_MOST = "picard_database_connections_max", Kind::Gauge, Both, ["pool"],
        "The most connections that a pool opens.";
    DATABASE_RETRIES = "picard_database_retries_total", Kind::Counter, Process, [],
        "Statements and transactions that met another one and were run again.";

    HOUSE_ROWS = "picard_housekeeping_rows_total", Kind::Counter, Server, ["what"],
        "Rows that this node cleared because nobody needs them any more.";
    HOUSE_TURNS = "picard_housekeeping_turns_total", Kind::Counter, Server, ["outcome"],
        "Turns of housekeeping; left means that another node has it.";
    RENEWED = "picard_memories_renewed_total", Kind::Counter, Server, [],
        "Memories that this node embedded again, after a change of the model or after it did not compute.";
    RENEWING = "picard_memories_to_renew", Kind::Gauge, Server, [],
        "Memories without vectors of the present model that still have to be embedded, as far as this node knows; of each model up to a million are counted.";

    BUILD_INFO = "picard_build_info", Kind::Gauge, Process, ["version"],
        "Always 1; the version is in the label.";
    PROCESS_START = "process_start_time_seconds", Kind::Gauge, Process, [],
        "When the process started, in seconds since the epoch.";
    PROCESS_CPU = "process_cpu_seconds_total", Kind::Counter, Process, [],
        "Time that the process spent on cores (Linux).";
    PROCESS_MEMORY = "process_resident_memory_bytes", Kind::Gauge, Process, [],
        "Memory of the process that is not swapped out (Linux).";
    PROCESS_FILES = "process_open_fds", Kind::Gauge, Process, [],
        "Files and connections that the process has open (Linux).";
}
