//! Traces: a span for each request, sent to a collector of OpenTelemetry by OTLP
//! over HTTP. The span is the one that the log has; what of it leaves the process is
//! chosen in [`told`], and nothing else does.
//!
//! What is not a flag here (the sampler, the headers, the name of the service) is
//! read from the environment by OpenTelemetry's own library, under the names that
//! its specification gives.

mod client;
#[cfg(test)]
mod tests;
mod told;

use std::sync::OnceLock;

use anyhow::Context as _;
use axum::http::HeaderMap;
use clap::Args;
use opentelemetry::{
    Key, KeyValue,
    propagation::{Extractor, TextMapPropagator as _},
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use picard_observe::OnSpan;
use tracing::{Metadata, Span, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer as _, Registry, filter::filter_fn};
use url::Url;

use crate::{hint::OrHint as _, logging::Sink};

/// Continues the trace that a request belongs to.
pub(crate) const CONTINUED: OnSpan = OnSpan(continue_trace);

/// What sends the spans of this process, to be flushed at its end.
static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Where traces go. Without an address there are none.
#[derive(Args, Clone)]
pub(crate) struct Traces {
    /// A collector of OpenTelemetry that takes OTLP over HTTP; traces go to v1/traces under it
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        global = true
    )]
    otlp_endpoint: Option<String>,
    /// The whole address for traces, instead
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        value_name = "URL",
        global = true
    )]
    otlp_traces_endpoint: Option<String>,
}

impl Traces {
    /// Starts to send traces, when there is an address for them.
    pub(crate) fn start(&self) -> anyhow::Result<Option<Sink>> {
        let Some(address) = self.address()? else {
            return Ok(None);
        };
        let provider = provider(&address)?;
        let sink = sink(&provider);
        // It is started once.
        let _ = PROVIDER.set(provider);
        Ok(Some(sink))
    }

    /// An address may hold a password; an error must not repeat it.
    fn address(&self) -> anyhow::Result<Option<Url>> {
        let (name, address) = match (&self.otlp_traces_endpoint, &self.otlp_endpoint) {
            (Some(whole), _) => ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", whole.clone()),
            (None, Some(base)) => (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("{}/v1/traces", base.trim_end_matches('/')),
            ),
            (None, None) => return Ok(None),
        };
        let address = Url::parse(&address).ok();
        let address = address.filter(|url| ["http", "https"].contains(&url.scheme()));
        let address = address
            .with_context(|| format!("{name} is not an http or https address"))
            .or_hint("the address of a collector is such as http://localhost:4318".to_owned())?;
        Ok(Some(address))
    }
}

/// Sends what is not sent yet; for the end of the process, outside of tasks.
pub(crate) fn flush() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(%error, "the last traces could not be sent");
    }
}

fn provider(address: &Url) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client::Client::new(address)?)
        .with_endpoint(address.as_str())
        .build()
        .context("traces cannot be sent")?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(told::Told(exporter))
        .with_resource(resource())
        .build())
}

/// What the process is called: as the environment says, or `picard`.
fn resource() -> Resource {
    let said = Resource::builder().build();
    let name = said.get(&Key::from_static_str("service.name"));
    let is_named = name.is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if is_named {
        resource.build()
    } else {
        resource.with_service_name("picard").build()
    }
}

/// Takes the spans of requests, and neither other spans nor lines of the log.
fn sink(provider: &SdkTracerProvider) -> Sink {
    let requests = filter_fn(is_request).with_max_level_hint(LevelFilter::ERROR);
    tracing_opentelemetry::layer::<Registry>()
        .with_tracer(provider.tracer("picard"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .with_filter(requests)
        .boxed()
}

fn is_request(metadata: &Metadata<'_>) -> bool {
    metadata.is_span()
        && metadata.name() == "request"
        && metadata.target().starts_with("picard_observe")
}

fn continue_trace(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&Traceparent(headers));
    if context.span().span_context().is_valid() {
        // It fails where traces are off or this span is not wanted: then it begins nothing.
        let _ = span.set_parent(context);
    }
}

/// The one header that is read. `tracestate` is not: it may hold anything, and
/// would be sent on with the span.
struct Traceparent<'a>(&'a HeaderMap);

impl Extractor for Traceparent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let header = (key == "traceparent").then(|| self.0.get(key))??;
        header.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
