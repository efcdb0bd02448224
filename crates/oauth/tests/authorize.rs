//! The authorization endpoint against the attack table: what gets a page, what
//! gets a redirect with an error, and what gets a code.

use picard_domain::{Scope, Scopes};
use picard_oauth::{
    ClientIdentifier, ErrorCode, Resources,
    authorize::{AuthorizationQuery, AuthorizationRequest, PageError, Policy, Prompt},
    redirect::RedirectUri,
};
use proptest::prelude::*;
use url::{Url, form_urlencoded};

const ISSUER: &str = "https://picard.example";
const CLIENT: &str = "6f1c2ad0-3b7e-4b6e-9f65-0d6a3c1c2b11";
const REDIRECT: &str = "https://app.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What becomes of a request.
#[derive(Debug, PartialEq)]
enum Outcome {
    Page(PageError),
    Redirect(ErrorCode, String),
    Good(AuthorizationRequest),
}

fn registered() -> Vec<RedirectUri> {
    [
        REDIRECT,
        "http://127.0.0.1/cb",
        "http://localhost:7777/cb",
        "cursor://app/cb",
    ]
    .map(|uri| uri.parse().expect("can be registered"))
    .to_vec()
}

/// Does what the endpoint does with the raw bytes of a query.
fn ask(raw: &str) -> Outcome {
    ask_registered(raw, &registered())
}

fn ask_registered(raw: &str, registered: &[RedirectUri]) -> Outcome {
    let resources = Resources::new("https://picard.example/mcp", []);
    let policy = Policy {
        resources: &resources,
        client_scopes: Scopes::read_write(),
        default_scopes: Scopes::read_write(),
    };
    let first = || {
        let query = AuthorizationQuery::parse(raw.as_bytes())?;
        if query.client_id()? != CLIENT.parse::<ClientIdentifier>().expect("a UUID") {
            return Err(PageError::UnknownClient);
        }
        query.redirectable(registered)
    };
    match first().map(|redirectable| redirectable.validate(&policy)) {
        Err(page) => Outcome::Page(page),
        Ok(Err(error)) => Outcome::Redirect(error.error.code, error.location(ISSUER)),
        Ok(Ok(request)) => Outcome::Good(request),
    }
}

fn good() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", "memories:read"),
        ("state", "s t&ä"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", "https://picard.example/mcp"),
    ]
}

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// A good query with one parameter changed; `None` leaves it out.
fn with(name: &str, value: Option<&str>) -> String {
    let mut pairs = good();
    pairs.retain(|(n, _)| *n != name);
    let encoded = encode(&pairs);
    match value {
        Some(value) => format!("{encoded}&{}", encode(&[(name, value)])),
        None => encoded,
    }
}

fn answer(location: &str) -> Vec<(String, String)> {
    let url = Url::parse(location).expect("a redirect is a URL");
    url.query_pairs().into_owned().collect()
}

/// Asserts that the error went to the client, with the state and the issuer once.
fn assert_redirected(outcome: Outcome, code: ErrorCode, case: &str) {
    let Outcome::Redirect(got, location) = outcome else {
        panic!("{case}: {outcome:?}")
    };
    assert_eq!(got, code, "{case}");
    assert!(
        location.starts_with(&format!("{REDIRECT}?error={code}&")),
        "{case}: {location}"
    );
    let answer = answer(&location);
    let all = |name: &str| -> Vec<_> {
        answer
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
            .collect()
    };
    assert_eq!(all("state"), ["s t&ä"], "{case}");
    assert_eq!(all("iss"), [ISSUER], "{case}");
    assert!(all("code").is_empty(), "{case}");
}

#[test]
fn a22_success_carries_code_state_and_issuer_each_once() {
    let Outcome::Good(request) = ask(&encode(&good())) else {
        panic!("a good request")
    };
    let location = request.granted("pac_code", ISSUER);
    assert_eq!(
        location,
        "https://app.example/cb?code=pac_code&state=s%20t%26%C3%A4&iss=https%3A%2F%2Fpicard.example"
    );
    assert_eq!(request.scopes, Scopes::NONE.with(Scope::Read));
    assert_eq!(request.resource, "https://picard.example/mcp");
    assert_eq!(request.prompt, Prompt::AsNeeded);
}

