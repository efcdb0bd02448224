//! Name, port, TLS: is there an answer at all?

use std::{error::Error as StdError, io, net::SocketAddr};

use rustls::CertificateError;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use url::Url;

use super::{
    Row,
    address::is_loopback,
    web::{Answer, REQUEST, Web, send},
};

pub(super) const WHAT: &str = "Connection";

const AT_HOME: &str = "Is Picard running, and does it listen on that port (PICARD_SERVER_LISTEN)?";

const FROM_INSIDE: &str = "Is the proxy running, and does the firewall let this port in? Some \
    routers do not lead back in from the inside: then test from elsewhere with `picard doctor \
    --connect`.";

const NO_TLS: (&str, &str) = (
    "TLS is not spoken at this port.",
    "Let the proxy serve TLS there, or correct the port in PICARD_PUBLIC_URL.",
);

/// Connects and asks `/health`.
pub(super) async fn check(web: &Web, url: &Url) -> Result<Answer, Row> {
    let found = resolve(url).await?;
    let direct = connect(&found).await;
    let health = format!("{}/health", url.as_str().trim_end_matches('/'));
    match send(web.get(&health)).await {
        Ok(answer) => Ok(answer),
        Err(error) => Err(failure(&error, url, direct)),
    }
}

async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, Row> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = timeout(REQUEST, lookup_host((bare, port))).await;
    let found: Vec<_> = match found {
        Ok(Ok(found)) => found.collect(),
        _ => Vec::new(),
    };
    if found.is_empty() {
        return Err(Row::wrong(
            WHAT,
            format!("The name {host} has no address."),
            "Make an entry for it in DNS, or correct PICARD_PUBLIC_URL. A new entry may take a \
             while to be seen everywhere.",
        ));
    }
    Ok(found)
}

/// Opens a connection to any of the addresses, to learn why one fails.
async fn connect(addresses: &[SocketAddr]) -> Result<(), Option<io::ErrorKind>> {
    let mut why = None;
    let any = async {
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(_) => return true,
                Err(error) => why = Some(error.kind()),
            }
        }
        false
    };
    match timeout(REQUEST, any).await {
        Ok(true) => Ok(()),
        _ => Err(why),
    }
}

fn failure(error: &reqwest::Error, url: &Url, direct: Result<(), Option<io::ErrorKind>>) -> Row {
    if let Some(tls) = tls_error(error) {
        return of_tls(tls);
    }
    // What does not speak TLS often just hangs up.
    if url.scheme() == "https" && direct.is_ok() && error.is_connect() && !error.is_timeout() {
        return Row::wrong("TLS", NO_TLS.0, NO_TLS.1);
    }
    let seen = match direct {
        Err(Some(io::ErrorKind::ConnectionRefused)) => {
            "The connection is refused: nothing listens there."
        }
        Err(Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable)) => {
            "There is no way to that address."
        }
        Err(_) => "No connection within 5 seconds.",
        Ok(()) if error.is_timeout() => {
            "A connection stands, but no answer comes within 5 seconds."
        }
        Ok(()) => "A connection stands, but it breaks off without an answer.",
    };
    let remedy = if is_loopback(url) {
        AT_HOME
    } else {
        FROM_INSIDE
    };
    Row::wrong(WHAT, seen, remedy)
}

/// Finds the TLS library's own error among the causes.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An I/O error is not the source of what it wraps; it has to be opened.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|error| error.downcast_ref::<rustls::Error>()) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn of_tls(error: &rustls::Error) -> Row {
    use rustls::Error::{InvalidCertificate, InvalidMessage};
    let (seen, remedy) = match error {
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            ("The certificate has expired.", "Renew it.")
        }
        InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => (
            "The certificate is for another name.",
            "Get one for the name in PICARD_PUBLIC_URL, or correct that name.",
        ),
        InvalidCertificate(CertificateError::UnknownIssuer) => (
            "The certificate is not signed by anybody whom this computer trusts.",
            "Get one from a public authority. With an authority of your own, install its \
             certificate here and on every client; Claude and ChatGPT will still refuse it.",
        ),
        InvalidMessage(_) => NO_TLS,
        other => {
            return Row::wrong(
                "TLS",
                format!("TLS fails: {other}."),
                "Look at the proxy's certificate and its log.",
            );
        }
    };
    Row::wrong("TLS", seen, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_words() {
        for (error, words) in [
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidForName, "for another name"),
            (CertificateError::UnknownIssuer, "not signed by anybody"),
            (CertificateError::Revoked, "TLS fails"),
        ] {
            let row = of_tls(&rustls::Error::InvalidCertificate(error));
            assert!(row.seen.contains(words), "{row:?}");
        }
    }
}
