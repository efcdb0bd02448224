//! Requests with bounds, and what an unexpected answer looks like in words.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use url::Url;

use super::{Row, address::is_loopback};
use crate::outgoing::tls;

/// How long one request may take.
pub(super) const REQUEST: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 64 * 1024;
const MOST_QUOTED: usize = 160;

/// Sends requests to one address.
pub(super) struct Web(reqwest::Client);

/// An answer, its body cut off at [`MOST_BYTES`].
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

/// What was found instead of the answer that was looked for, and what mends it.
pub(super) struct Odd {
    pub(super) seen: String,
    pub(super) remedy: &'static str,
}

impl Odd {
    pub(super) fn wrong(self, what: &'static str) -> Row {
        Row::wrong(what, self.seen, self.remedy)
    }

    pub(super) fn warning(self, what: &'static str) -> Row {
        Row::warning(what, self.seen, self.remedy)
    }
}

impl Web {
    pub(super) fn new(url: &Url) -> Result<Self, Row> {
        let failed = |error: &dyn std::error::Error| {
            let seen = format!("This test cannot be run: {error}.");
            Row::wrong("TLS", seen, "Install the certificates of your system.")
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("picard-test/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls().map_err(|error| failed(&error))?)
            .connect_timeout(REQUEST)
            .timeout(REQUEST)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        if is_loopback(url) {
            builder = builder.no_proxy();
        }
        builder.build().map(Self).map_err(|error| failed(&error))
    }

    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        self.0.get(url)
    }

    pub(super) fn post(&self, url: &str) -> RequestBuilder {
        self.0.post(url)
    }

    pub(super) fn options(&self, url: &str) -> RequestBuilder {
        self.0.request(http::Method::OPTIONS, url)
    }
}

/// Sends a request and reads as much of the answer as is needed.
pub(super) async fn send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MOST_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MOST_BYTES {
            break;
        }
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// The same for requests after the first, whose failure has few causes left.
pub(super) async fn ask(request: RequestBuilder) -> Result<Answer, Odd> {
    send(request).await.map_err(|error| Odd {
        seen: if error.is_timeout() {
            "No answer within 5 seconds.".to_owned()
        } else {
            "The connection broke off.".to_owned()
        },
        remedy: "Other requests were answered. Look for a proxy, bot filter or firewall that \
                 treats this path differently.",
    })
}

impl Answer {
    /// Returns a header as text; an unreadable one counts as absent.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Reads JSON that came with status 200; anything else in words.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Odd> {
        if self.status != StatusCode::OK {
            return Err(self.odd());
        }
        serde_json::from_slice(&self.body).map_err(|_| self.odd())
    }

    /// Says what kind of answer this is, for one that was not looked for.
    pub(super) fn odd(&self) -> Odd {
        let status = self.status.as_u16();
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default();
        if self.status.is_redirection() {
            let to = self.header(header::LOCATION).unwrap_or("nowhere");
            return Odd {
                seen: format!("It is redirected ({status}) to {}.", quoted(to)),
                remedy: "Clients do not follow redirects here, or lose their token on the way. Let \
                         the proxy pass /mcp, /oauth/ and /.well-known/ through as they are, \
                         without a log-in of its own.",
            };
        }
        if matches!(status, 502..=504) {
            return Odd {
                seen: format!("The proxy answers {status}: it cannot reach Picard."),
                remedy: "Look at where the proxy passes requests on to, and whether Picard listens \
                         there (PICARD_SERVER_LISTEN).",
            };
        }
        if kind.starts_with("text/html") {
            return Odd {
                seen: format!("An HTML page came back (status {status})."),
                remedy: "Something before Picard answers: another site, a log-in wall, or a filter \
                         against bots. Let it pass /mcp, /oauth/ and /.well-known/ through.",
            };
        }
        if let Some(scheme) = self.header(header::WWW_AUTHENTICATE)
            && !scheme.to_ascii_lowercase().starts_with("bearer")
        {
            return Odd {
                seen: "The proxy asks for a password of its own.".to_owned(),
                remedy: "Clients cannot answer that. Switch it off for this host; Picard has its \
                         own log-in.",
            };
        }
        let kind = if kind.is_empty() {
            "no type".to_owned()
        } else {
            quoted(kind)
        };
        Odd {
            seen: format!("The answer is not Picard's (status {status}, {kind})."),
            remedy: "The address leads to another server. Look at the proxy's configuration and at \
                     PICARD_PUBLIC_URL.",
        }
    }
}

/// Cuts what another server said to a length that can be shown.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(MOST_QUOTED)
        .collect();
    if quoted.chars().count() == MOST_QUOTED {
        quoted.push('…');
    }
    quoted
}