#[test]
fn a1_to_a9_what_is_not_registered_gets_a_page_and_no_redirect() {
    for (id, uri) in [
        ("A1", "https://evil.example/cb"),
        ("A1 host prefix", "https://app.example.evil.example/cb"),
        ("A1 other scheme", "http://app.example/cb"),
        ("A1 other port", "https://app.example:8443/cb"),
        ("A1 case of path", "https://app.example/CB"),
        ("A1 default port", "https://app.example:443/cb"),
        ("A1 trailing slash", "https://app.example/cb/"),
        ("A1 dot segments", "https://app.example/x/../cb"),
        ("A1 encoded", "https://app.example/%63b"),
        ("A3", "https://app.example/cb?x=1"),
        ("A3 empty query", "https://app.example/cb?"),
        ("A4", "http://127.0.0.1.evil.example/cb"),
        ("A4 localhost", "http://localhost.evil.example/cb"),
        ("A4 decimal", "http://2130706433/cb"),
        ("A4 short", "http://127.1/cb"),
        ("A4 all interfaces", "http://0.0.0.0/cb"),
        ("A5", "https://app.example@evil.example/cb"),
        ("A5 userinfo", "https://user@app.example/cb"),
        ("A5 loopback", "http://127.0.0.1:80@evil.example/cb"),
        ("A5 loopback userinfo", "http://x@127.0.0.1/cb"),
        ("A7", "javascript:alert(1)"),
        ("A7 data", "data:text/html,x"),
        ("A9", "https://app.example/cb#x"),
        ("A9 empty", "https://app.example/cb#"),
        ("backslash", "https://evil.example\\@app.example/cb"),
        ("loopback backslash", "http://127.0.0.1\\@evil.example/cb"),
        ("tab", "https://app.example/c\tb"),
        ("newline", "https://app.example/cb\r\nX: y"),
        ("NUL", "https://app.example/cb\0"),
        ("relative", "/cb"),
        ("no scheme", "//app.example/cb"),
        ("private scheme, other path", "cursor://app/other"),
        ("loopback, other path", "http://127.0.0.1:5000/other"),
        ("loopback, other name", "http://[::1]:5000/cb"),
        ("loopback over https", "https://127.0.0.1/cb"),
    ] {
        let outcome = ask(&with("redirect_uri", Some(uri)));
        assert_eq!(
            outcome,
            Outcome::Page(PageError::RedirectUriNotRegistered),
            "{id}: {uri}"
        );
    }
}

#[test]
fn a10_an_unknown_client_gets_a_page() {
    for (id, why) in [
        (
            Some("00000000-0000-0000-0000-000000000000"),
            PageError::UnknownClient,
        ),
        (Some("nobody"), PageError::UnknownClient),
        (
            Some("6f1c2ad03b7e4b6e9f650d6a3c1c2b11"),
            PageError::UnknownClient,
        ),
        (
            Some("{6f1c2ad0-3b7e-4b6e-9f65-0d6a3c1c2b11}"),
            PageError::UnknownClient,
        ),
        (Some(""), PageError::NoClient),
        (None, PageError::NoClient),
    ] {
        assert_eq!(ask(&with("client_id", id)), Outcome::Page(why), "{id:?}");
    }
}

#[test]
fn a11_on_loopback_any_port_will_do_and_the_answer_goes_to_it() {
    for uri in [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:49152/cb",
        "http://localhost/cb",
        "http://localhost:33418/cb",
    ] {
        let Outcome::Good(request) = ask(&with("redirect_uri", Some(uri))) else {
            panic!("{uri}")
        };
        assert!(
            request
                .granted("c", ISSUER)
                .starts_with(&format!("{uri}?code=c&")),
            "{uri}"
        );
    }
}

#[test]
fn a_missing_redirect_uri_is_the_only_registered_one_or_a_page() {
    let query = with("redirect_uri", None);
    assert_eq!(ask(&query), Outcome::Page(PageError::NoRedirectUri));
    assert_eq!(
        ask_registered(&query, &[]),
        Outcome::Page(PageError::NoRedirectUri)
    );
    let Outcome::Good(request) = ask_registered(&query, &registered()[..1]) else {
        panic!()
    };
    assert_eq!(request.redirect_uri.as_str(), REDIRECT);
}

