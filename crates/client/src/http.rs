//! HTTP to one server: TLS, timeouts, a cap on the size of answers, and the
//! rule for trying again. It knows nothing of OAuth or of tools.

use std::{sync::Arc, time::Duration};

use reqwest::{
    RequestBuilder, StatusCode,
    header::{self, HeaderMap, HeaderName},
};
use rustls_platform_verifier::Verifier;
use zeroize::Zeroizing;

use crate::{Error, Server};

/// How long to wait, and how much to take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the connection to stand.
    pub connect: Duration,
    /// For the whole answer.
    pub total: Duration,
    /// The most bytes of one answer. The texts of a full page of memories are up to 13 MB.
    pub answer_bytes: usize,
    /// How often a read is tried in all when the server cannot be reached or is
    /// unavailable.
    pub read_attempts: u32,
    /// The pause before the second attempt; it doubles with each one.
    pub pause: Duration,
}

impl Limits {
    pub(crate) const DEFAULT: Self = Self {
        connect: Duration::from_secs(5),
        total: Duration::from_secs(30),
        answer_bytes: 64 * 1024 * 1024,
        read_attempts: 3,
        pause: Duration::from_millis(150),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Whether proxies of the environment may come between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxies {
    OfTheEnvironment,
    /// For a server on this machine.
    None,
}

/// Whether a request may be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It only reads.
    Safe,
    /// It changes something: sent once, whatever happens.
    Never,
}

/// A complete answer.
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns the first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns all values of a header that are text.
    pub(crate) fn headers(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(name).into_iter();
        values.filter_map(|value| value.to_str().ok())
    }

    /// Reads `Retry-After` in seconds (RFC 9110 section 10.2.3); one second without it.
    pub(crate) fn retry_after(&self) -> Duration {
        let header = self.headers.get(header::RETRY_AFTER);
        let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Duration::from_secs(seconds.unwrap_or(1))
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A pool of connections.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    limits: Limits,
}

impl Http {
    pub(crate) fn new(server: &Server, limits: Limits) -> Result<Self, Error> {
        let proxies = if server.is_loopback() {
            Proxies::None
        } else {
            Proxies::OfTheEnvironment
        };
        Self::open(proxies, limits)
    }

    pub(crate) fn open(proxies: Proxies, limits: Limits) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("picard-client/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls()?)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            // A redirect would carry credentials to a place that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        if proxies == Proxies::None {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| Error::Setup(error.into()))?;
        Ok(Self { client, limits })
    }

    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    pub(crate) fn put(&self, url: &str) -> RequestBuilder {
        self.client.put(url)
    }

    /// Sends a request; a safe one again after a pause while the server cannot
    /// be reached or answers 503.
    pub(crate) async fn send(
        &self,
        repeat: Repeat,
        request: impl Fn(&Self) -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let attempts = if repeat == Repeat::Safe {
            self.limits.read_attempts.max(1)
        } else {
            1
        };
        let mut pause = self.limits.pause;
        for attempt in 1.. {
            let outcome = self.once(request(self)).await;
            let passing = match &outcome {
                Ok(answer) => answer.status == StatusCode::SERVICE_UNAVAILABLE,
                Err(error) => matches!(error, Error::Unreachable(_) | Error::NoAnswer(_)),
            };
            if !passing || attempt >= attempts {
                return outcome;
            }
            tracing::debug!(attempt, "the server is not available, trying again");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the loop returns at its last attempt")
    }

    async fn once(&self, request: RequestBuilder) -> Result<Answer, Error> {
        let mut response = request.send().await.map_err(failure)?;
        let cap = self.limits.answer_bytes;
        let too_long = || Error::protocol(format!("an answer of over {cap} bytes"));
        let announced = response.content_length().unwrap_or(0);
        if announced > cap as u64 {
            return Err(too_long());
        }
        let mut body = Zeroizing::new(Vec::with_capacity(announced as usize));
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > cap {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            body,
        })
    }
}

/// Sorts a failure by whether the request can have reached the server.
fn failure(error: reqwest::Error) -> Error {
    // The address may hold nothing secret today; without it no later change can leak one.
    let error = error.without_url();
    if error.is_connect() {
        Error::Unreachable(error)
    } else if error.is_builder() {
        Error::Setup(error.into())
    } else {
        Error::NoAnswer(error)
    }
}

/// Returns TLS for requests that go out: it trusts the certificates of the system,
/// or Mozilla's list where it has none (a minimal container), since plain http must
/// work there too. [`Error::Setup`] when TLS cannot be had.
pub fn tls() -> Result<rustls::ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setup(error.into()))?;
    if let Ok(verifier) = Verifier::new(provider) {
        let verifier = Arc::new(verifier);
        return Ok(config
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth());
    }
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
