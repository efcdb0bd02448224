//! Listening, and stopping cleanly.

use std::{future::IntoFuture as _, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::Router;
use tokio::{net::TcpListener, signal::unix, sync::watch};
use tokio_util::sync::CancellationToken;

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

/// Serves until the signal; then lets open requests finish, for [`DRAIN`] at most.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(until(stop.clone()));
    tokio::select! {
        served = serving.into_future() => served.context("the server stopped by itself"),
        () = async { until(stop).await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}

/// Cancels at the signal, so that what would stay open ends by itself.
pub(crate) fn cancel_on(stop: watch::Receiver<bool>, token: CancellationToken) {
    tokio::spawn(async move {
        until(stop).await;
        token.cancel();
    });
}

async fn until(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a signal to stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
