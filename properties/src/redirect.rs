//! Redirect URIs: a text that is accepted is harmless and leads where it says;
//! one that is admitted is the registered one, up to the port on loopback.

use picard_oauth::redirect::RedirectUri;
use url::Url;

/// The first line is registered, the second one presented.
pub(crate) fn matching(bytes: &[u8]) {
    let Some((registered, presented)) = crate::two_lines(bytes) else {
        return;
    };
    let registered = registered.parse().map(|uri| harmless(registered, uri));
    let presented = presented.parse().map(|uri| harmless(presented, uri));
    let (Ok(registered), Ok(presented)) = (registered, presented) else {
        return;
    };
    let admitted = registered.admits(&presented);
    assert_eq!(admitted, presented.admits(&registered), "one-sided");
    let same = registered.as_str() == presented.as_str();
    let on_loopback = registered.is_loopback() && presented.is_loopback();
    let but_for_the_port = on_loopback && portless(&registered) == portless(&presented);
    assert_eq!(
        admitted,
        same || but_for_the_port,
        "{registered} and {presented}"
    );
}

/// Checks one URI that was accepted, and returns it.
fn harmless(text: &str, uri: RedirectUri) -> RedirectUri {
    assert_eq!(uri.as_str(), text, "not kept byte for byte");
    let again: RedirectUri = uri.to_string().parse().expect("it was accepted before");
    assert_eq!(again, uri);
    assert!(uri.admits(&uri));
    assert!(text.len() <= RedirectUri::MAX_BYTES);
    assert!(
        text.bytes().all(|b| b.is_ascii_graphic()),
        "a blank or another alphabet"
    );

    let url = Url::parse(text).expect("what is accepted is a URL");
    assert!(
        url.fragment().is_none() && !text.contains('#'),
        "a fragment"
    );
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "userinfo"
    );
    let denied = [
        "javascript",
        "data",
        "file",
        "vbscript",
        "about",
        "blob",
        "filesystem",
    ];
    assert!(!denied.contains(&url.scheme()), "{}", url.scheme());
    assert!(
        text.starts_with(url.scheme()),
        "a scheme in another spelling"
    );
    let local = url
        .host_str()
        .is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host));
    assert_eq!(uri.is_loopback(), url.scheme() == "http" && local);
    if url.scheme() == "http" {
        assert!(local, "plain http to {:?}", url.host_str());
    }
    assert_eq!(uri.is_private_use(), !url.is_special(), "{text}");
    if url.is_special() {
        let start = format!("{}://", url.scheme());
        assert!(text.starts_with(&start), "a parser adds slashes to {text}");
        let host = url.host_str().expect("http and https have a host");
        let shown = uri.host_shown().to_ascii_lowercase();
        let port = shown.strip_prefix(host).expect("the host is the one shown");
        assert!(same_port(port, &url), "{shown} shown for {url}");
    } else {
        assert_eq!(uri.host_shown(), url.scheme());
    }
    answered(&uri, &url);
    uri
}

/// Tells whether the port as it is written (empty, or digits with any zeros
/// before them) is the one that a browser goes to.
fn same_port(written: &str, url: &Url) -> bool {
    match written.strip_prefix(':') {
        None => written.is_empty() && url.port().is_none(),
        Some("") => url.port().is_none(),
        Some(digits) => digits.parse().ok() == url.port_or_known_default(),
    }
}

/// Checks the address that an answer makes of it.
fn answered(uri: &RedirectUri, url: &Url) {
    let hostile = "a b&state=x#%0d\u{e9}";
    let location = uri.with([("code", "c"), ("state", hostile), ("iss", "https://h")]);
    assert!(location.bytes().all(|b| b.is_ascii_graphic()), "{location}");
    let answer = Url::parse(&location).expect("an answer is a URL");
    let place = |url: &Url| {
        let mut place = url.clone();
        place.set_query(None);
        place.to_string()
    };
    // A parser drops blanks at the end of an opaque path when the query goes;
    // there are none in what is accepted.
    assert_eq!(place(&answer), place(url), "the answer goes elsewhere");
    for (name, value) in [("code", "c"), ("state", hostile), ("iss", "https://h")] {
        let found: Vec<_> = answer
            .query_pairs()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value)
            .collect();
        assert_eq!(found, [value], "{name} in {location}");
    }
    let before: Vec<_> = url.query_pairs().collect();
    let after: Vec<_> = answer.query_pairs().take(before.len()).collect();
    assert_eq!(before, after, "the registered query changed");
}

/// The text without its port, cut out naively.
fn portless(uri: &RedirectUri) -> (String, String) {
    let rest = &uri.as_str()["http://".len()..];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let digits = authority.trim_end_matches(|c: char| c.is_ascii_digit());
    let host = match digits.strip_suffix(':') {
        Some(host) if host.ends_with(']') || !host.contains(':') => host,
        _ => authority,
    };
    (host.to_owned(), rest.to_owned())
}
