//! A Picard behind a front that spoils something, on a port of this computer.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use picard_app::{App, Settings};
use picard_crypto::Keyring;
use picard_domain::{Clock, Instant};
use picard_server::{Config, Server, connect::Target};
use picard_testkit::{HashEmbedder, SeededEntropy};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tower::ServiceExt as _;

/// What the front does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Every answer is a page.
    Page,
    /// Every answer leads to a log-in elsewhere.
    Redirect,
    /// Only `/.well-known/` is a page: the application of somebody else has the root.
    PageForWellKnown,
    /// The front asks for a password of its own.
    Password,
    /// The front cannot reach Picard.
    BadGateway,
    /// Only these paths of a site lead to Picard.
    NoMcp,
    /// Picard is asked for another host.
    OtherHost,
    /// Picard does not see tokens.
    NoAuthorization,
    /// Clients do not see where to log in.
    NoChallenge,
    /// The challenge names an address inside.
    InnerChallenge,
    /// `OPTIONS` is answered by the front.
    OwnOptions,
    /// The clock in front is wrong.
    OldDate,
    /// Picard has another address than the one it is called at.
    OtherAddress,
    /// Another Picard answers.
    OtherInstance,
    /// Nothing answers in time.
    Silent,
}

/// Both, until dropped.
pub(crate) struct Front {
    pub(crate) target: Target,
    serving: JoinHandle<()>,
    _dir: TempDir,
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the answers are dated by the system, whose clock they are held against"
    )]
    fn now(&self) -> Instant {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Instant::from_micros(now.expect("after 1970").as_micros() as i64)
    }
}

impl Front {
    pub(crate) async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let public_url = format!("http://127.0.0.1:{port}");
        let known_as = match fault {
            Fault::OtherAddress => "https://memory.example.org".to_owned(),
            _ => public_url.clone(),
        };
        let dir = tempfile::tempdir().expect("a temporary folder");
        let picard = picard(&dir, known_as).await;
        let health = Request::get("/health")
            .body(Body::empty())
            .expect("a request");
        let health = picard
            .clone()
            .oneshot(health)
            .await
            .expect("axum never fails");
        let health = axum::body::to_bytes(health.into_body(), 1024)
            .await
            .expect("a body");
        let health: serde_json::Value = serde_json::from_slice(&health).expect("JSON");
        let instance = match fault {
            Fault::OtherInstance => "another".to_owned(),
            _ => health["instance"].as_str().expect("an instance").to_owned(),
        };
        let router = Router::new()
            .fallback(pass_on)
            .with_state((fault, Arc::new(picard)));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self {
            target: Target {
                public_url,
                instance: Some(instance),
                now: SystemClock.now(),
            },
            serving,
            _dir: dir,
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn picard(dir: &TempDir, public_url: String) -> Router {
    let entropy = Arc::new(SeededEntropy::new(1701));
    let settings = Settings {
        database: format!("sqlite:{}", dir.path().join("picard.db").display()).into(),
        keyring: Keyring::generate(&*entropy),
        embedder: Arc::new(HashEmbedder::default()),
        clock: Arc::new(SystemClock),
        entropy,
        partition_bytes: 1024 * 1024,
    };
    let app = Arc::new(App::open(settings).await.expect("the server opens"));
    picard_server::router(Server::new(app, Config::new(public_url)))
}

async fn pass_on(
    State((fault, picard)): State<(Fault, Arc<Router>)>,
    mut request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    let page = || axum::response::Html("<!doctype html><title>Welcome</title>").into_response();
    match fault {
        Fault::Page => return page(),
        Fault::PageForWellKnown if path.starts_with("/.well-known/") => return page(),
        Fault::Redirect => return Redirect::to("https://login.example/<b>").into_response(),
        Fault::BadGateway => return StatusCode::BAD_GATEWAY.into_response(),
        Fault::NoMcp if path == "/mcp" => return StatusCode::NOT_FOUND.into_response(),
        Fault::Silent => std::future::pending().await,
        Fault::Password => {
            let asks = [(header::WWW_AUTHENTICATE, "Basic realm=\"staging\"")];
            return (StatusCode::UNAUTHORIZED, asks).into_response();
        }
        Fault::OwnOptions if request.method() == Method::OPTIONS => {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        Fault::OtherHost => {
            let host = HeaderValue::from_static("picard-backend:8001");
            request.headers_mut().insert(header::HOST, host);
        }
        Fault::NoAuthorization => {
            request.headers_mut().remove(header::AUTHORIZATION);
        }
        _ => {}
    }
    let picard = Router::clone(&picard);
    let mut response = picard.oneshot(request).await.expect("axum never fails");
    let headers = response.headers_mut();
    match fault {
        Fault::NoChallenge => {
            headers.remove(header::WWW_AUTHENTICATE);
        }
        Fault::InnerChallenge if headers.contains_key(header::WWW_AUTHENTICATE) => {
            let inner = r#"Bearer resource_metadata="http://picard:8001/<x>""#;
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(inner));
        }
        Fault::OldDate => {
            let date = HeaderValue::from_static("Sat, 13 Jul 2024 12:00:00 GMT");
            headers.insert(header::DATE, date);
        }
        _ => {}
    }
    response
}
