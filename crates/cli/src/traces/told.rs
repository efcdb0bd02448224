//! What of a request's span leaves the process: what is listed here, under the names
//! of OpenTelemetry's conventions. A field that somebody adds to the span stays in.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status},
};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::{Resource, error::OTelSdkResult, trace::SpanData};

/// The methods that have a name; another may be any word that somebody sent.
const METHODS: &[&str] = &[
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Sends spans as [`told`] makes them.
#[derive(Debug)]
pub(super) struct Told(pub(super) SpanExporter);

impl opentelemetry_sdk::trace::SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.export(batch.into_iter().map(told).collect()).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.0.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// Names the span by method and route, and keeps what may be told.
fn told(mut span: SpanData) -> SpanData {
    let (mut method, mut route) = ("HTTP", String::new());
    let mut attributes = Vec::new();
    for field in std::mem::take(&mut span.attributes) {
        let value = field.value;
        match field.key.as_str() {
            "method" => {
                let said = value.as_str();
                let known = METHODS.iter().find(|known| **known == said);
                method = known.unwrap_or(&"HTTP");
                let named = known.unwrap_or(&"_OTHER");
                attributes.push(KeyValue::new("http.request.method", *named));
            }
            "route" => {
                route = value.as_str().into_owned();
                attributes.push(KeyValue::new("http.route", value));
            }
            "status" => {
                let code = value.as_str().parse().unwrap_or(0_i64);
                if code >= 500 {
                    span.status = Status::error("");
                }
                attributes.push(KeyValue::new("http.response.status_code", code));
            }
            "tool" => attributes.push(KeyValue::new("picard.tool", value)),
            "request_id" => attributes.push(KeyValue::new("picard.request_id", value)),
            _ => {}
        }
    }
    span.name = format!("{method} {route}").into();
    span.span_kind = SpanKind::Server;
    span.attributes = attributes;
    span
}
