//! Listening, and stopping cleanly.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context as _;
use axum::{Router, extract::ConnectInfo, routing::get};
use clap::Args;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use picard_app::App;
use picard_observe::Phase;
use tokio::{net::TcpListener, signal::unix, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::hint::OrHint as _;

/// How long open requests may take after the signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Opens a listening socket.
pub(crate) async fn listen(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on"))
        .or_hint(format!(
            "something else may be running there; choose another with {flag}"
        ))
}

/// Tells when Ctrl-C or SIGTERM came.
pub(crate) fn stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let mut interrupt = unix::signal(unix::SignalKind::interrupt())?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.send_replace(true);
    });
    Ok(stopped)
}

/// How patient the service is with slow clients. Without an end, a few half-sent
/// requests would hold all its connections.
#[derive(Args, Clone, Copy)]
pub(crate) struct Patience {
    /// How long a client may take for the head of a request, and be silent within its body
    #[arg(
        long,
        env = "PICARD_REQUEST_TIMEOUT",
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    request_timeout: u64,
    /// How long to go on as before after the signal to stop, while /health/ready says "stopping"
    #[arg(
        long,
        env = "PICARD_DRAIN_DELAY",
        value_name = "SECONDS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(0..=3600)
    )]
    drain_delay: u64,
}

impl Patience {
    /// Returns when to begin to stop: at the signal, or after the time in which
    /// load balancers notice that this node is not ready any more.
    pub(crate) fn drain(self, signal: watch::Receiver<bool>) -> watch::Receiver<bool> {
        let (begin, begun) = watch::channel(false);
        tokio::spawn(async move {
            until(signal).await;
            tokio::time::sleep(Duration::from_secs(self.drain_delay)).await;
            begin.send_replace(true);
        });
        begun
    }
}

/// A service that answers from the start on: until it is open, that it is
/// starting. A start can take long, where the database comes up later.
pub(crate) struct Front {
    opened: Arc<OnceLock<Router>>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Front {
    /// Begins to answer.
    pub(crate) fn start(
        listener: TcpListener,
        patience: Patience,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let opened = Arc::new(OnceLock::new());
        let serving = tokio::spawn(serve(listener, opened.clone(), patience, stop));
        Self { opened, serving }
    }

    /// Answers with these routes from now on.
    pub(crate) fn open(&self, router: Router) {
        // It is opened once.
        let _ = self.opened.set(router);
    }

    /// Waits until the last answer was given, after the signal.
    pub(crate) async fn served(self) -> anyhow::Result<()> {
        self.serving.await?
    }
}

/// What is answered before the service is open.
fn starting() -> Router {
    Router::new()
        .route("/health/live", get(async || picard_observe::live()))
        .fallback(async || picard_observe::starting())
}

/// Serves routes that are there already.
pub(crate) async fn serve_now(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    serve(listener, Arc::new(OnceLock::from(router)), patience, stop).await
}

/// Serves until the signal; then lets open requests finish, for [`DRAIN`] at most.
///
/// `axum::serve` has no limit for the head of a request, so this is the same
/// loop over hyper with one.
async fn serve(
    listener: TcpListener,
    opened: Arc<OnceLock<Router>>,
    patience: Patience,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let patience = Duration::from_secs(patience.request_timeout);
    let starting = starting();
    let mut connections = auto::Builder::new(TokioExecutor::new());
    connections
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience);
    connections
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(patience)
        .keep_alive_timeout(patience);
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    refused(&error).await;
                    continue;
                }
            },
            () = until(stop.clone()) => break,
        };
        // Answers are small; they are not kept back to fill a packet.
        let _ = stream.set_nodelay(true);
        let (opened, starting) = (opened.clone(), starting.clone());
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            #[cfg(feature = "otel")]
            request.extensions_mut().insert(crate::traces::CONTINUED);
            let router = opened.get().unwrap_or(&starting).clone();
            ServiceBuilder::new()
                .layer(RequestBodyTimeoutLayer::new(patience))
                .service(router)
                .oneshot(request)
        });
        let connection = connections
            .serve_connection(TokioIo::new(stream), answer)
            .into_owned();
        let connection = graceful.watch(connection);
        // How a connection ends is the client's affair.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN) => {}
    }
    Ok(())
}

/// A connection that broke before it began is nothing; anything else, such as
/// too many open files, mends itself only with time.
async fn refused(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if matches!(
        error.kind(),
        ConnectionRefused | ConnectionAborted | ConnectionReset
    ) {
        return;
    }
    tracing::error!(%error, "no connection can be accepted");
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Does what comes before serving, such as waiting for a database; `None` when the
/// signal came first.
pub(crate) async fn unless_stopped<T>(
    stop: &watch::Receiver<bool>,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<Option<T>> {
    tokio::select! {
        done = work => done.map(Some),
        () = until(stop.clone()) => {
            tracing::info!("stopped before it was ready");
            Ok(None)
        }
    }
}

/// Says from the signal on that the service is not ready.
pub(crate) fn stopping_on(signal: watch::Receiver<bool>, phase: Phase) {
    tokio::spawn(async move {
        until(signal).await;
        phase.stop();
    });
}

/// Ends at the signal the answers that would otherwise stay open, each with its
/// last message. Calls that are under way are left to finish.
pub(crate) fn end_streams_on(stop: watch::Receiver<bool>, app: Arc<App>) {
    tokio::spawn(async move {
        until(stop).await;
        app.end_watches();
    });
}

/// Cancels at the signal.
pub(crate) fn cancel_on(stop: watch::Receiver<bool>, token: CancellationToken) {
    tokio::spawn(async move {
        until(stop).await;
        token.cancel();
    });
}

pub(crate) async fn until(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a signal to stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
