//! The properties, with made up texts: of any characters, and of parts that the
//! parsers look for.

use picard_properties::named;
use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};

/// Texts made of these parts, in any order, with any characters between.
fn of(parts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => select(parts).prop_map(|part| part.as_bytes().to_vec()),
        2 => "[ -~]{0,6}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

fn holds(property: &str, parts: &'static [&'static str]) {
    let property = named(property);
    let config = Config {
        cases: 2_000,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&of(parts), |bytes| {
            property(&bytes);
            Ok(())
        })
        .unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn redirect_uris_are_harmless_and_matched_exactly() {
    holds(
        "redirect",
        &[
            "http://",
            "https://",
            "cursor://",
            "app:/",
            "javascript:",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "app.example",
            ":",
            ":80",
            ":8080",
            "/",
            "/cb",
            "?",
            "a=1",
            "&",
            "code=1",
            "@",
            "#",
            "*",
            "\\",
            "%2e",
            "..",
            "\n",
            "http://localhost/cb\nhttp://localhost:1/cb",
        ],
    );
}

#[test]
fn a_header_holds_one_credential_and_a_challenge_stays_in_its_quotes() {
    holds(
        "authorization_header",
        &[
            "Bearer ",
            "bearer",
            "Basic ",
            "basic",
            "pat_abc",
            "=",
            "==",
            ",",
            "\"",
            "\\",
            " ",
            "\t",
            "NTUwZTg0MDAtZTI5Yi00MWQ0LWE3MTYtNDQ2NjU1NDQwMDAwOnM=",
            "Og==",
            "\u{e9}",
            "\r\n",
        ],
    );
}

#[test]
fn an_authorization_request_is_answered_where_it_was_registered() {
    holds(
        "authorization_query",
        &[
            "client_id=550e8400-e29b-41d4-a716-446655440000&redirect_uri=http://127.0.0.1:7/cb&",
            "response_type=code&code_challenge_method=S256&",
            "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&",
            "state=",
            "scope=memories:read",
            "scope=",
            "resource=https://picard.example/mcp",
            "resource=",
            "prompt=none",
            "request=",
            "request_uri=x",
            "%",
            "%26",
            "+",
            "&",
            "=",
            "redirect_uri=https://app.example/cb?tenant=1",
            "\u{e9}",
            "%ff",
        ],
    );
}

#[test]
fn a_callback_gives_a_code_only_for_its_state_and_issuer() {
    holds(
        "callback_query",
        &[
            "state=the+state",
            "state=",
            "iss=https://picard.example",
            "iss=",
            "code=c",
            "code=",
            "error=access_denied",
            "&",
            "&",
            "&",
            "%26",
            "%",
            "+",
            "=",
        ],
    );
}

#[test]
fn a_token_request_says_what_its_form_says() {
    holds(
        "token_form",
        &[
            "grant_type=refresh_token&",
            "grant_type=authorization_code&",
            "client_id=550e8400-e29b-41d4-a716-446655440000&",
            "client_secret=s",
            "code=c",
            "code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "redirect_uri=u",
            "refresh_token=r&",
            "token=t&",
            "scope=memories:read",
            "client_assertion=",
            "resource=https://picard.example/mcp",
            "&",
            "&",
            "=",
            "%26",
            "%ff",
            "+",
            "\u{e9}",
        ],
    );
}

#[test]
fn the_gate_and_rmcp_read_the_same_message() {
    holds(
        "mcp_message",
        &[
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fetch"}}"#,
            r#"{"jsonrpc":"2.0","#,
            r#""id":1,"#,
            r#""id":"a","#,
            r#""id":null,"#,
            r#""method":"ping""#,
            r#""method":"tools/call","#,
            r#""params":{"name":"#,
            r#""params":{"_meta":{"progressToken":1}}"#,
            r#""fetch","arguments":{"id":"#,
            r#""result":{},"#,
            r#""error":{"code":1,"message":""},"#,
            "}",
            "}",
            "}}",
            ",",
            "7",
            "1e2",
            "[",
            "]",
        ],
    );
}

#[test]
fn a_document_is_about_its_own_client_and_nothing_local_is_fetched() {
    holds(
        "cimd_document",
        &[
            "https://app.example/c\n",
            "https://app.example/c\n{\"client_id\":\"https://app.example/c\",\"redirect_uris\":[",
            "https://",
            "http://",
            "app.example",
            "127.0.0.1",
            "localhost",
            "0x7f.1",
            "/",
            "/c",
            "/..",
            "%2e",
            "?",
            "#",
            "@",
            ":8443",
            ":22",
            "\n",
            "\"https://app.example/cb\"",
            "\"http://localhost/cb\"",
            "\"javascript:x\"",
            "],",
            "]}",
            ",",
            "\"token_endpoint_auth_method\":\"private_key_jwt\"",
            "\"token_endpoint_auth_method\":\"client_secret_post\"",
            "\"token_endpoint_auth_methods_supported\":[\"none\"]",
            "\"client_secret\":\"s\"",
            "\"jwks_uri\":\"https://app.example/keys\"",
            "max-age=99999999999",
            "no-store",
            "|",
            "}",
        ],
    );
}

#[test]
fn a_query_is_taken_apart_into_what_it_was_put_together_of() {
    holds(
        "query_language",
        &[
            "tea",
            "earl grey",
            " ",
            "\n",
            "-",
            "\u{2212}",
            "(",
            "\"",
            "\"",
            "\u{201c}",
            "\u{201d}",
            "\u{201e}",
            "\u{ab}",
            "\u{bb}",
            "\u{300c}",
            "\u{300d}",
            "before:",
            "after:",
            "permission:",
            "2025-01-03",
            "2025-02-30",
            "T10:00:00+02:00",
            "public",
            "c++",
            "#tag",
            "\u{8336}",
            "e\u{301}",
            "\u{200b}",
        ],
    );
}
