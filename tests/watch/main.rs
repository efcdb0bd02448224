//! What an operator sees: the metrics, the log, and whether a process is ready.

mod exposition;
mod health;
mod logs;
mod metrics;
mod story;