#[test]
fn a12_to_a37_what_is_wrong_otherwise_goes_to_the_client() {
    use ErrorCode as E;
    let long = "a".repeat(44);
    for (id, name, value, code) in [
        ("A12", "code_challenge", None, E::InvalidRequest),
        ("A12 empty", "code_challenge", Some(""), E::InvalidRequest),
        (
            "A12 malformed",
            "code_challenge",
            Some("short"),
            E::InvalidRequest,
        ),
        (
            "A12 long",
            "code_challenge",
            Some(&*long),
            E::InvalidRequest,
        ),
        (
            "A13",
            "code_challenge_method",
            Some("plain"),
            E::InvalidRequest,
        ),
        (
            "A13 other",
            "code_challenge_method",
            Some("s256"),
            E::InvalidRequest,
        ),
        ("A14", "code_challenge_method", None, E::InvalidRequest),
        (
            "A16",
            "response_type",
            Some("token"),
            E::UnsupportedResponseType,
        ),
        (
            "A16 id_token",
            "response_type",
            Some("id_token"),
            E::UnsupportedResponseType,
        ),
        (
            "A16 hybrid",
            "response_type",
            Some("code token"),
            E::UnsupportedResponseType,
        ),
        ("A16 none", "response_type", None, E::InvalidRequest),
        (
            "A16 fragment",
            "response_mode",
            Some("fragment"),
            E::InvalidRequest,
        ),
        (
            "A16 form_post",
            "response_mode",
            Some("form_post"),
            E::InvalidRequest,
        ),
        ("A17", "scope", Some("memories:delete"), E::InvalidScope),
        (
            "A17 among good ones",
            "scope",
            Some("memories:read x"),
            E::InvalidScope,
        ),
        (
            "A17 more than registered",
            "scope",
            Some("memories:admin"),
            E::InvalidScope,
        ),
        (
            "T36 tab",
            "scope",
            Some("memories:read\tmemories:write"),
            E::InvalidScope,
        ),
        (
            "T36 non-ASCII",
            "scope",
            Some("memories:réad"),
            E::InvalidScope,
        ),
        (
            "A18",
            "resource",
            Some("https://evil.example/mcp"),
            E::InvalidTarget,
        ),
        (
            "A19 fragment",
            "resource",
            Some("https://picard.example/mcp#x"),
            E::InvalidTarget,
        ),
        ("A19 relative", "resource", Some("/mcp"), E::InvalidTarget),
        ("A32", "prompt", Some("none login"), E::InvalidRequest),
        ("A37", "request", Some("eyJ..."), E::RequestNotSupported),
        (
            "A37 by reference",
            "request_uri",
            Some("https://x/r"),
            E::RequestUriNotSupported,
        ),
    ] {
        assert_redirected(ask(&with(name, value)), code, id);
    }
}

#[test]
fn a18_of_several_resources_every_one_must_be_ours() {
    let twice = format!(
        "{}&resource=https%3A%2F%2Fpicard.example%2Fmcp",
        encode(&good())
    );
    assert!(matches!(ask(&twice), Outcome::Good(_)));
    let foreign = format!("{}&resource=https%3A%2F%2Fevil.example", encode(&good()));
    assert_redirected(ask(&foreign), ErrorCode::InvalidTarget, "A18");
    let Outcome::Good(request) = ask(&with("resource", None)) else {
        panic!("the default")
    };
    assert_eq!(request.resource, "https://picard.example/mcp");
}

#[test]
fn a21_a_repeated_parameter_never_gives_a_code() {
    for (name, value) in good() {
        let twice = format!("{}&{}", encode(&good()), encode(&[(name, value)]));
        match (name, ask(&twice)) {
            ("client_id" | "redirect_uri", Outcome::Page(PageError::Unreadable(_)))
            | ("resource", Outcome::Good(_)) => {}
            ("state", Outcome::Redirect(ErrorCode::InvalidRequest, location)) => {
                assert!(
                    answer(&location).iter().all(|(n, _)| n != "state"),
                    "{location}"
                );
            }
            (_, outcome) => assert_redirected(outcome, ErrorCode::InvalidRequest, name),
        }
    }
}

#[test]
fn a26_without_a_state_none_is_returned() {
    for state in [None, Some("")] {
        let Outcome::Good(request) = ask(&with("state", state)) else {
            panic!("{state:?}")
        };
        let location = request.granted("c", ISSUER);
        assert!(
            answer(&location).iter().all(|(name, _)| name != "state"),
            "{location}"
        );
    }
}

#[test]
fn a32_and_a36_a_later_refusal_goes_to_the_client_too() {
    let Outcome::Good(request) = ask(&with("prompt", Some("none"))) else {
        panic!()
    };
    assert_eq!(request.prompt, Prompt::None);
    for code in [
        ErrorCode::LoginRequired,
        ErrorCode::InteractionRequired,
        ErrorCode::AccessDenied,
    ] {
        let error = request.refused(code, "not now");
        let outcome = Outcome::Redirect(error.error.code, error.location(ISSUER));
        assert_redirected(outcome, code, "A32/A36");
    }
}

