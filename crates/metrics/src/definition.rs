//! What is to be said of a metric before it has a value.

/// A metric: its name, what it means and by what it is told apart.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// The name, by the conventions of Prometheus.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// The names of its labels, besides `service`.
    pub labels: &'static [&'static str],
    /// What it means, with its unit.
    pub help: &'static str,
    /// Who tells it.
    pub of: Of,
}

/// How the values of a metric behave.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Grows from nought at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size, in these upper bounds.
    Histogram(&'static [f64]),
}

/// Who tells a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// The server and the web client, told apart by the label `service`.
    Both,
    /// The server.
    Server,
    /// The process, whatever services are in it.
    Process,
}

impl Kind {
    /// Returns the word that stands behind `# TYPE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

impl Of {
    /// Returns who it is in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both services",
            Self::Server => "server",
            Self::Process => "process",
        }
    }
}
