//! Queries: of the authorization endpoint, whose errors must not be sent to a
//! stranger, and of the callback that a client reads.

use picard_domain::{Scope, Scopes};
use picard_oauth::{
    Resources,
    authorize::{AuthorizationQuery, AuthorizationRequest, Policy},
    callback::{self, Expected},
    redirect::RedirectUri,
};
use url::{Url, form_urlencoded};

const ISSUER: &str = "https://picard.example";
const RESOURCE: &str = "https://picard.example/mcp";

fn values(raw: &[u8], name: &str) -> Vec<String> {
    form_urlencoded::parse(raw)
        .filter(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// The bytes are the raw query.
pub(crate) fn authorization(raw: &[u8]) {
    let registered: Vec<RedirectUri> = ["https://app.example/cb?tenant=1", "http://127.0.0.1/cb"]
        .iter()
        .map(|uri| uri.parse().expect("a good redirect URI"))
        .collect();
    let Ok(query) = AuthorizationQuery::parse(raw) else {
        return;
    };
    let Ok(redirectable) = query.redirectable(&registered) else {
        return;
    };
    let to = redirectable.redirect_uri().clone();
    assert_eq!(values(raw, "redirect_uri"), [to.as_str()]);
    assert_eq!(values(raw, "client_id").len(), 1);
    let known = to == registered[0]
        || (to.as_str().starts_with("http://127.0.0.1") && to.as_str().ends_with("/cb"));
    assert!(known, "{to} was never registered");

    let resources = Resources::new(RESOURCE, []);
    let client_scopes = Scopes::read_write();
    let policy = Policy {
        resources: &resources,
        client_scopes,
        default_scopes: Scopes::NONE.with(Scope::Read),
    };
    match redirectable.validate(&policy) {
        Ok(request) => {
            good(raw, &request, client_scopes);
            answer(raw, &to, &request.granted("c", ISSUER), "code");
        }
        Err(error) => answer(raw, &to, &error.location(ISSUER), "error"),
    }
}

fn good(raw: &[u8], request: &AuthorizationRequest, allowed: Scopes) {
    assert!(allowed.covers(request.scopes) && !request.scopes.is_empty());
    assert_eq!(request.resource, RESOURCE);
    assert_eq!(values(raw, "response_type"), ["code"]);
    assert_eq!(values(raw, "code_challenge_method"), ["S256"]);
    assert_eq!(
        values(raw, "code_challenge"),
        [request.code_challenge.to_string()]
    );
    for never in ["request", "request_uri"] {
        let said = values(raw, never);
        assert!(said.iter().all(String::is_empty), "{never} was passed over");
    }
    let kept = serde_json::to_string(request).expect("plain data");
    let read: AuthorizationRequest = serde_json::from_str(&kept).expect("our own text");
    assert_eq!(&read, request, "the ticket holds another request");
}

/// The redirect goes to the registered place, with `what`, `iss` and the state, once each.
fn answer(raw: &[u8], to: &RedirectUri, location: &str, what: &str) {
    assert!(location.starts_with(to.as_str()), "{location}");
    assert!(location.bytes().all(|b| b.is_ascii_graphic()), "{location}");
    let url = Url::parse(location).expect("a redirect is a URL");
    let count = |name: &str| url.query_pairs().filter(|(n, _)| n == name).count();
    assert_eq!((count(what), count("iss")), (1, 1), "{location}");
    assert_eq!(count("code") + count("error"), 1, "{location}");
    let back: Vec<_> = url
        .query_pairs()
        .filter(|(name, _)| name == "state")
        .map(|(_, value)| value.into_owned())
        .collect();
    let sent = values(raw, "state");
    let one = sent.len() == 1 && !sent[0].is_empty();
    if back.is_empty() {
        assert!(
            !(one && what == "code"),
            "the state is gone from {location}"
        );
    } else {
        assert_eq!(back, sent, "the state changed");
    }
}

/// The bytes are the raw query of a callback.
pub(crate) fn callback(raw: &[u8]) {
    let Ok(query) = std::str::from_utf8(raw) else {
        return;
    };
    for iss_is_sent in [true, false] {
        let expected = Expected {
            state: "the state",
            issuer: ISSUER,
            iss_is_sent,
        };
        let Ok(code) = callback::code(query, &expected) else {
            continue;
        };
        assert_eq!(values(raw, "state"), ["the state"]);
        assert_eq!(values(raw, "code"), [code.expose()]);
        let iss: Vec<_> = values(raw, "iss");
        let named = iss == [ISSUER];
        assert!(
            named || (!iss_is_sent && iss.iter().all(String::is_empty)),
            "{iss:?}"
        );
    }
}