#[test]
fn prompts_are_read() {
    for (text, prompt) in [
        ("login", Prompt::Login),
        ("select_account", Prompt::Login),
        ("consent", Prompt::Consent),
        ("consent  login", Prompt::LoginAndConsent),
        ("create", Prompt::AsNeeded),
    ] {
        let Outcome::Good(request) = ask(&with("prompt", Some(text))) else {
            panic!("{text}")
        };
        assert_eq!(request.prompt, prompt, "{text}");
        assert_eq!(
            prompt.forces_login(),
            matches!(prompt, Prompt::Login | Prompt::LoginAndConsent)
        );
    }
}

#[test]
fn a38_a_state_of_8_kb_is_echoed_and_more_is_refused() {
    let state = "s".repeat(8 * 1024);
    let Outcome::Good(request) = ask(&with("state", Some(&state))) else {
        panic!("8 kB")
    };
    let location = request.granted("c", ISSUER);
    assert!(answer(&location).contains(&("state".to_owned(), state.clone())));

    let Outcome::Redirect(code, location) = ask(&with("state", Some(&(state + "s")))) else {
        panic!("over 8 kB")
    };
    assert_eq!(code, ErrorCode::InvalidRequest);
    assert!(location.len() < 1000, "nothing of it is echoed");

    let huge = with("state", Some(&"s".repeat(100_000)));
    assert!(matches!(
        ask(&huge),
        Outcome::Page(PageError::Unreadable(_))
    ));
    let many = format!("{}{}", encode(&good()), "&x=1".repeat(10_000));
    assert!(matches!(
        ask(&many),
        Outcome::Page(PageError::Unreadable(_))
    ));
}

#[test]
fn t36_scopes_are_normalised_and_default_to_what_the_client_may() {
    let scopes = |text: Option<&str>| match ask(&with("scope", text)) {
        Outcome::Good(request) => request.scopes.to_string(),
        outcome => panic!("{text:?}: {outcome:?}"),
    };
    assert_eq!(
        scopes(Some("memories:write  memories:read memories:read")),
        "memories:read memories:write"
    );
    assert_eq!(
        scopes(Some("offline_access memories:read")),
        "memories:read"
    );
    for default in [None, Some(""), Some("offline_access")] {
        assert_eq!(
            scopes(default),
            "memories:read memories:write",
            "{default:?}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_get_a_page() {
    let raw = with("state", None) + "&state=%ff";
    assert!(matches!(ask(&raw), Outcome::Page(PageError::Unreadable(_))));
}

#[test]
fn an_answer_is_added_to_the_query_that_was_registered() {
    let registered = ["https://app.example/cb?tenant=1".parse().expect("good")];
    let query = with("redirect_uri", Some("https://app.example/cb?tenant=1"));
    let Outcome::Good(request) = ask_registered(&query, &registered) else {
        panic!()
    };
    assert!(
        request
            .granted("c", ISSUER)
            .starts_with("https://app.example/cb?tenant=1&code=c&")
    );
}

proptest! {
    #[test]
    fn a22_every_state_comes_back_byte_for_byte(state in "\\PC{1,200}|[\\x00-\\x7f]{1,50}") {
        let Outcome::Good(request) = ask(&with("state", Some(&state))) else { panic!("{state}") };
        let location = request.granted("c", ISSUER);
        prop_assert!(location.is_ascii() && !location.contains(['\r', '\n', ' ', '+']));
        prop_assert!(answer(&location).contains(&("state".to_owned(), state)));
    }

    #[test]
    fn a_request_survives_the_consent_page(state in prop::option::of("\\PC{1,20}")) {
        let Outcome::Good(request) = ask(&with("state", state.as_deref())) else { panic!() };
        let kept = serde_json::to_string(&request).expect("plain data");
        prop_assert_eq!(serde_json::from_str::<AuthorizationRequest>(&kept).expect("ours"), request);
    }

    #[test]
    fn no_bytes_make_the_parser_panic_or_leave_the_registered_uris(raw in "\\PC{0,200}") {
        let raw = format!("client_id={CLIENT}&redirect_uri={REDIRECT}&{raw}");
        if let Outcome::Redirect(_, location) = ask(&raw) {
            prop_assert!(location.starts_with(REDIRECT));
        }
    }
}
