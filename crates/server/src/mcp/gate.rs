//! What a call passes before rmcp sees it: the token, the method, the type and
//! size of the body, the JSON-RPC message, the scope and the pace.

use std::slice;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts as _, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use picard_app::Access;
use picard_domain::Scope;
use rmcp::model::ErrorCode;
use serde_json::Value;

use super::envelope::{Envelope, Messages, Refusal, knows_batches};
use crate::{
    bearer::Bearer,
    json::{MAX_BODY, is_of_type, whole},
    problem::Problem,
    state::Server,
    tools::registry,
};

/// Methods that reach the person's memories, each of which takes from their pace.
const PACED: [&str; 6] = [
    "tools/call",
    "resources/list",
    "resources/read",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
];

/// Methods that show the person's memories, whatever they are about.
const READS: [&str; 5] = [
    "resources/list",
    "resources/read",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
];

/// Seconds after which it is worth asking again for one more stream.
const CLOSE_ONE_FIRST: u64 = 60;

/// Bytes of answers to one batch, from which on the rest of it is not done: all
/// of them are in memory at once.
const MOST_ANSWERED: usize = 32 * 1024 * 1024;

/// What both kinds of answer are called in `Accept`.
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// Lets a call through to rmcp, or answers it.
pub(super) async fn gate(State(server): State<Server>, request: Request, next: Next) -> Response {
    match pass(&server, request).await {
        Ok((parts, Messages::One(envelope))) => answer(parts, *envelope, next).await,
        Ok((parts, Messages::Batch(envelopes))) => answer_all(&parts, envelopes, &next).await,
        Err(refused) => refused,
    }
}

/// All that is asked is looked at before any of it is done.
async fn pass(server: &Server, request: Request) -> Result<(Parts, Messages), Response> {
    let (mut parts, body) = request.into_parts();
    let Bearer(access) = Bearer::from_request_parts(&mut parts, server)
        .await
        .map_err(IntoResponse::into_response)?;
    if parts.method != Method::POST {
        return Err(only_post());
    }
    if !is_of_type(&parts.headers, "application/json") {
        let why = "send the body as application/json";
        return Err(Problem::new("unsupported_media_type", why).into_response());
    }
    let body = whole(body, MAX_BODY)
        .await
        .map_err(IntoResponse::into_response)?;
    let messages = if knows_batches(&parts.headers) {
        Envelope::read_all(&body)
    } else {
        Envelope::read(&body).map(Messages::one)
    };
    let messages = messages.map_err(IntoResponse::into_response)?;
    let each = match &messages {
        Messages::One(envelope) => slice::from_ref(&**envelope),
        Messages::Batch(envelopes) => envelopes,
    };
    for envelope in each {
        envelope
            .check_era(&parts.headers)
            .map_err(IntoResponse::into_response)?;
        accept(&parts.headers, envelope).map_err(IntoResponse::into_response)?;
        permit(server, &access, envelope).map_err(IntoResponse::into_response)?;
    }
    parts.headers.insert(header::ACCEPT, BOTH);
    parts.extensions.insert(access);
    Ok((parts, messages))
}

/// Has rmcp answer one message.
async fn answer(parts: Parts, envelope: Envelope, next: Next) -> Response {
    let message = Body::from(envelope.message.to_string());
    let response = next.run(Request::from_parts(parts, message)).await;
    tidy(&envelope.id, response).await
}

/// Has rmcp answer each message of a batch, and puts the answers into one.
async fn answer_all(parts: &Parts, envelopes: Vec<Envelope>, next: &Next) -> Response {
    let mut answers = Vec::new();
    for envelope in envelopes {
        let response = if answers.len() < MOST_ANSWERED {
            answer(parts.clone(), envelope, next.clone()).await
        } else {
            not_done(&envelope.id)
        };
        // Notifications have no answer.
        if !is_of_type(response.headers(), "application/json") {
            continue;
        }
        if let Ok(one) = to_bytes(response.into_body(), usize::MAX).await {
            answers.push(if answers.is_empty() { b'[' } else { b',' });
            answers.extend_from_slice(&one);
        }
    }
    if answers.is_empty() {
        return StatusCode::ACCEPTED.into_response();
    }
    answers.push(b']');
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, answers).into_response()
}

