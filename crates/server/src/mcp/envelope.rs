//! The JSON-RPC message in a body: read before rmcp reads it, so that what is
//! none gets the error that it should, and so that the gate knows what is asked.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rmcp::model::{ErrorCode, ProtocolVersion};
use serde_json::{Value, json};

use super::handler::VERSIONS;

/// Where the newer era names its version, within `params._meta`.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The header that names the version.
const VERSION_HEADER: &str = "mcp-protocol-version";

/// The header of a session of the older era.
const SESSION_HEADER: &str = "mcp-session-id";

/// The methods of requests that a handler of ours may serve.
const SERVED: [&str; 12] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
];

/// Tells whether a handler of ours may serve the method.
pub(super) fn is_served(method: &str) -> bool {
    SERVED.contains(&method)
}

/// A message with a method: a request when it has an id, else a notification.
#[derive(Debug)]
pub(super) struct Envelope {
    /// The id, or null.
    pub(super) id: Value,
    /// What is asked.
    pub(super) method: String,
    /// The whole message, as it was read: what rmcp gets, so that both saw the
    /// same even of an object that names a member twice.
    pub(super) message: Value,
}

/// An error of JSON-RPC with its status in HTTP.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Box<Value>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        id: &Value,
        code: ErrorCode,
        message: impl Into<String>,
    ) -> Self {
        let error = json!({"code": code.0, "message": message.into()});
        let body = json!({"jsonrpc": "2.0", "id": id, "error": error});
        Self {
            status,
            body: Box::new(body),
        }
    }

    fn invalid_request(id: &Value, message: &str) -> Self {
        let code = ErrorCode::INVALID_REQUEST;
        Self::new(StatusCode::BAD_REQUEST, id, code, message)
    }

    fn invalid_params(id: &Value, message: &str) -> Self {
        let code = ErrorCode::INVALID_PARAMS;
        Self::new(StatusCode::BAD_REQUEST, id, code, message)
    }

    fn unsupported(id: &Value, requested: &str) -> Self {
        let code = ErrorCode::UNSUPPORTED_PROTOCOL_VERSION;
        let message = "this protocol version is not supported";
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, id, code, message);
        let supported = VERSIONS.each_ref().map(ProtocolVersion::as_str);
        refusal.body["error"]["data"] = json!({"requested": requested, "supported": supported});
        refusal
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (self.status, kind, self.body.to_string()).into_response()
    }
}

/// The most messages of a batch.
const LARGEST_BATCH: usize = 50;

/// What a body holds.
#[derive(Debug)]
pub(super) enum Messages {
    One(Box<Envelope>),
    /// Several at once, which 2025-03-26 knew and the next version took back.
    Batch(Vec<Envelope>),
}

impl Messages {
    /// A body that is one message.
    pub(super) fn one(message: Envelope) -> Self {
        Self::One(Box::new(message))
    }
}

/// Tells whether the version of the request knew batches; without a version it
/// is that one.
pub(super) fn knows_batches(headers: &HeaderMap) -> bool {
    let version = headers.get(VERSION_HEADER).map(HeaderValue::as_bytes);
    version.is_none_or(|version| version == ProtocolVersion::V_2025_03_26.as_str().as_bytes())
}

fn json(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            &Value::Null,
            ErrorCode::PARSE_ERROR,
            format!("the body is not JSON in UTF-8: {error}"),
        )
    })
}

