//! The address by itself: what clients will make of it.

use url::{Host, Url};

use super::Row;

const WHAT: &str = "Address";

/// Looks at the address; a URL comes back when it is worth to go on.
pub(super) fn check(text: &str) -> (Row, Option<Url>) {
    let wrong = |seen: String, remedy| (Row::wrong(WHAT, seen, remedy), None);
    let set = "Set PICARD_PUBLIC_URL to the address that clients use, such as \
               https://memory.example.org.";
    let Some(url) = Url::parse(text).ok().filter(Url::has_host) else {
        return wrong(format!("{text} is no address of the web."), set);
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong(format!("{text} is no address of the web."), set);
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return wrong(format!("{text} has a user, query or fragment."), set);
    }
    if text.ends_with('/') {
        let remedy = "Clients compare the address letter by letter. Set PICARD_PUBLIC_URL without \
                      the slash at its end.";
        return (
            Row::wrong(WHAT, format!("{text} ends in a slash."), remedy),
            Some(url),
        );
    }
    (judge(text, &url), Some(url))
}

fn judge(text: &str, url: &Url) -> Row {
    if is_loopback(url) {
        let seen = format!(
            "{text} is this computer. Programs on it can connect; Claude and ChatGPT cannot, since \
             they call from the internet."
        );
        return Row::good(WHAT, seen);
    }
    if url.scheme() == "http" {
        return Row::wrong(
            WHAT,
            format!("{text} is neither https nor this computer."),
            "Clients refuse it, and tokens would travel in the clear. Put a proxy with TLS in \
             front and set PICARD_PUBLIC_URL to its https address.",
        );
    }
    if url.path() != "/" {
        return Row::warning(
            WHAT,
            format!("{text} has a path."),
            "Clients look for the metadata at the root of the host, which the proxy then has to \
             pass on. A host of its own is simpler.",
        );
    }
    if is_private(url) {
        return Row::warning(
            WHAT,
            format!("{text} is inside a private network."),
            "Claude and ChatGPT call from the internet and cannot reach it.",
        );
    }
    if url.port().is_some() {
        return Row::warning(
            WHAT,
            format!("{text} is not on the usual port."),
            "Claude calls port 443 only. Let the proxy listen there.",
        );
    }
    Row::good(WHAT, format!("{text} is https."))
}

/// Tells whether an address is on the computer that uses it.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            !name.contains('.')
                || [".local", ".lan", ".internal", ".home.arpa"]
                    .iter()
                    .any(|end| name.ends_with(end))
        }
        Some(Host::Ipv4(address)) => address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::Verdict::{Good, Warning, Wrong};

    #[test]
    fn an_address_is_judged_by_who_can_use_it() {
        for (text, verdict, words) in [
            ("http://localhost:8001", Good, "this computer"),
            ("http://[::1]:8001", Good, "this computer"),
            ("https://memory.example.org", Good, "is https"),
            ("https://memory.example.org/", Wrong, "slash"),
            ("http://memory.example.org", Wrong, "neither https"),
            ("ftp://memory.example.org", Wrong, "no address"),
            ("memory.example.org", Wrong, "no address"),
            ("https://u@memory.example.org", Wrong, "user"),
            ("https://memory.example.org?x", Wrong, "query"),
            ("https://example.org/memory", Warning, "path"),
            ("https://192.168.1.5", Warning, "private"),
            ("https://nas.local", Warning, "private"),
            ("https://memory.example.org:8443", Warning, "port"),
        ] {
            let (row, _) = check(text);
            assert_eq!(row.verdict, verdict, "{text}: {row:?}");
            assert!(row.seen.contains(words), "{text}: {row:?}");
            assert_eq!(row.remedy.is_none(), verdict == Good, "{text}: {row:?}");
        }
    }
}