/// Tells that a message of a batch was passed over; a notification needs no word.
fn not_done(id: &Value) -> Response {
    if id.is_null() {
        return StatusCode::ACCEPTED.into_response();
    }
    let why = "not done: the answers before it are too long for one batch; send it again";
    Refusal::new(StatusCode::OK, id, ErrorCode::INTERNAL_ERROR, why).into_response()
}

/// There are no streams to GET and no sessions to DELETE. Clients try, and a
/// quick 405 is what stops them.
fn only_post() -> Response {
    let mut refused = Problem::new("method_not_allowed", "call with POST").into_response();
    refused
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static("POST"));
    refused
}

/// rmcp wants both types in `Accept`. Answers are JSON, so a client that takes
/// that alone, or says nothing, is served; only a subscription is a stream.
fn accept(headers: &HeaderMap, envelope: &Envelope) -> Result<(), Problem> {
    let names = |kind: &str| {
        let sent = headers.get_all(header::ACCEPT).iter();
        let mut sent = sent.filter_map(|value| value.to_str().ok());
        let wildcard = kind.split('/').next().map(|of| format!("{of}/*"));
        sent.any(|value| {
            value.split(',').any(|range| {
                let mut range = range.split(';').map(str::trim);
                let essence = range.next().unwrap_or_default().to_ascii_lowercase();
                let excluded = range.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
                let fits =
                    essence == kind || essence == "*/*" || wildcard.as_ref() == Some(&essence);
                fits && !excluded
            })
        })
    };
    let wanted = if envelope.method == "subscriptions/listen" {
        "text/event-stream"
    } else {
        "application/json"
    };
    if headers.contains_key(header::ACCEPT) && !names(wanted) {
        let why = format!("the answer is {wanted}, which the Accept header does not name");
        return Err(Problem::new("not_acceptable", why));
    }
    Ok(())
}

/// Whether the token reaches to what is asked, and not too often. A tool that
/// the token does not reach is refused in HTTP, so that the client can ask the
/// person for more (RFC 6750 section 3.1).
fn permit(server: &Server, access: &Access, envelope: &Envelope) -> Result<(), Problem> {
    if envelope.method == "tools/call"
        && let Some(tool) = envelope.param("name").and_then(registry::find)
        && !access.scopes.allows(tool.scope)
    {
        return Err(Problem::insufficient_scope(tool.scope, access.scopes));
    }
    if READS.contains(&&*envelope.method) && !access.scopes.allows(Scope::Read) {
        return Err(Problem::insufficient_scope(Scope::Read, access.scopes));
    }
    if envelope.method == "subscriptions/listen" && !server.app.may_watch(access) {
        // Here, because rmcp acknowledges a subscription before it asks us.
        return Err(Problem::rate_limited(CLOSE_ONE_FIRST));
    }
    if PACED.contains(&&*envelope.method) {
        return server.keep_pace(access);
    }
    Ok(())
}

/// Sees to it that an answer is not kept, and that what rmcp refuses in plain
/// text is JSON-RPC, too.
async fn tidy(id: &Value, mut response: Response) -> Response {
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    let status = response.status();
    if status.is_success() || is_of_type(response.headers(), "application/json") {
        return response;
    }
    if status.is_server_error() {
        tracing::error!(%status, "rmcp failed");
        let message = "something went wrong inside; try again";
        return Refusal::new(status, id, ErrorCode::INTERNAL_ERROR, message).into_response();
    }
    let said = to_bytes(response.into_body(), MAX_BODY)
        .await
        .unwrap_or_default();
    let status = if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        StatusCode::BAD_REQUEST
    } else {
        status
    };
    let said = String::from_utf8_lossy(&said);
    Refusal::new(status, id, ErrorCode::INVALID_REQUEST, said).into_response()
}
