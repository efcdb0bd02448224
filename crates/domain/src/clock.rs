//! The clock as a parameter.

use crate::Instant;

/// Tells the time. The real one lives in the binary, a hand-turned one in `testkit`.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current instant.
    fn now(&self) -> Instant;
}
