//! Where the log goes: standard error, as text or JSON.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, fmt, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// What is logged, and how.
#[derive(Args, Clone)]
pub(crate) struct Logging {
    /// What to log: a level, or directives as `picard_server=debug,warn`
    #[arg(long = "log", env = "PICARD_LOG", value_name = "FILTER", global = true)]
    filter: Option<String>,
    /// How to log
    #[arg(long, env = "PICARD_LOG_FORMAT", value_enum, default_value_t = Format::Text, global = true)]
    log_format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Logging {
    /// Starts logging, with `default` unless the person said otherwise.
    pub(crate) fn start(&self, default: &str) -> anyhow::Result<()> {
        let said = self.filter.as_deref().unwrap_or(default);
        let filter = EnvFilter::try_new(said)
            .with_context(|| format!("PICARD_LOG: {said:?} is not a log filter"))?;
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let registry = tracing_subscriber::registry().with(filter);
        let discreet = filter_fn(is_discreet);
        match self.log_format {
            Format::Text => registry.with(lines.with_filter(discreet)).try_init()?,
            Format::Json => registry
                .with(lines.json().with_filter(discreet))
                .try_init()?,
        }
        Ok(())
    }
}

/// Keeps out what would write memories into the log: below errors, the library
/// that speaks MCP logs whole requests and answers.
fn is_discreet(event: &Metadata<'_>) -> bool {
    *event.level() <= Level::ERROR || !event.target().starts_with("rmcp")
}
