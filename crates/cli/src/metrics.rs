//! `/metrics` for Prometheus: who may read it, and what the process adds.
//!
//! The numbers are never served where people and applications come in. They
//! have a listener of their own, and only when one is asked for.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use clap::Args;
use picard_crypto::sha256;
use picard_metrics::{CONTENT_TYPE, Family, ProcessMetrics, ProcessState, render};
use tokio::sync::watch;

use crate::{
    hint::OrHint as _,
    secret::Secret,
    serve::{self, Patience},
    system::system,
};

/// The shortest token.
const SHORTEST: usize = 16;

/// Where the metrics are served, and to whom.
#[derive(Args, Clone)]
pub(crate) struct MetricsSettings {
    /// Where Prometheus reads /metrics, for instance 127.0.0.1:9464 [default: nowhere]
    #[arg(long, env = "PICARD_METRICS_LISTEN", value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// The bearer token that reading /metrics takes; needed off 127.0.0.1
    #[arg(
        long,
        env = "PICARD_METRICS_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    metrics_token: Option<String>,
    /// A file that holds the token
    #[arg(long, env = "PICARD_METRICS_TOKEN_FILE", value_name = "FILE")]
    metrics_token_file: Option<PathBuf>,
}

type Source = Box<dyn Fn() -> Vec<Family> + Send + Sync>;

/// What is told, by whichever services are in this process.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<Vec<Source>>>);

struct Shared {
    process: ProcessMetrics,
    sources: Metrics,
    token: Option<[u8; 32]>,
}

impl MetricsSettings {
    /// Begins to serve the metrics, if that is asked for, until the signal to stop.
    pub(crate) async fn start(
        &self,
        patience: Patience,
        stop: watch::Receiver<bool>,
    ) -> anyhow::Result<Metrics> {
        let sources = Metrics::default();
        let token = self.token()?;
        let Some(address) = self.metrics_listen else {
            return Ok(sources);
        };
        if token.is_none() && !address.ip().is_loopback() {
            return Err(anyhow::anyhow!(
                "PICARD_METRICS_LISTEN is {address}, which others can reach, and there is no token"
            ))
            .or_hint(
                "set PICARD_METRICS_TOKEN or PICARD_METRICS_TOKEN_FILE, or listen on 127.0.0.1",
            );
        }
        let listener = serve::listen(address, "--metrics-listen").await?;
        let address = listener.local_addr()?;
        let started = system().0.now().seconds();
        let shared = Arc::new(Shared {
            process: ProcessMetrics::new(env!("CARGO_PKG_VERSION"), started),
            sources: sources.clone(),
            token,
        });
        let router = Router::new()
            .route("/metrics", get(answer))
            .with_state(shared);
        tracing::info!(%address, "metrics are served");
        tokio::spawn(async move {
            if let Err(error) = serve::serve_now(listener, router, patience, stop).await {
                tracing::error!(%error, "metrics are no longer served");
            }
        });
        Ok(sources)
    }

    fn token(&self) -> anyhow::Result<Option<[u8; 32]>> {
        let token = Secret {
            name: "PICARD_METRICS_TOKEN",
            value: self.metrics_token.as_ref(),
            file: self.metrics_token_file.as_ref(),
        };
        let token = token.read()?;
        if token.as_ref().is_some_and(|token| token.len() < SHORTEST) {
            anyhow::bail!("PICARD_METRICS_TOKEN must have {SHORTEST} characters at least");
        }
        Ok(token.map(|token| sha256(token.as_bytes())))
    }
}

impl Metrics {
    /// Adds a service.
    pub(crate) fn add(&self, source: impl Fn() -> Vec<Family> + Send + Sync + 'static) {
        let mut sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.push(Box::new(source));
    }

    fn families(&self) -> Vec<Family> {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sources.iter().flat_map(|source| source()).collect()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if shared
        .token
        .is_some_and(|token| presented(&headers) != Some(token))
    {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let mut told = shared.process.families(state());
    told.extend(shared.sources.families());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], render(told)).into_response()
}

/// The digest of the token that came along: digests are compared, so that the
/// time that takes tells nothing of the token.
fn presented(headers: &HeaderMap) -> Option<[u8; 32]> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| sha256(token.trim().as_bytes()))
}

/// What Linux says of this process; elsewhere nothing is said.
fn state() -> ProcessState {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| {
        let kib = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
        kib.parse::<u64>().ok()
    });
    ProcessState {
        cpu_seconds: cpu_seconds(),
        resident_bytes: resident.map(|kib| kib * 1024),
        open_files: fs::read_dir("/proc/self/fd")
            .ok()
            .map(|files| files.count() as u64),
        database_retries: picard_app::database_retries(),
    }
}

/// Reads the fields 14 and 15 of proc(5), in ticks of 10 ms; the name of the
/// program before them may have spaces in it.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}
