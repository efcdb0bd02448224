//! `/mcp` itself: is a client without a token sent to the log-in, and does the
//! token arrive that it has afterwards?

use http::{HeaderName, StatusCode, header};
use picard_oauth::challenge::BearerChallenge;
use reqwest::RequestBuilder;
use serde_json::json;
use url::Url;

use super::{
    Row, Target,
    metadata::addresses,
    web::{Answer, Odd, Web, ask, quoted},
};

const ASKS: &str = "Log-in is asked for";
const TOKENS: &str = "Tokens arrive";
const BROWSERS: &str = "Clients in browsers";

/// Well formed, and no token of ours.
const NO_TOKEN: &str = "picard-connection-test";

const STRIPPED: &str = "The proxy must pass the header Authorization on to Picard, and answer 401 \
    as Picard does. In Apache: CGIPassAuth On; in nginx: no proxy_set_header Authorization \"\".";

/// Calls without a token: 401, and where to go (RFC 9728 section 5.1).
pub(super) async fn without_token(web: &Web, target: &Target, url: &Url) -> Row {
    let answer = match ask(initialize(web, target)).await {
        Ok(answer) => answer,
        Err(odd) => return odd.wrong(ASKS),
    };
    if answer.status != StatusCode::UNAUTHORIZED {
        return refused(&answer).wrong(ASKS);
    }
    let Some(challenge) = bearer(&answer) else {
        if answer.headers.contains_key(header::WWW_AUTHENTICATE) {
            return answer.odd().wrong(ASKS);
        }
        return Row::wrong(
            ASKS,
            "The answer is 401, but the header WWW-Authenticate is missing.",
            "Clients find the log-in by it. The proxy must pass it on to them.",
        );
    };
    let (expected, _) = addresses(url);
    match challenge.resource_metadata {
        Some(at) if at == expected => Row::good(ASKS, "Clients without a token are sent there."),
        Some(at) => Row::wrong(
            ASKS,
            format!("Clients are sent to {}, not {expected}.", quoted(&at)),
            "The server that answers has another PICARD_PUBLIC_URL, or the proxy rewrites headers.",
        ),
        None => Row::wrong(
            ASKS,
            "The answer is 401, but it does not say where to log in.",
            "The proxy rewrites the header WWW-Authenticate. It must pass it on as it is.",
        ),
    }
}

/// Calls with a token that cannot be right: Picard says so only if it saw it.
pub(super) async fn with_token(web: &Web, target: &Target) -> Row {
    let request = initialize(web, target).bearer_auth(NO_TOKEN);
    let answer = match ask(request).await {
        Ok(answer) => answer,
        Err(odd) => return odd.wrong(TOKENS),
    };
    if answer.status != StatusCode::UNAUTHORIZED {
        return refused(&answer).wrong(TOKENS);
    }
    let error = bearer(&answer).and_then(|challenge| challenge.error);
    match error.as_deref() {
        Some("invalid_token") => Row::good(TOKENS, "A wrong one is seen and refused."),
        Some(other) => Row::wrong(
            TOKENS,
            format!("A wrong one is answered with {}.", quoted(other)),
            STRIPPED,
        ),
        None => Row::wrong(
            TOKENS,
            "A wrong one is not seen: the header is lost.",
            STRIPPED,
        ),
    }
}

/// Asks as a browser does before it lets a page call (Fetch, section 4.8): as a
/// page of Picard's own, since which others may call is the operator's choice.
pub(super) async fn from_browsers(web: &Web, target: &Target, url: &Url) -> Row {
    let own = url.origin().ascii_serialization();
    let request = web
        .options(&mcp(target))
        .header(header::ORIGIN, &own)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            "authorization,content-type,mcp-protocol-version",
        );
    let answer = match ask(request).await {
        Ok(answer) => answer,
        Err(odd) => return odd.warning(BROWSERS),
    };
    let remedy = "Only clients that run in a browser need this. The proxy must pass OPTIONS on to \
                  Picard, and its headers back.";
    if !answer.status.is_success() {
        let seen = format!("The preflight is answered with {}.", answer.status.as_u16());
        return Row::warning(BROWSERS, seen, remedy);
    }
    let origin = answer.header(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    if !origin.is_some_and(|origin| origin == "*" || origin == own) {
        return Row::warning(
            BROWSERS,
            "The preflight does not let other sites in.",
            remedy,
        );
    }
    let allowed = listed(&answer, header::ACCESS_CONTROL_ALLOW_HEADERS);
    if !allowed.iter().any(|name| name == "authorization") {
        return Row::warning(
            BROWSERS,
            "The preflight does not let a token through.",
            remedy,
        );
    }
    Row::good(BROWSERS, "They may call.")
}

fn mcp(target: &Target) -> String {
    format!("{}/mcp", target.public_url.trim_end_matches('/'))
}

fn initialize(web: &Web, target: &Target) -> RequestBuilder {
    let message = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "picard-test", "version": env!("CARGO_PKG_VERSION")},
        },
    });
    web.post(&mcp(target))
        .header(header::ACCEPT, "application/json, text/event-stream")
        .json(&message)
}

/// What an answer means that is not 401.
fn refused(answer: &Answer) -> Odd {
    let is_html = answer
        .header(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.starts_with("text/html"));
    match answer.status {
        StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST if !is_html => Odd {
            seen: format!("The request is refused ({}).", answer.status.as_u16()),
            remedy: "Picard takes requests for the host in PICARD_PUBLIC_URL. Let the proxy pass \
                     the header Host on as it came (in nginx: proxy_set_header Host $host), or \
                     allow the name that it sends with PICARD_ALLOWED_HOSTS.",
        },
        StatusCode::NOT_FOUND if !is_html => Odd {
            seen: "There is no /mcp at this address.".to_owned(),
            remedy: "The proxy passes only some paths on, or changes them. Pass everything on to \
                     Picard.",
        },
        _ => answer.odd(),
    }
}

/// The challenge of the scheme `Bearer`, if there is one.
fn bearer(answer: &Answer) -> Option<BearerChallenge> {
    let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE).iter();
    BearerChallenge::find(challenges.filter_map(|value| value.to_str().ok()))
}

fn listed(answer: &Answer, name: HeaderName) -> Vec<String> {
    let values = answer.headers.get_all(name).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}
