//! The JSON-RPC message in a body: read before rmcp reads it, so that what is
//! none gets the error that it should, and so that the gate knows what is asked.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use rmcp::model::{ErrorCode, ProtocolVersion};
use serde_json::{Map, Value, json};

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
    params: Map<String, Value>,
    /// The whole message, as it was read: what rmcp gets, so that both saw the
    /// same even of an object that names a member twice.
    pub(super) message: Value,
}

/// An error of JSON-RPC with its status in HTTP.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    id: Value,
    code: ErrorCode,
    message: String,
    data: Option<Value>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        id: &Value,
        code: ErrorCode,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            id: id.clone(),
            code,
            message: message.into(),
            data: None,
        }
    }

    fn invalid_request(id: &Value, message: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            id,
            ErrorCode::INVALID_REQUEST,
            message,
        )
    }

    fn unsupported(id: &Value, requested: &str) -> Self {
        let supported = VERSIONS.each_ref().map(ProtocolVersion::as_str);
        Self {
            data: Some(json!({"requested": requested, "supported": supported})),
            ..Self::new(
                StatusCode::BAD_REQUEST,
                id,
                ErrorCode::UNSUPPORTED_PROTOCOL_VERSION,
                "this protocol version is not supported",
            )
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = json!({"code": self.code.0, "message": self.message});
        if let Some(data) = self.data {
            error["data"] = data;
        }
        let body = json!({"jsonrpc": "2.0", "id": self.id, "error": error});
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (self.status, kind, body.to_string()).into_response()
    }
}

impl Envelope {
    /// Reads a body.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let message: Value = serde_json::from_slice(body).map_err(|error| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                &Value::Null,
                ErrorCode::PARSE_ERROR,
                format!("the body is not JSON in UTF-8: {error}"),
            )
        })?;
        let Value::Object(members) = &message else {
            let why = "the body must be one JSON-RPC message; batches are not supported";
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
        let invalid_params = |message: &str| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                &id,
                ErrorCode::INVALID_PARAMS,
                message,
            )
        };
        let params = match members.get("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params.clone(),
            Some(_) => return Err(invalid_params("params must be an object")),
        };
        if params.get("_meta").is_some_and(|meta| !meta.is_object()) {
            return Err(invalid_params("params._meta must be an object"));
        }
        Ok(Self {
            method: method.clone(),
            params,
            id,
            message,
        })
    }

    /// Tells whether an answer is expected.
    pub(super) fn is_request(&self) -> bool {
        !self.id.is_null()
    }

    /// A member of the parameters that is a string.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }

    /// Checks what decides the era, as far as rmcp does not: whether the version
    /// of the header is one of ours, that there is no handshake in the newer
    /// era, and that there are no sessions in the older.
    pub(super) fn check_era(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let in_meta = self.params.get("_meta").and_then(|meta| meta.get(VERSION));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> (u16, i32) {
        let refusal = Envelope::read(body).expect_err("no message");
        (refusal.status.as_u16(), refusal.code.0)
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
        assert_eq!(refusal.id, "seven");
    }
}
