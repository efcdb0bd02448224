//! Pages that say what went wrong and what to do next.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};

use crate::{Link, Shell, html_with};

/// An error as a person reads it: a title, a sentence, a way on. Start one
/// with [`Browser::error`](crate::Browser::error); it is a response.
#[derive(Debug, Template)]
#[template(path = "error.html")]
#[must_use = "an error page is shown only when it is returned"]
pub struct ErrorPage {
    shell: Shell,
    status: StatusCode,
    title: String,
    sentence: String,
    act: Option<Act>,
    links: Vec<Link>,
    reference: Option<String>,
    retry_after: Option<u64>,
}

/// A way on that is more than a link: a form with one button.
#[derive(Debug)]
struct Act {
    label: String,
    path: String,
    field: (&'static str, String),
}

impl ErrorPage {
    /// A page with this frame. The sentence says what happened and what was
    /// or was not done; links say how to go on.
    pub fn new(shell: Shell, status: StatusCode, title: &str, sentence: &str) -> Self {
        Self {
            shell,
            status,
            title: title.to_owned(),
            sentence: sentence.to_owned(),
            act: None,
            links: Vec::new(),
            reference: None,
            retry_after: None,
        }
    }

    /// Offers to do something about it at once: a button that posts one field
    /// to a path of this service. It comes before the links.
    pub fn act(mut self, label: &str, path: &str, field: (&'static str, String)) -> Self {
        self.act = Some(Act {
            label: label.to_owned(),
            path: path.to_owned(),
            field,
        });
        self
    }

    /// Offers a way on; the first one is shown as a button.
    pub fn link(mut self, label: &str, href: &str) -> Self {
        self.links.push(Link::new(label, href));
        self
    }

    /// Gives the id under which the log has the cause.
    pub fn reference(mut self, request_id: impl Into<String>) -> Self {
        self.reference = Some(request_id.into());
        self
    }

    /// Says when to come back (`Retry-After`, in seconds).
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Words for the time to wait, for the page.
    fn wait(&self) -> Option<String> {
        let seconds = self.retry_after?;
        let (n, unit) = if seconds <= 90 {
            (seconds.max(1), "second")
        } else {
            (seconds.div_ceil(60), "minute")
        };
        Some(format!("{n} {unit}{}", if n == 1 { "" } else { "s" }))
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        let mut response = html_with(self.status, &self);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
