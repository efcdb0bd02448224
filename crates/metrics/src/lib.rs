//! What the services count and measure, in the text format of Prometheus.
//!
//! Each service owns its numbers: [`ServerMetrics`] is made by the use cases,
//! [`WebMetrics`] by the web client, [`ProcessMetrics`] by the binary. Nothing
//! is global, so several servers in one process (tests, `picard up`) do not mix.
//! [`render`] puts what they tell into one answer, each family once; who may
//! read that is the business of the binary.
//!
//! [`ALL`] lists every metric; `docs/metrics.md` is compared with it. The values
//! of a label come from enums and from routes as they are written in the
//! router, never from what somebody sent: no user, no client, no path.

mod definition;
mod http;
mod label;
mod list;
mod process;
mod registry;
mod server;
mod web;

pub use definition::{Definition, Kind, Of};
pub use http::{Answered, Http, method_word};
pub use label::{
    Counts, DataKeyLookup, EmbeddedText, Label, Limit, LogIn, Outcome, PartitionWork, RegisteredBy,
    Surface, TokenEvent, Turn, WaitingText,
};
pub use list::ALL;
pub use process::{ProcessMetrics, ProcessState};
pub use registry::{CONTENT_TYPE, Family, render};
pub use server::{EmbeddingTotals, Pending, ServerMetrics, Tools};
pub use web::{DatabaseConnections, WebMetrics};
