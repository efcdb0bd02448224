//! What the process tells of itself.

use prometheus::IntGauge;

use crate::{
    Family, list,
    registry::{Registry, Told},
};

/// The metrics of the process. It asks nobody: the binary reads the clock and
/// the system and says what they say.
#[derive(Debug)]
pub struct ProcessMetrics {
    registry: Registry,
    start: IntGauge,
    cpu: Told,
    memory: IntGauge,
    files: IntGauge,
    retries: Told,
}

/// What the system says about the process; `None` where it does not say it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessState {
    /// Seconds spent on cores.
    pub cpu_seconds: Option<f64>,
    /// Bytes in memory.
    pub resident_bytes: Option<u64>,
    /// Open files and connections.
    pub open_files: Option<u64>,
    /// Statements and transactions that were run again.
    pub database_retries: u64,
}

impl ProcessMetrics {
    /// Of a process of this version that started so many seconds after the epoch.
    pub fn new(version: &str, started: i64) -> Self {
        let registry = Registry::new(None);
        let build = registry.gauges(&list::BUILD_INFO);
        build.with_label_values(&[version]).set(1);
        let metrics = Self {
            start: registry.gauge(&list::PROCESS_START),
            cpu: registry.seconds(&list::PROCESS_CPU),
            memory: registry.gauge(&list::PROCESS_MEMORY),
            files: registry.gauge(&list::PROCESS_FILES),
            retries: registry.seconds(&list::DATABASE_RETRIES),
            registry,
        };
        metrics.start.set(started);
        metrics
    }

    /// Takes over what the system says, and returns what there is to tell.
    pub fn families(&self, state: ProcessState) -> Vec<Family> {
        self.retries.set(state.database_retries as f64);
        self.cpu.set(state.cpu_seconds.unwrap_or_default());
        self.memory.set(as_gauge(state.resident_bytes));
        self.files.set(as_gauge(state.open_files));
        let unknown = [
            (state.cpu_seconds.is_none(), list::PROCESS_CPU.name),
            (state.resident_bytes.is_none(), list::PROCESS_MEMORY.name),
            (state.open_files.is_none(), list::PROCESS_FILES.name),
        ];
        let told = self.registry.families().into_iter();
        told.filter(|family| !unknown.contains(&(true, family.name())))
            .collect()
    }
}

fn as_gauge(value: Option<u64>) -> i64 {
    i64::try_from(value.unwrap_or_default()).unwrap_or(i64::MAX)
}
