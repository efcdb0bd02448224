//! Turning a template into a response.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Answers 200 with a page.
pub fn html(page: &impl Template) -> Response {
    html_with(StatusCode::OK, page)
}

/// Answers with a page and a status.
pub fn html_with(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(body) => (
            status,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            body,
        )
            .into_response(),
        // Only a Display that fails can bring us here; ours do not.
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "the page could not be made\n",
        )
            .into_response(),
    }
}

/// Answers with a form: 200, or 422 when there is a mistake in what was sent.
pub fn html_form<M>(mistake: Option<&M>, page: &impl Template) -> Response {
    let status = match mistake {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    html_with(status, page)
}

/// Answers 303 See Other, the only redirect that never repeats a POST
/// (RFC 9700 section 4.12).
///
/// The target is a path or URL of ours; put input through
/// [`LocalPath`](crate::LocalPath) first.
pub fn see_other(target: &str) -> Response {
    match HeaderValue::try_from(target) {
        Ok(target) => (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the target is no URL\n").into_response(),
    }
}
