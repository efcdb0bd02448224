//! What a collector receives of a request.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Request, StatusCode, Uri},
    middleware::from_fn_with_state,
    routing::{get, post},
};
use picard_metrics::WebMetrics;
use picard_observe::Observer;
use tokio::{net::TcpListener, sync::mpsc};
use tower::ServiceExt as _;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::system::system;

/// What was sent to the collector: where, as what, and the body.
type Received = (String, HeaderMap, Bytes);

/// Takes what is sent on a port of its own.
async fn collector() -> (String, mpsc::UnboundedReceiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (take, taken) = mpsc::unbounded_channel();
    let take_in = async |State(take): State<mpsc::UnboundedSender<Received>>,
                         uri: Uri,
                         headers: HeaderMap,
                         body: Bytes| {
        take.send((uri.to_string(), headers, body)).unwrap();
        StatusCode::OK
    };
    let router = Router::new().fallback(take_in).with_state(take);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, taken)
}

fn service() -> Router {
    let (clock, entropy) = system();
    let observer = Observer::new(WebMetrics::default().http, clock, entropy);
    Router::new()
        .route("/memories/{id}", get(async || StatusCode::NOT_FOUND))
        .route(
            "/broken",
            post(async || {
                tracing::error!(text = "canary-of-the-log", "canary-of-the-log");
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .layer(from_fn_with_state(observer, picard_observe::layer))
}

fn holds(body: &[u8], part: impl AsRef<[u8]>) -> bool {
    let part = part.as_ref();
    body.windows(part.len()).any(|window| window == part)
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let pair = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(pair).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_a_span_of_the_callers_trace_with_its_route_and_nothing_that_was_sent() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const CALLER: &str = "00f067aa0ba902b7";
    let (endpoint, mut received) = collector().await;
    let traces = Traces {
        otlp_endpoint: Some(endpoint),
        otlp_traces_endpoint: None,
    };
    let provider = provider(&traces.address().unwrap().unwrap()).unwrap();
    let subscriber = tracing_subscriber::registry().with(vec![sink(&provider)]);

    let requests = [
        ("GET", "/memories/canary-path?q=canary-query"),
        ("POST", "/broken"),
        ("CANARYMETHOD", "/canary-unmatched"),
    ];
    let ids = async {
        let mut ids = Vec::new();
        for (method, address) in requests {
            let mut request = Request::builder()
                .method(method)
                .uri(address)
                .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
                .header("tracestate", "canary=canary-state")
                .header("authorization", "Bearer canary-token")
                .body(Body::from("canary-body"))
                .unwrap();
            request.extensions_mut().insert(CONTINUED);
            let answer = service().oneshot(request).await.unwrap();
            ids.push(
                answer.headers()["x-request-id"]
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        ids
    };
    let ids = ids.with_subscriber(subscriber).await;
    tokio::task::spawn_blocking(move || provider.shutdown())
        .await
        .unwrap()
        .unwrap();

    let (path, headers, body) = received.recv().await.expect("the spans");
    assert_eq!(path, "/v1/traces");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let text = String::from_utf8_lossy(&body);
    for told in [
        "GET /memories/{id}",
        "POST /broken",
        "HTTP unmatched",
        "_OTHER",
        "http.response.status_code",
        "picard.request_id",
        "service.version",
    ] {
        assert!(holds(&body, told), "{told} is not in {text}");
    }
    for id in ids {
        assert!(holds(&body, &id), "the id {id} is not in {text}");
    }
    assert!(holds(&body, bytes_of(TRACE)), "another trace: {text}");
    assert!(holds(&body, bytes_of(CALLER)), "another parent: {text}");
    let lower = text.to_ascii_lowercase();
    assert!(!lower.contains("canary"), "{text}");
    assert!(received.try_recv().is_err(), "the spans went out twice");
}

#[test]
fn an_address_for_traces_is_http_or_https_and_wins_over_the_general_one() {
    let of = |general: Option<&str>, whole: Option<&str>| Traces {
        otlp_endpoint: general.map(str::to_owned),
        otlp_traces_endpoint: whole.map(str::to_owned),
    };
    let address = |traces: Traces| traces.address().unwrap().map(String::from);
    assert_eq!(address(of(None, None)), None);
    let general = Some("https://collector.example/otlp/");
    assert_eq!(
        address(of(general, None)).as_deref(),
        Some("https://collector.example/otlp/v1/traces")
    );
    assert_eq!(
        address(of(general, Some("http://[::1]:4318/in"))).as_deref(),
        Some("http://[::1]:4318/in")
    );
    let wrong = of(Some("collector:secret@localhost"), None).address();
    let wrong = format!("{:?}", wrong.unwrap_err());
    assert!(!wrong.contains("secret"), "{wrong}");
}
