//! `/health/live` and `/health/ready` as both services answer them: what was
//! looked at, and how each of it is, without a cause. The cause is in the log.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::Phase;

/// How one part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Ok,
    /// It works, but not as well as it will: said in a word.
    Degraded(&'static str),
    /// It does not work: said in a word.
    Failed(&'static str),
}

/// What `/health/ready` answers: 200 when every part works, 503 when one does
/// not or the process is about to stop.
#[derive(Debug)]
pub struct Readiness {
    stopping: bool,
    parts: Vec<(&'static str, Health)>,
}

impl Readiness {
    /// Begins with nothing looked at.
    pub fn new(phase: &Phase) -> Self {
        Self {
            stopping: phase.is_stopping(),
            parts: Vec::new(),
        }
    }

    /// Adds how a part is.
    #[must_use]
    pub fn with(mut self, part: &'static str, health: Health) -> Self {
        self.parts.push((part, health));
        self
    }

    fn status(&self) -> &'static str {
        let any = |is: fn(&Health) -> bool| self.parts.iter().any(|(_, health)| is(health));
        if self.stopping {
            "stopping"
        } else if any(|health| matches!(health, Health::Failed(_))) {
            "unavailable"
        } else if any(|health| matches!(health, Health::Degraded(_))) {
            "degraded"
        } else {
            "ready"
        }
    }
}

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        let status = self.status();
        let checks = self.parts.iter().map(|(part, health)| {
            let word = match health {
                Health::Ok => "ok",
                Health::Degraded(word) | Health::Failed(word) => word,
            };
            ((*part).to_owned(), json!(word))
        });
        let checks: Map<String, Value> = checks.collect();
        answer(status, Some(checks))
    }
}

/// What `/health/live` answers: the process can be talked to, and nothing more.
pub fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// What every address but `/health/live` answers until the service is open.
pub fn starting() -> Response {
    answer("starting", None)
}

fn answer(status: &str, checks: Option<Map<String, Value>>) -> Response {
    let mut body = json!({ "status": status });
    if let Some(checks) = checks {
        body["checks"] = Value::Object(checks);
    }
    let is_ready = ["ready", "degraded"].contains(&status);
    let code = if is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = (code, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !is_ready {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}
