//! How spans reach the collector: with the HTTP client and the TLS that are there.

use std::{net::IpAddr, time::Duration};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, ResponseBodyTooLarge};
use tokio::runtime::Handle;
use url::{Host, Url};

/// How long one attempt may take, as the specification has it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer says how many spans were refused and why; more is not wanted.
const ANSWER_BYTES: usize = 64 * 1024;

/// Sends on the runtime of the program: spans come from a thread without one.
#[derive(Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

impl Client {
    /// Opens a client for `address`, within a runtime.
    pub(super) fn new(address: &Url) -> anyhow::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("picard/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(picard_client::tls()?)
            .timeout(TIMEOUT)
            // A redirect would carry the headers to a place that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false);
        if is_loopback(address) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build()?,
            runtime: Handle::current(),
        })
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let sent = send(self.client.clone(), request);
        self.runtime.spawn(sent).await?
    }
}

async fn send(
    client: reqwest::Client,
    request: reqwest::Request,
) -> Result<Response<Bytes>, HttpError> {
    let answer = client.execute(request).await;
    let mut answer = answer.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(ResponseBodyTooLarge::new().into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.into());
    *response.status_mut() = answer.status();
    // With `Retry-After`.
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
