//! Documents about clients, and what the server may fetch of the Internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use picard_domain::Span;
use picard_oauth::{
    cimd::{ClientDocument, DocumentUrl, KeySource, freshness},
    outbound::{OutboundUrl, is_public},
    redirect::RedirectUri,
};
use serde_json::Value;
use url::{Host, Url};

/// The first line is the URL, all after it the document.
pub(crate) fn document(bytes: &[u8]) {
    let end = bytes.iter().position(|b| *b == b'\n');
    let (line, json) = bytes.split_at(end.unwrap_or(bytes.len()));
    let json = json.strip_prefix(b"\n").unwrap_or(json);
    let Ok(line) = std::str::from_utf8(line) else {
        return;
    };
    held(line);
    address(bytes);
    let outbound: Result<OutboundUrl, _> = line.parse();
    if let Ok(url) = &outbound {
        fetchable(line, url);
    }
    let Ok(url) = line.parse::<DocumentUrl>() else {
        return;
    };
    assert!(outbound.is_ok(), "a client that may not be fetched");
    assert!(DocumentUrl::is_meant(line));
    let path = Url::parse(line).expect("it is a URL").path().to_owned();
    assert!(path.len() > 1 && !line.contains(['?', '#']), "{line}");
    let dots = ["/./", "/../", "/%2e/", "/%2e%2e/", "/.%2e/", "/%2e./"];
    let path = format!("{}/", path.to_ascii_lowercase());
    assert!(!dots.iter().any(|dots| path.contains(dots)), "{line}");
    if let Ok(document) = ClientDocument::parse(&url, json) {
        good(&url, json, &document);
    }
}

fn good(url: &DocumentUrl, json: &[u8], document: &ClientDocument) {
    assert!(json.len() <= ClientDocument::MAX_BYTES);
    // What is in the members that nobody reads is passed over, be it as broken as
    // half a surrogate; the other reader stumbles over it.
    let Ok(said) = serde_json::from_slice::<Value>(json) else {
        return;
    };
    assert_eq!(
        said["client_id"],
        url.as_str(),
        "it is about another client"
    );
    for secret in ["client_secret", "client_secret_expires_at"] {
        assert!(said[secret].is_null(), "{secret}");
    }
    let method = said["token_endpoint_auth_method"].as_str();
    assert!(!method.is_some_and(|method| method.starts_with("client_secret")));
    let listed = said["redirect_uris"].as_array().expect("a list");
    assert!(!document.redirect_uris.is_empty());
    for uri in &document.redirect_uris {
        assert!(listed.iter().any(|listed| listed == uri.as_str()), "{uri}");
        let again: RedirectUri = uri.to_string().parse().expect("it was accepted");
        assert!(uri.admits(&again));
    }
    if document.auth.allows_assertion() {
        assert_ne!(document.keys, KeySource::None, "nothing to check it by");
    }
    assert!(document.auth.allows_none() || document.auth.allows_assertion());
    let kept = document.auth.to_string().parse();
    assert_eq!(kept, Ok(document.auth), "stored as another method");
    if let KeySource::At(uri) = &document.keys {
        fetchable(uri.as_str(), uri);
    }
    assert!(!document.scopes.is_empty());
}

/// A URL that may be fetched is what every reader takes it for: https, a name of
/// the public DNS, nothing in front of it.
fn fetchable(text: &str, url: &OutboundUrl) {
    let parsed = Url::parse(text).expect("what is accepted is a URL");
    assert_eq!((parsed.as_str(), url.as_str()), (text, text));
    assert_eq!(parsed.scheme(), "https");
    let Some(Host::Domain(name)) = parsed.host() else {
        panic!("{text} has an address for a host");
    };
    assert_eq!(name, url.host());
    assert!(name.contains('.') && !name.ends_with('.'), "{name}");
    let last = name.rsplit('.').next().unwrap_or_default();
    assert!(
        !["localhost", "local", "internal"].contains(&last),
        "{name}"
    );
    assert!(name.parse::<IpAddr>().is_err());
    assert!(parsed.username().is_empty() && parsed.password().is_none());
    assert_eq!(parsed.port_or_known_default(), Some(url.port()));
    assert!(parsed.fragment().is_none());
}

/// The line as `Cache-Control` and `Age`: no word of a host makes a copy of its
/// document live longer than a day, or not at all.
fn held(line: &str) {
    let (control, age) = line.split_once('|').unwrap_or((line, ""));
    let fresh = freshness(Some(control), Some(age));
    assert!(fresh >= Span::minutes(1) && fresh <= Span::hours(24));
}

/// The first bytes as addresses: what the standard library knows to be special
/// is never public, however it is wrapped into IPv6.
fn address(bytes: &[u8]) {
    let Some(four) = bytes.first_chunk::<4>() else {
        return;
    };
    let v4 = Ipv4Addr::from(*four);
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_unspecified()
        || v4.is_multicast();
    assert!(!(special && is_public(v4.into())), "{v4}");
    assert!(!is_public(v4.to_ipv6_mapped().into()), "{v4}, mapped");
    assert!(
        !is_public(v4.to_ipv6_compatible().into()),
        "{v4}, compatible"
    );
    let Some(sixteen) = bytes.first_chunk::<16>() else {
        return;
    };
    let v6 = Ipv6Addr::from(*sixteen);
    let special = v6.is_loopback()
        || v6.is_unspecified()
        || v6.is_multicast()
        || v6.is_unique_local()
        || v6.is_unicast_link_local()
        || v6.to_ipv4().is_some();
    assert!(!(special && is_public(v6.into())), "{v6}");
}
