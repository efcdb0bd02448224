//! MCP over standard input and output, for one person and without a log-in.
//!
//! The same handler as over HTTP. Each request asks anew whether the person is
//! still there and which version of their memories it must see, since other
//! processes write to the same database.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use picard_app::{Access, App};
use rmcp::{
    ErrorData,
    model::Extensions,
    service::{ServerInitializeError, serve_server_with_ct},
    transport::stdio_pipes,
};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::{Caller, Mcp, errors::json_rpc};

/// Why the conversation ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The other side does not speak MCP.
    #[error("what came on standard input does not begin as MCP does")]
    NotMcp,
    /// The pipes broke.
    #[error("standard input and output broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Speaks MCP with whoever started this program, in the name of the person of
/// `access`, until standard input ends or `stop` is cancelled. What was asked
/// before that is still answered.
pub async fn serve_stdio(
    app: Arc<App>,
    access: Access,
    stop: CancellationToken,
) -> Result<(), StdioError> {
    let (reader, writer) = stdio_pipes();
    let reader = ToTheEnd {
        reader,
        app: app.clone(),
    };
    let owner = Owner {
        app: app.clone(),
        access,
    };
    let mcp = Mcp::new(app.clone(), None, owner);
    let told = stop.clone();
    tokio::spawn(async move {
        told.cancelled().await;
        app.end_watches();
    });
    match Box::pin(serve_server_with_ct(mcp, (reader, writer), stop)).await {
        Ok(running) => {
            let ended = running.waiting().await;
            ended
                .map(drop)
                .map_err(|error| StdioError::Broken(error.into()))
        }
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {
            Ok(())
        }
        // The library's own words would repeat what came.
        Err(ServerInitializeError::ExpectedInitializeRequest(_)) => Err(StdioError::NotMcp),
        Err(error) => Err(StdioError::Broken(error.into())),
    }
}

/// The person who works on this machine.
#[derive(Clone)]
struct Owner {
    app: Arc<App>,
    access: Access,
}

impl Caller for Owner {
    async fn access(&self, _: &Extensions) -> Result<Access, ErrorData> {
        let now = self.app.recheck(&self.access).await.map_err(json_rpc)?;
        now.ok_or_else(|| {
            ErrorData::invalid_request("the account is gone or locked; start picard mcp anew", None)
        })
    }
}

/// Standard input; at its end nobody listens any more, so subscriptions end.
struct ToTheEnd<R> {
    reader: R,
    app: Arc<App>,
}

impl<R: AsyncRead + Unpin> AsyncRead for ToTheEnd<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = ready!(Pin::new(&mut self.reader).poll_read(context, into));
        if read.is_err() || into.filled().len() == before {
            self.app.end_watches();
        }
        Poll::Ready(read)
    }
}
