//! Fetching documents whose address a stranger named, without being led
//! anywhere else (server-side request forgery).
//!
//! For each fetch the name is resolved once, **every** address of the answer is
//! asked about, and the connection is pinned to those: what the name means a
//! moment later does not matter. No redirect, proxy, cookie or compression; TLS
//! only; the bytes, the time, and what goes on at once are bounded (`limits`).
//! What may be fetched at all is in `picard_oauth::outbound`; what becomes of
//! it is for `picard_app` to say, which gets a [`Fetcher`] as a parameter.

mod limits;
mod resolver;
mod tls;

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures::FutureExt as _;
use http::{HeaderMap, StatusCode, header};
use picard_app::{Fetch, FetchError, Fetched, Fetching, Wanted};
use picard_oauth::{cimd::freshness, outbound::OutboundUrl};
use reqwest::{Client, Response, redirect::Policy};
use tokio::time::{Instant, timeout, timeout_at};

use limits::Limits;
pub use resolver::{Resolver, Resolving, SystemResolver};
pub use tls::{Roots, TlsError};

/// How long one fetch may take in all, from the name look-up to the last byte; it
/// begins when its turn has come.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// How long a name look-up, and then a connection, may take. What takes longer
/// is not there; what takes longer after that is slow.
const STEP: Duration = Duration::from_secs(2);
/// How many addresses of a host are tried. Whoever owns the name chooses them, and
/// thousands would make this server knock at thousands of other people's doors.
const MOST_ADDRESSES: usize = 8;

/// What a fetcher is made of.
pub struct FetcherSettings {
    /// How names become addresses.
    pub resolver: Arc<dyn Resolver>,
    /// Which addresses may be connected to.
    pub permits: fn(IpAddr) -> bool,
    /// Whom to believe about names.
    pub roots: Roots,
}

/// Fetches documents for [`picard_app`].
pub struct Fetcher(Arc<Inner>);

struct Inner {
    settings: FetcherSettings,
    tls: rustls::ClientConfig,
    limits: Limits,
}

impl Fetcher {
    /// Makes the one for use: names by the system, public addresses only, the
    /// system's certificates.
    pub fn system() -> Result<Self, TlsError> {
        Self::new(FetcherSettings {
            resolver: Arc::new(SystemResolver),
            permits: picard_oauth::outbound::is_public,
            roots: Roots::System,
        })
    }

    /// Makes one with other parts, for tests.
    pub fn new(settings: FetcherSettings) -> Result<Self, TlsError> {
        let tls = tls::config(&settings.roots)?;
        Ok(Self(Arc::new(Inner {
            settings,
            tls,
            limits: Limits::default(),
        })))
    }
}

impl Fetch for Fetcher {
    fn fetch<'a>(&'a self, url: &'a OutboundUrl, most: usize, what: Wanted) -> Fetching<'a> {
        let inner = self.0.clone();
        let fetch = {
            let url = url.clone();
            async move { inner.fetch(&url, most, what).await }.boxed()
        };
        self.0.limits.join(url, most, what, fetch).boxed()
    }
}

impl Inner {
    async fn fetch(
        &self,
        url: &OutboundUrl,
        most: usize,
        what: Wanted,
    ) -> Result<Fetched, FetchError> {
        let _slot = self.limits.admit(url.host(), what).await?;
        let deadline = Instant::now() + DEADLINE;
        let slow = |_| FetchError::Slow;
        let response = timeout_at(deadline, self.head(url)).await.map_err(slow)??;
        check(&response)?;
        let fresh_for = freshness(
            all(response.headers(), header::CACHE_CONTROL.as_str()).as_deref(),
            all(response.headers(), header::AGE.as_str()).as_deref(),
        );
        let body = timeout_at(deadline, read(response, most));
        let body = body.await.map_err(slow)??;
        Ok(Fetched { body, fresh_for })
    }

    /// Resolves, checks, connects, and reads the head of the answer.
    async fn head(&self, url: &OutboundUrl) -> Result<Response, FetchError> {
        let resolving = self.settings.resolver.resolve(url.host(), url.port());
        let resolved = timeout(STEP, resolving).await.unwrap_or_else(|_| {
            let late = std::io::ErrorKind::TimedOut;
            Err(late.into())
        });
        let mut addresses = resolved.map_err(|error| {
            tracing::debug!(%url, %error, "a name was not resolved");
            FetchError::Unreachable
        })?;
        // All of them have to be good: which one is used is not up to us.
        let permits = self.settings.permits;
        if !addresses.iter().all(|address| permits(address.ip())) {
            return Err(FetchError::Address);
        }
        if addresses.is_empty() {
            return Err(FetchError::Unreachable);
        }
        addresses.truncate(MOST_ADDRESSES);
        let client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .resolve_to_addrs(url.host(), &addresses)
            .https_only(true)
            .connect_timeout(STEP)
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("Picard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unreachable(url, error))?;
        let response = client
            .get(url.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::ACCEPT_ENCODING, "identity")
            .send()
            .await
            .map_err(|error| unreachable(url, error))?;
        // It cannot be another one. If that ever changes, it is noticed here.
        let connected = response.remote_addr();
        if connected.is_some_and(|address| permits(address.ip())) {
            Ok(response)
        } else {
            Err(FetchError::Address)
        }
    }
}

fn unreachable(url: &OutboundUrl, error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    tracing::debug!(%url, error = &error as &dyn std::error::Error, "a fetch failed");
    FetchError::Unreachable
}

/// Checks the head: 200, JSON, not compressed.
fn check(response: &Response) -> Result<(), FetchError> {
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let header = |name| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap_or("").trim().to_ascii_lowercase())
    };
    let kind = header(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let json =
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    let plain = header(header::CONTENT_ENCODING).is_none_or(|coding| coding == "identity");
    if json && plain {
        Ok(())
    } else {
        Err(FetchError::NotJson)
    }
}

/// Reads the body, and stops at the first byte too many.
async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, FetchError> {
    let too_long = FetchError::TooLong(most);
    if response
        .content_length()
        .is_some_and(|length| length > most as u64)
    {
        return Err(too_long);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|_| FetchError::Unreachable)?
    {
        if body.len() + chunk.len() > most {
            return Err(too_long);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// All fields of a name, as one list.
fn all(headers: &HeaderMap, name: &str) -> Option<String> {
    let fields: Vec<_> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!fields.is_empty()).then(|| fields.join(","))
}
