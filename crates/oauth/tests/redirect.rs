//! Which redirect URIs can be registered, and how they are compared and shown.

use picard_oauth::redirect::{InvalidRedirectUri as Invalid, RedirectUri};
use proptest::prelude::*;

fn uri(text: &str) -> RedirectUri {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn what_real_clients_use_can_be_registered() {
    for (text, shown, loopback) in [
        (
            "https://claude.ai/api/mcp/auth_callback",
            "claude.ai",
            false,
        ),
        ("https://app.example:8443/cb?x=1", "app.example:8443", false),
        ("https://app.example", "app.example", false),
        ("http://127.0.0.1/", "127.0.0.1", true),
        ("http://127.0.0.1:33418/", "127.0.0.1:33418", true),
        ("http://localhost/callback", "localhost", true),
        ("http://[::1]:8000/cb", "[::1]:8000", true),
        (
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "cursor",
            false,
        ),
        ("com.example.app:/oauth", "com.example.app", false),
        ("vscode://x.y/z", "vscode", false),
    ] {
        let uri = uri(text);
        assert_eq!(
            (uri.as_str(), uri.host_shown(), uri.is_loopback()),
            (text, shown, loopback)
        );
        assert_eq!(uri.is_private_use(), !text.starts_with("http"), "{text}");
    }
}

#[test]
fn what_is_dangerous_or_ambiguous_cannot_be_registered() {
    let long = format!("https://app.example/{}", "a".repeat(2048));
    for (text, why) in [
        ("http://app.example/cb", Invalid::Insecure),
        ("http://192.168.0.1/cb", Invalid::Insecure),
        ("http://localhost.evil.example/cb", Invalid::Insecure),
        ("http://127.1/cb", Invalid::Insecure),
        ("http://0x7f000001/cb", Invalid::Insecure),
        ("http://LOCALHOST/cb", Invalid::Insecure),
        ("javascript:alert(1)", Invalid::Scheme("javascript".into())),
        ("JavaScript:alert(1)", Invalid::Scheme("javascript".into())),
        ("data:text/html,x", Invalid::Scheme("data".into())),
        ("file:///etc/passwd", Invalid::Scheme("file".into())),
        ("vbscript:x", Invalid::Scheme("vbscript".into())),
        ("intent://x/y", Invalid::Scheme("intent".into())),
        ("ms-msdt:/id", Invalid::Scheme("ms-msdt".into())),
        ("about:blank", Invalid::Scheme("about".into())),
        ("blob:https://app.example/x", Invalid::Scheme("blob".into())),
        ("https://app.example/cb#x", Invalid::Fragment),
        ("https://app.example/cb#", Invalid::Fragment),
        ("https://user@app.example/cb", Invalid::UserInfo),
        ("https://user:pw@app.example/cb", Invalid::UserInfo),
        ("https://@app.example/cb", Invalid::UserInfo),
        ("cursor://user@app/cb", Invalid::UserInfo),
        ("https://*.example/cb", Invalid::Wildcard),
        ("https://app.example/*", Invalid::Wildcard),
        (
            "https://app.example/cb?code=1",
            Invalid::Reserved("code".into()),
        ),
        (
            "https://app.example/cb?a=1&%73tate=1",
            Invalid::Reserved("state".into()),
        ),
        ("/cb", Invalid::NotAUri),
        ("//app.example/cb", Invalid::NotAUri),
        ("", Invalid::NotAUri),
        ("cursor:", Invalid::NotAUri),
        ("https://", Invalid::NotAUri),
        ("https:///cb", Invalid::NotAUri),
        ("https:app.example/cb", Invalid::NotAUri),
        ("https:/app.example/cb", Invalid::NotAUri),
        ("HTTPS://app.example/cb", Invalid::NotAUri),
        ("https:/evil.example/://evil.example", Invalid::NotAUri),
        ("https:evil.example://evil.example", Invalid::NotAUri),
        ("http:/localhost/://localhost/cb", Invalid::Insecure),
        ("https://app.example\\@evil.example/cb", Invalid::NotAUri),
        ("https://app.example/c b", Invalid::NotAUri),
        ("https://äpp.example/cb", Invalid::NotAUri),
        (" https://app.example/cb", Invalid::NotAUri),
        ("https://0x7f.1/cb", Invalid::NotAUri),
        ("https://ev%69l.example/cb", Invalid::NotAUri),
        (&long, Invalid::TooLong),
    ] {
        assert_eq!(text.parse::<RedirectUri>(), Err(why), "{text}");
    }
}

#[test]
fn comparison_is_of_texts_except_for_the_port_on_loopback() {
    for (registered, presented, admitted) in [
        ("https://app.example/cb", "https://app.example/cb", true),
        (
            "https://app.example/cb",
            "https://app.example:443/cb",
            false,
        ),
        ("https://app.example/cb", "https://app.example/cb?", false),
        ("http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true),
        ("http://127.0.0.1:9/cb", "http://127.0.0.1/cb", true),
        ("http://[::1]/cb", "http://[::1]:65535/cb", true),
        ("http://localhost/cb?a=1", "http://localhost:3/cb?a=1", true),
        (
            "http://localhost/cb?a=1",
            "http://localhost:3/cb?a=2",
            false,
        ),
        ("http://localhost/cb", "http://localhost:3/cb/", false),
        ("http://localhost/cb", "http://127.0.0.1/cb", false),
        ("https://localhost/cb", "https://localhost:3/cb", false),
        ("cursor://app:1/cb", "cursor://app:2/cb", false),
    ] {
        assert_eq!(
            uri(registered).admits(&uri(presented)),
            admitted,
            "{registered} {presented}"
        );
    }
}

#[test]
fn parameters_join_the_query_whatever_it_is() {
    for (text, joined) in [
        ("https://a.example/cb", "https://a.example/cb?k=v%20%26"),
        ("https://a.example/cb?", "https://a.example/cb?k=v%20%26"),
        (
            "https://a.example/cb?x=1",
            "https://a.example/cb?x=1&k=v%20%26",
        ),
        (
            "https://a.example/cb?x=1&",
            "https://a.example/cb?x=1&k=v%20%26",
        ),
        (
            "https://a.example/cb?x=1?",
            "https://a.example/cb?x=1?&k=v%20%26",
        ),
        ("https://a.example/cb&", "https://a.example/cb&?k=v%20%26"),
        ("https://a.example", "https://a.example?k=v%20%26"),
        ("app:/cb", "app:/cb?k=v%20%26"),
    ] {
        assert_eq!(uri(text).with([("k", "v &")]), joined);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}|(https?|app)://[ -~]{0,40}") {
        if let Ok(uri) = text.parse::<RedirectUri>() {
            prop_assert_eq!(uri.as_str(), &text);
            prop_assert!(uri.admits(&uri));
            prop_assert!(!uri.host_shown().is_empty());
        }
    }

    /// Whatever is accepted, a browser goes where the page said it would.
    #[test]
    fn the_host_shown_is_the_host_that_a_browser_goes_to(text in "https?://[ -~]{0,40}") {
        if let Ok(uri) = text.parse::<RedirectUri>() {
            let url = url::Url::parse(&uri.with([("code", "c")])).expect("a redirect is a URL");
            let host = url.host_str().expect("http has a host");
            let shown = uri.host_shown().to_ascii_lowercase();
            let (name, port) = shown.split_at(host.len().min(shown.len()));
            prop_assert_eq!(name, host);
            prop_assert!(port.is_empty() || port.starts_with(':'), "{}", shown);
            prop_assert!(!uri.is_loopback() || ["localhost", "127.0.0.1", "[::1]"].contains(&host));
        }
    }
}
