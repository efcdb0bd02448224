//! Where the log goes: standard error, as text or JSON.

use std::{
    io::IsTerminal as _,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt::{self, format::JsonFields},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{closed_pipe, json_lines::JsonLines};

/// Whether the log of this process is JSON: then an error that ends it is, too.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// What is told of what happens within the process.
pub(crate) type Sink = Box<dyn Layer<Registry> + Send + Sync>;

/// What is logged, and how.
#[derive(Args, Clone)]
pub(crate) struct Logging {
    /// What to log: a level, or directives as `picard_server=debug,warn`
    #[arg(long = "log", env = "PICARD_LOG", value_name = "FILTER", global = true)]
    filter: Option<String>,
    /// How to log
    #[arg(long, env = "PICARD_LOG_FORMAT", value_enum, default_value_t = Format::Text, global = true)]
    log_format: Format,
    #[cfg(feature = "otel")]
    #[command(flatten)]
    traces: Box<crate::traces::Traces>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Logging {
    /// Starts logging, with `default` unless the person said otherwise.
    pub(crate) fn start(&self, default: &str) -> anyhow::Result<()> {
        self.start_with(default, Vec::new())
    }

    /// Starts logging for a service, and traces where they are built in and asked for.
    pub(crate) fn start_service(&self, default: &str) -> anyhow::Result<()> {
        #[cfg(feature = "otel")]
        let others = self.traces.start()?.into_iter().collect();
        #[cfg(not(feature = "otel"))]
        let others = Vec::new();
        self.start_with(default, others)
    }

    /// The filter is of the log alone: what else is told must not depend on it.
    fn start_with(&self, default: &str, mut sinks: Vec<Sink>) -> anyhow::Result<()> {
        let said = self.filter.as_deref().unwrap_or(default);
        let filter = EnvFilter::try_new(said)
            .with_context(|| format!("PICARD_LOG: {said:?} is not a log filter"))?;
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        // With a hint, so that what the other filter keeps out costs nothing.
        let discreet = filter_fn(is_discreet).with_max_level_hint(LevelFilter::TRACE);
        let filter = filter.and(discreet);
        sinks.push(match self.log_format {
            Format::Text => lines.with_filter(filter).boxed(),
            Format::Json => lines
                .with_ansi(false)
                .fmt_fields(JsonFields::new())
                .event_format(JsonLines)
                .with_filter(filter)
                .boxed(),
        });
        tracing_subscriber::registry().with(sinks).try_init()?;
        let is_json = matches!(self.log_format, Format::Json);
        IS_JSON.store(is_json, Ordering::Relaxed);
        std::panic::set_hook(Box::new(panicked));
        Ok(())
    }
}

/// Tells whether an error at the end belongs into the log.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Says where, and not what: the words of a panic may quote what was being
/// worked on, as those about a text that is cut within a letter do.
fn panicked(panic: &std::panic::PanicHookInfo<'_>) {
    closed_pipe::leave_quietly(panic.payload());
    let at = panic.location().map(ToString::to_string);
    tracing::error!(at, "the program came upon what it holds impossible");
}

/// Keeps out what would write memories into the log, whatever filter was asked
/// for: below errors, the library that speaks MCP logs whole requests and
/// answers; the database's driver is not let come near to it either, nor what sends
/// traces, which logs the answers of the collector.
fn is_discreet(event: &Metadata<'_>) -> bool {
    let target = event.target();
    let most = if target.starts_with("rmcp") {
        Level::ERROR
    } else if target.starts_with("opentelemetry") {
        Level::WARN
    } else if target.starts_with("sqlx") {
        Level::INFO
    } else {
        Level::TRACE
    };
    *event.level() <= most
}
