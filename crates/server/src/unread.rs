//! What is left of a request's body when its answer is ready.
//!
//! A call without a token is refused before its body was read, and clients
//! often send the body in a packet of its own. If it is still on its way then,
//! hyper closes the connection after the answer without having said so, and the
//! client's next request on it fails: sometimes, on a busy day, and just while
//! the client wants to log in. So what is left is read first; and where that
//! would be too much, the answer says that the connection ends.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes, HttpBody as _},
    extract::Request,
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt as _};
use http::{HeaderValue, Version, header};

use crate::json::MAX_BODY;

/// For how long the rest of a body is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads what a handler left of the body before its answer goes out.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    // In HTTP/2 the next request is another stream.
    if request.body().is_end_stream() || request.version() > Version::HTTP_11 {
        return next.run(request).await;
    }
    // A client that asks first has not sent anything yet.
    let asks = request.headers().contains_key(header::EXPECT);
    let left = Left::default();
    let lent = left.clone();
    let request = request.map(|body| {
        let data = Some(body.into_data_stream());
        Body::from_stream(Lent { data, left: lent })
    });
    let mut response = next.run(request).await;
    if let Some(rest) = left.take()
        && (asks || !read_up(rest).await)
    {
        let ends = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, ends);
    }
    response
}

/// Reads the rest; tells whether that was its end.
async fn read_up(mut rest: BodyDataStream) -> bool {
    let read = async {
        let mut size = 0;
        loop {
            match rest.next().await {
                None => return true,
                Some(Ok(data)) if size + data.len() <= MAX_BODY => size += data.len(),
                Some(_) => return false,
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap_or(false)
}

/// Where a body is put that was not read to its end.
#[derive(Clone, Default)]
struct Left(Arc<Mutex<Option<BodyDataStream>>>);

impl Left {
    fn take(&self) -> Option<BodyDataStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, rest: BodyDataStream) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
    }
}

/// A body that comes back when it is dropped before its end.
struct Lent {
    data: Option<BodyDataStream>,
    left: Left,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(data) = &mut self.data else {
            return Poll::Ready(None);
        };
        let next = data.poll_next_unpin(context);
        if let Poll::Ready(None) = next {
            self.data = None;
        }
        next
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(rest) = self.data.take().filter(|data| !data.is_end_stream()) {
            self.left.put(rest);
        }
    }
}
