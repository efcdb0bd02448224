//! JSON bodies: the right type, not too long, UTF-8, and errors that name the field.

use std::error::Error as _;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{FromRequest, Request},
};
use http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{problem::Problem, state::Server};

/// The most bytes of a body: a memory of 64 KiB with every character escaped, and room to spare.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// A JSON body.
pub(crate) struct StrictJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Server> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Server) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let body = whole(request.into_body(), MAX_BODY).await?;
        let value = value(&body)?;
        if !value.is_object() {
            return Err(Problem::new(
                "invalid_request",
                "the body must be an object",
            ));
        }
        typed(value).map(Self)
    }
}

/// Reads a whole body of at most `max` bytes.
pub(crate) async fn whole(body: Body, max: usize) -> Result<Bytes, Problem> {
    to_bytes(body, max).await.map_err(|error| {
        let too_large = error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
        if too_large {
            Problem::new("too_large", format!("the most is {max} bytes"))
        } else {
            Problem::new("invalid_request", "the body did not arrive whole")
        }
    })
}

/// Reads a value as a type; a field of the wrong type or form is named.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, message) = (error.path().to_string(), in_words(error.inner()));
        if path == "." {
            Problem::new("invalid_request", message)
        } else {
            Problem::field(&path, &message)
        }
    })
}

/// What is wrong with a value, without the words of Rust.
fn in_words(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let expected = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.rsplit_once(", expected "));
    match expected {
        Some((_, "i64")) => "must be a whole number".to_owned(),
        Some((_, "a string")) => "must be a string".to_owned(),
        Some(_) | None => message,
    }
}

/// Tells whether the body says that it is of this type; parameters as
/// `charset` do not matter.
pub(crate) fn is_of_type(headers: &HeaderMap, wanted: &str) -> bool {
    let sent = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = sent
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    essence.eq_ignore_ascii_case(wanted)
}

fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    if is_of_type(headers, "application/json") {
        Ok(())
    } else {
        Err(Problem::new(
            "unsupported_media_type",
            "send the body as application/json",
        ))
    }
}

fn value(body: &Bytes) -> Result<Value, Problem> {
    let not_json = |error: &dyn std::fmt::Display| {
        Problem::new(
            "invalid_request",
            format!("the body is not JSON in UTF-8: {error}"),
        )
    };
    let text = std::str::from_utf8(body).map_err(|error| not_json(&error))?;
    serde_json::from_str(text).map_err(|error| not_json(&error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "only what is refused counts")]
    struct Asked {
        query: String,
        limit: Option<i64>,
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_in_words() {
        for (value, said) in [
            (
                json!({"query": "a", "limit": "5"}),
                "limit must be a whole number",
            ),
            (
                json!({"query": "a", "limit": 5.5}),
                "limit must be a whole number",
            ),
            (
                json!({"query": "a", "limit": u64::MAX}),
                "limit must be a whole number",
            ),
            (json!({"query": ["a"]}), "query must be a string"),
        ] {
            let problem = typed::<Asked>(value).err().expect("it is refused");
            assert!(problem.in_words().ends_with(said), "{}", problem.in_words());
        }
    }
}