impl Envelope {
    /// Reads a body that is one message.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        Self::of(json(body)?)
    }

    /// Reads a body that is one message, or several of a batch.
    pub(super) fn read_all(body: &[u8]) -> Result<Messages, Refusal> {
        let messages = match json(body)? {
            Value::Array(messages) => messages,
            message => return Self::of(message).map(Messages::one),
        };
        if messages.is_empty() || messages.len() > LARGEST_BATCH {
            let why = format!("a batch has 1 to {LARGEST_BATCH} messages");
            return Err(Refusal::invalid_request(&Value::Null, &why));
        }
        let messages: Result<Vec<_>, _> = messages.into_iter().map(Self::of).collect();
        let messages = messages?;
        if let Some(first) = messages
            .iter()
            .find(|message| message.method == "initialize")
        {
            let why = "initialize must not be part of a batch";
            return Err(Refusal::invalid_request(&first.id, why));
        }
        Ok(Messages::Batch(messages))
    }

    fn of(message: Value) -> Result<Self, Refusal> {
        let Value::Object(members) = &message else {
            let why = "the body must be one JSON-RPC message";
            return Err(Refusal::invalid_request(&Value::Null, why));
        };
        let id = match members.get("id") {
            None => Value::Null,
            Some(id) if id.is_string() || id.is_i64() => id.clone(),
            Some(_) => {
                let why = "id must be a string or a whole number";
                return Err(Refusal::invalid_request(&Value::Null, why));
            }
        };
        if members.get("jsonrpc") != Some(&json!("2.0")) {
            return Err(Refusal::invalid_request(&id, "jsonrpc must be \"2.0\""));
        }
        let Some(Value::String(method)) = members.get("method") else {
            let why = "method is missing, or is no string; answers are not expected here";
            return Err(Refusal::invalid_request(&id, why));
        };
        if let Some(params) = members.get("params") {
            if !params.is_object() {
                return Err(Refusal::invalid_params(&id, "params must be an object"));
            }
            if params.get("_meta").is_some_and(|meta| !meta.is_object()) {
                let why = "params._meta must be an object";
                return Err(Refusal::invalid_params(&id, why));
            }
        }
        Ok(Self {
            method: method.clone(),
            id,
            message,
        })
    }

    fn params(&self) -> Option<&Value> {
        self.message.get("params")
    }

    /// A member of the parameters that is a string.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params()?.get(name)?.as_str()
    }

    /// Checks what decides the era, as far as rmcp does not: whether the version
    /// of the header is one of ours, that there is no handshake in the newer
    /// era, and that there are no sessions in the older.
    pub(super) fn check_era(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let in_meta = self
            .params()
            .and_then(|params| params.get("_meta")?.get(VERSION));
        if self.method == "initialize" {
            return match in_meta {
                None => Ok(()),
                Some(_) => Err(Refusal::new(
                    StatusCode::NOT_FOUND,
                    &self.id,
                    ErrorCode::METHOD_NOT_FOUND,
                    "this era has no initialize; ask server/discover",
                )),
            };
        }
        let in_header = headers.get(VERSION_HEADER).map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let ours = VERSIONS.iter().find(|version| version.as_str() == text);
            ours.cloned().ok_or(text)
        });
        if in_meta.is_some() {
            return Ok(());
        }
        match in_header {
            Some(Err(requested)) => Err(Refusal::unsupported(&self.id, &requested)),
            Some(Ok(version)) if !version.has_initialize() => Ok(()),
            _ if self.method == "server/discover" => Ok(()),
            _ if headers.contains_key(SESSION_HEADER) => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                &self.id,
                ErrorCode::INVALID_REQUEST,
                "there is no such session; initialize again",
            )),
            _ => Ok(()),
        }
    }
}

/// What is made of a body: its method, its id, and the message that is handed
/// on; or the answer that says why not. For the properties that the fuzzer
/// holds this against, and for nothing else.
#[doc(hidden)]
pub fn read_message(body: &[u8]) -> Result<(String, Value, Value), Value> {
    match Envelope::read(body) {
        Ok(envelope) => Ok((envelope.method, envelope.id, envelope.message)),
        Err(refusal) => Err(*refusal.body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> (u16, i64) {
        let refusal = Envelope::read(body).expect_err("no message");
        let code = refusal.body["error"]["code"].as_i64();
        (refusal.status.as_u16(), code.unwrap_or_default())
    }

    #[test]
    fn what_is_no_json_is_a_parse_error() {
        for body in [&b""[..], b"{", b"\xff", b"{\"jsonrpc\": \"2.0\"} x"] {
            assert_eq!(refused(body), (400, -32700));
        }
    }

    #[test]
    fn what_is_no_message_is_an_invalid_request() {
        for body in [
            "7",
            "[]",
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":18446744073709551615,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            r#"{"id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        ] {
            assert_eq!(refused(body.as_bytes()), (400, -32600), "{body}");
        }
    }

    #[test]
    fn parameters_that_are_no_object_are_invalid() {
        for params in ["7", "[]", "null", r#"{"_meta":7}"#] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{params}}}"#);
            assert_eq!(refused(body.as_bytes()), (400, -32602), "{params}");
        }
    }

    #[test]
    fn an_error_echoes_the_id_when_it_can_be_read() {
        let body = br#"{"jsonrpc":"1.0","id":"seven","method":"ping"}"#;
        let refusal = Envelope::read(body).expect_err("another version");
        assert_eq!(refusal.body["id"], "seven");
    }
}
