//! What both services do with each request for the sake of who operates them:
//! [`layer`] gives it a name, one line in the log and a place in the metrics.
//! [`Phase`] and [`Readiness`] say whether a process may be asked anything.
//!
//! Nothing here knows what a request is about. What was sent never goes into
//! the log: neither path nor query nor headers nor body, but the route.

mod phase;
mod readiness;
mod request;

pub use phase::Phase;
pub use readiness::{Health, Readiness, live, starting};
pub use request::{Observer, OnSpan, RequestId, RequestSpan, layer, tool};
