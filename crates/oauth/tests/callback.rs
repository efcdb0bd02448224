//! The client's half, against the server's.

use picard_domain::Scopes;
use picard_oauth::{
    Resources,
    authorize::{AuthorizationQuery, AuthorizationRequest, Policy},
    callback::{Asked, CallbackError, Expected, code},
    pkce::Verifier,
    redirect::RedirectUri,
};
use proptest::prelude::*;
use url::Url;

const ISSUER: &str = "https://picard.example";
const CLIENT: &str = "6f1c2ad0-3b7e-4b6e-9f65-0d6a3c1c2b11";
const EXPECTED: Expected<'_> = Expected {
    state: "s",
    issuer: ISSUER,
    iss_is_sent: true,
};

/// What the server makes of the URL that a client sends a person to.
fn served(state: &str) -> AuthorizationRequest {
    let verifier: Verifier = "v".repeat(43).parse().expect("a verifier");
    let asked = Asked {
        client_id: CLIENT,
        redirect_uri: "https://app.example/cb",
        scope: Some("memories:read memories:write"),
        state,
        code_challenge: verifier.challenge(),
        resource: "https://picard.example/mcp",
    };
    let url = asked.url(Url::parse("https://picard.example/oauth/authorize").expect("a URL"));
    let resources = Resources::new("https://picard.example/mcp", []);
    let policy = Policy {
        resources: &resources,
        client_scopes: Scopes::read_write(),
        default_scopes: Scopes::NONE,
    };
    let registered: RedirectUri = "https://app.example/cb".parse().expect("good");
    let query = AuthorizationQuery::parse(url.query().expect("there is one").as_bytes());
    let redirectable = query.and_then(|query| query.redirectable(&[registered]));
    redirectable
        .expect("a known client")
        .validate(&policy)
        .expect("a good request")
}

fn query(location: &str) -> &str {
    location.split_once('?').expect("an answer has a query").1
}

proptest! {
    #[test]
    fn server_and_client_understand_each_other(state in "\\PC{1,100}") {
        let request = served(&state);
        let location = request.granted("pac_x", ISSUER);
        let expected = Expected { state: &state, ..EXPECTED };
        let code_sent = code(query(&location), &expected).expect("ours");
        prop_assert_eq!(code_sent.expose(), "pac_x");
        let refused = request.refused(picard_oauth::ErrorCode::AccessDenied, "the person said no");
        let location = refused.location(ISSUER);
        prop_assert_eq!(code(query(&location), &expected), Err(CallbackError::Refused {
            error: "access_denied".into(), description: Some("the person said no".into()),
        }));
    }

    #[test]
    fn no_query_makes_the_client_panic(query: String) {
        prop_assert!(code(&query, &EXPECTED).is_err());
    }
}

#[test]
fn an_answer_is_followed_only_when_state_and_issuer_match() {
    let iss = "iss=https%3A%2F%2Fpicard.example";
    for (query, why) in [
        (format!("code=c&{iss}"), CallbackError::State),
        (format!("code=c&state=S&{iss}"), CallbackError::State),
        (
            format!("error=access_denied&state=x&{iss}"),
            CallbackError::State,
        ),
        ("code=c&state=s".into(), CallbackError::Issuer),
        (
            "code=c&state=s&iss=https%3A%2F%2Fpicard.example%2F".into(),
            CallbackError::Issuer,
        ),
        (
            "error=access_denied&state=s&iss=x".into(),
            CallbackError::Issuer,
        ),
        (format!("state=s&{iss}"), CallbackError::Incomplete),
        (
            format!("code=c&code=d&state=s&{iss}"),
            CallbackError::Unreadable,
        ),
        (
            format!("code=c&state=s&state=s&{iss}"),
            CallbackError::Unreadable,
        ),
    ] {
        assert_eq!(code(&query, &EXPECTED), Err(why), "{query}");
    }
}

#[test]
fn a_server_that_does_not_send_its_name_may_leave_it_out_but_not_lie() {
    let expected = Expected {
        iss_is_sent: false,
        ..EXPECTED
    };
    assert!(code("code=c&state=s", &expected).is_ok());
    assert_eq!(
        code("code=c&state=s&iss=x", &expected),
        Err(CallbackError::Issuer)
    );
}
