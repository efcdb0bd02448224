//! Whether a service means to go on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the process was told to stop. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub struct Phase(Arc<AtomicBool>);

impl Phase {
    /// Notes that the process was told to stop: from then on it is not ready,
    /// so that a load balancer sends nobody more.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether the process was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
