//! A gate on loopback that adds somebody's bearer token, for programs that
//! cannot send one. All else passes through as it came, streams too.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::visitor::http;

/// More than any request of a test.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// A running gate; it closes when it is dropped.
pub struct Gate {
    /// Its address, without a trailing slash.
    pub base: String,
    serving: JoinHandle<()>,
}

struct Passage {
    /// The gate's own authority, by which clients call the server.
    here: String,
    /// The server's authority.
    there: String,
    token: String,
}

impl Gate {
    /// Opens a gate to the server at `base` for whoever holds `token`.
    pub async fn open(base: &str, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("a bound address").to_string();
        let passage = Passage {
            here: here.clone(),
            there: base.trim_start_matches("http://").to_owned(),
            token: token.to_owned(),
        };
        let router = Router::new().fallback(pass).with_state(Arc::new(passage));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("the gate serves");
        });
        Self {
            base: format!("http://{here}"),
            serving,
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(State(passage): State<Arc<Passage>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, LARGEST_BODY).await {
        Ok(body) => body,
        Err(cause) => return refused(StatusCode::BAD_REQUEST, &cause),
    };
    let target = format!("http://{}{}", passage.there, parts.uri);
    let mut onwards = http()
        .request(parts.method, target)
        .bearer_auth(&passage.token);
    for (name, value) in &parts.headers {
        if !between_neighbours(name) {
            onwards = onwards.header(name, passage.readdressed(name, value));
        }
    }
    match onwards.body(body).send().await {
        Ok(answer) => {
            let mut answer = Response::<reqwest::Body>::from(answer).map(Body::new);
            answer.headers_mut().remove(header::CONNECTION);
            answer.headers_mut().remove(header::TRANSFER_ENCODING);
            answer
        }
        Err(cause) => refused(StatusCode::BAD_GATEWAY, &cause),
    }
}

impl Passage {
    /// What was addressed to the gate is addressed to the server; a stranger's
    /// host or origin stays a stranger's, or nobody could test what becomes of it.
    fn readdressed(&self, name: &HeaderName, value: &HeaderValue) -> HeaderValue {
        let addressed = [header::HOST, header::ORIGIN].contains(name);
        let text = value.to_str().unwrap_or_default();
        if addressed && text.trim_start_matches("http://") == self.here {
            let text = text.replace(&self.here, &self.there);
            return HeaderValue::from_str(&text).expect("an authority is ASCII");
        }
        value.clone()
    }
}

/// Headers that speak about one connection only (RFC 9110 section 7.6.1), and
/// the length, which the other side counts itself.
fn between_neighbours(name: &HeaderName) -> bool {
    [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
    ]
    .contains(name)
}

fn refused(status: StatusCode, cause: &dyn std::error::Error) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("the gate: {cause}")));
    *response.status_mut() = status;
    response
}
