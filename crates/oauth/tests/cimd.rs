//! Client ID Metadata Documents: which URLs name a client, which documents are
//! good, how long they hold.

use picard_domain::{Scope, Scopes, Span};
use picard_oauth::{
    cimd::{
        ClientDocument, DocumentAuth, DocumentUrl, InvalidDocument as Invalid,
        InvalidDocumentUrl as InvalidUrl, KeySource, freshness,
    },
    outbound::InvalidOutboundUrl as Outbound,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const URL: &str = "https://app.example/client.json";

fn url(text: &str) -> DocumentUrl {
    text.parse().unwrap_or_else(|why| panic!("{text} {why}"))
}

fn read(document: &Value) -> Result<ClientDocument, Invalid> {
    ClientDocument::parse(&url(URL), document.to_string().as_bytes())
}

/// A minimal good document, changed: `null` takes a member out.
fn with(changes: Value) -> Value {
    let mut document = json!({
        "client_id": URL,
        "client_name": "Tricorder",
        "redirect_uris": ["https://app.example/callback"],
    });
    let members = document.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    document
}

fn document_of(id: &str, json: &str) -> ClientDocument {
    ClientDocument::parse(&url(id), json.as_bytes()).expect("a good document")
}

#[test]
fn r11_to_r18_only_a_document_s_url_on_a_public_host_names_a_client() {
    for (id, text, why) in [
        ("R11", "https://127.0.0.1/c", Outbound::Address.into()),
        ("R12", "https://169.254.169.254/c", Outbound::Address.into()),
        (
            "R13",
            "https://[::ffff:10.0.0.1]/c",
            Outbound::Address.into(),
        ),
        ("R14", "http://app.example/c", Outbound::NotHttps.into()),
        ("R15", "https://app.example", InvalidUrl::NoPath),
        ("R15b", "https://app.example/", InvalidUrl::NoPath),
        ("R16", "https://u@app.example/c", Outbound::UserInfo.into()),
        ("R17", "https://app.example/a/../c", InvalidUrl::DotSegment),
        ("R17b", "https://app.example/./c", InvalidUrl::DotSegment),
        (
            "R17c",
            "https://app.example/%2e%2E/c",
            InvalidUrl::DotSegment,
        ),
        ("R17d", "https://app.example/a/.%2e", InvalidUrl::DotSegment),
        (
            "R17e",
            "https://app.example/a%2f..%2fc",
            InvalidUrl::DotSegment,
        ),
        (
            "R17f",
            "https://app.example/a%5c..%5cc",
            InvalidUrl::DotSegment,
        ),
        ("R18", "https://localhost/c", Outbound::LocalHost.into()),
        ("R18b", "https://app.example/c#x", Outbound::Fragment.into()),
        ("R18c", "https://app.example/c?x=1", InvalidUrl::Query),
        ("R18d", "https://app.example:25/c", Outbound::Port.into()),
    ] {
        assert_eq!(text.parse::<DocumentUrl>(), Err(why), "{id} {text}");
    }
    let port = url("https://app.example:8443/c");
    assert_eq!(port.host(), "app.example:8443");
    assert_eq!(url("https://app.example/a/...%2fc").host(), "app.example");
}

proptest! {
    #[test]
    fn no_url_that_is_accepted_has_a_dot_segment(path in "(/|\\.|%2e|%2E|%2f|%5c|a|%252e){1,12}") {
        let text = format!("https://app.example/{path}");
        if let Ok(url) = text.parse::<DocumentUrl>() {
            let decoded = percent_encoding::percent_decode_str(url.as_str()).decode_utf8_lossy();
            let dots = decoded.split(['/', '\\']).any(|segment| segment == "." || segment == "..");
            prop_assert!(!dots, "{}", text);
            prop_assert_eq!(url.as_str(), text);
        }
    }

    #[test]
    fn no_bytes_and_no_values_make_the_reader_panic(bytes: Vec<u8>, name: String, uri: String) {
        let _ = ClientDocument::parse(&url(URL), &bytes);
        let document = with(json!({"client_name": name, "redirect_uris": [uri], "scope": name}));
        if let Ok(read) = read(&document) {
            prop_assert_eq!(read.redirect_uris.len(), 1);
        }
    }
}

#[test]
fn trap_5_claude_s_document_is_good() {
    let id = "https://claude.ai/oauth/mcp-oauth-client-metadata";
    let claude = document_of(id, include_str!("documents/claude.json"));
    assert_eq!(claude.name.as_str(), "Claude");
    assert_eq!(claude.auth, DocumentAuth::None);
    assert_eq!(claude.redirect_uris.len(), 2);
    assert_eq!(claude.scopes, Scopes::read_write());
}

#[test]
fn trap_4_chatgpt_may_sign_and_may_do_without() {
    let id = "https://chatgpt.com/oauth/client.json";
    let json = include_str!("documents/chatgpt.json");
    let document = document_of(id, json);
    assert_eq!(document.auth, DocumentAuth::Either);
    let KeySource::At(keys) = document.keys else {
        panic!("ChatGPT has a jwks_uri");
    };
    assert_eq!(keys.as_str(), "https://chatgpt.com/oauth/jwks.json");

    // Some of its documents name nothing but private_key_jwt: then it has to be used.
    let mut only: Value = serde_json::from_str(json).expect("JSON");
    only.as_object_mut()
        .expect("an object")
        .remove("token_endpoint_auth_methods_supported");
    let document = document_of(id, &only.to_string());
    assert_eq!(document.auth, DocumentAuth::PrivateKeyJwt);
}

#[test]
fn trap_6_redirects_without_a_port_admit_every_port() {
    for (id, json, asked) in [
        (
            "https://claude.ai/oauth/claude-code-client-metadata",
            include_str!("documents/claude-code.json"),
            [
                "http://localhost:54212/callback",
                "http://127.0.0.1:1024/callback",
            ],
        ),
        (
            "https://vscode.dev/oauth/client-metadata.json",
            include_str!("documents/vscode.json"),
            ["http://127.0.0.1:51234/", "https://vscode.dev/redirect"],
        ),
    ] {
        let document = document_of(id, json);
        for uri in asked {
            let uri = uri.parse().expect("a redirect URI");
            let admitted = document.redirect_uris.iter().any(|one| one.admits(&uri));
            assert!(admitted, "{id} {uri}");
        }
        let evil = "http://localhost.evil.example/callback";
        assert!(evil.parse::<picard_oauth::redirect::RedirectUri>().is_err());
    }
}

#[test]
fn the_methods_in_common_are_what_the_client_may_use() {
    let keys = json!({"keys": []});
    for (named, others, keys, expected) in [
        (json!(null), json!(null), json!(null), Ok("none")),
        (
            json!(null),
            json!(null),
            keys.clone(),
            Ok("none private_key_jwt"),
        ),
        (json!("none"), json!(null), keys.clone(), Ok("none")),
        (
            json!("private_key_jwt"),
            json!(null),
            keys.clone(),
            Ok("private_key_jwt"),
        ),
        (
            json!("private_key_jwt"),
            json!(["none"]),
            keys.clone(),
            Ok("none private_key_jwt"),
        ),
        (
            json!("private_key_jwt"),
            json!(["none"]),
            json!(null),
            Ok("none"),
        ),
        (
            json!(null),
            json!(["none", "client_secret_post"]),
            json!(null),
            Ok("none"),
        ),
        (
            json!(null),
            json!(["private_key_jwt", "x"]),
            keys.clone(),
            Ok("private_key_jwt"),
        ),
        (
            json!("tls_client_auth"),
            json!(["none"]),
            json!(null),
            Ok("none"),
        ),
        (
            json!("private_key_jwt"),
            json!(null),
            json!(null),
            Err(Invalid::NoKeys),
        ),
        (
            json!("tls_client_auth"),
            json!(null),
            keys.clone(),
            Err(Invalid::NoCommonMethod),
        ),
        (
            json!(null),
            json!([]),
            keys.clone(),
            Err(Invalid::NoCommonMethod),
        ),
        (
            json!(null),
            json!(["client_secret_basic"]),
            json!(null),
            Err(Invalid::NoCommonMethod),
        ),
    ] {
        let document = with(json!({
            "token_endpoint_auth_method": named,
            "token_endpoint_auth_methods_supported": others,
            "jwks": keys,
        }));
        let got = read(&document).map(|document| document.auth.to_string());
        assert_eq!(got, expected.map(str::to_owned), "{document}");
    }
    for auth in [
        DocumentAuth::None,
        DocumentAuth::PrivateKeyJwt,
        DocumentAuth::Either,
    ] {
        assert_eq!(auth.to_string().parse(), Ok(auth), "the stored form");
    }
}

#[test]
fn what_a_document_says_cannot_forge_a_line_of_the_log() {
    for member in ["token_endpoint_auth_method", "redirect_uris", "scope"] {
        let document = with(json!({member: "client_secret\n\u{1b}[31mERROR all is lost"}));
        if let Err(why) = read(&document) {
            let why = why.to_string();
            assert!(!why.contains(char::is_control), "{member}: {why:?}");
        }
    }
}

#[test]
fn r21_a_document_with_a_secret_or_a_shared_one_is_refused() {
    for method in [
        "client_secret_post",
        "client_secret_basic",
        "client_secret_jwt",
    ] {
        let document = with(json!({"token_endpoint_auth_method": method}));
        assert_eq!(read(&document), Err(Invalid::SharedSecret(method.into())));
    }
    for member in ["client_secret", "client_secret_expires_at"] {
        assert_eq!(read(&with(json!({member: "x"}))), Err(Invalid::Secret));
    }
}

#[test]
fn a_document_is_about_the_client_of_its_url_and_of_our_flow() {
    let two: Vec<_> = (0..33).map(|n| format!("https://a.example/{n}")).collect();
    for (changes, why) in [
        (
            json!({"client_id": "https://app.example/other.json"}),
            Invalid::AnotherClient,
        ),
        (
            json!({"client_id": "https://APP.example/client.json"}),
            Invalid::AnotherClient,
        ),
        (
            json!({"client_id": "https://app.example/client.json/"}),
            Invalid::AnotherClient,
        ),
        (json!({"redirect_uris": []}), Invalid::RedirectUris),
        (json!({"redirect_uris": two}), Invalid::RedirectUris),
        (
            json!({"grant_types": ["client_credentials"]}),
            Invalid::OtherFlow,
        ),
        (json!({"response_types": ["token"]}), Invalid::OtherFlow),
        (
            json!({"jwks": {"keys": []}, "jwks_uri": "https://app.example/jwks"}),
            Invalid::TwoKeySources,
        ),
        (
            json!({"jwks_uri": "http://app.example/jwks"}),
            Invalid::KeysUri(Outbound::NotHttps),
        ),
        (
            json!({"jwks_uri": "https://10.0.0.1/jwks"}),
            Invalid::KeysUri(Outbound::Address),
        ),
        (
            json!({"client_name": "x".repeat(5 * 1024)}),
            Invalid::TooLong,
        ),
    ] {
        assert_eq!(read(&with(changes.clone())), Err(why), "{changes}");
    }
    for changes in [
        json!({"client_id": null}),
        json!({"client_id": 1}),
        json!({"redirect_uris": null}),
        json!({"redirect_uris": "https://app.example/callback"}),
        json!({"redirect_uris": [1]}),
        json!({"token_endpoint_auth_methods_supported": "none"}),
    ] {
        let got = read(&with(changes.clone()));
        assert!(matches!(got, Err(Invalid::NotJson(_))), "{changes}");
    }
    let twice = format!(
        r#"{{"client_id":"{URL}","client_id":"{URL}","redirect_uris":["https://a.example/"]}}"#
    );
    for text in ["", "[]", "null", "<html>", "{", twice.as_str()] {
        let got = ClientDocument::parse(&url(URL), text.as_bytes());
        assert!(matches!(got, Err(Invalid::NotJson(_))), "{text}");
    }
}

#[test]
fn a_redirect_uri_that_may_not_be_used_is_left_out_and_the_last_one_takes_the_client_with_it() {
    let some = with(json!({"redirect_uris": [
        "javascript:alert(1)",
        "http://app.example/callback",
        "https://*.example/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback",
    ]}));
    let kept = read(&some).expect("one is good").redirect_uris;
    assert_eq!(kept.len(), 1);
    assert_eq!(
        kept[0].as_str(),
        "cursor://anysphere.cursor-mcp/oauth/callback"
    );
    let none = with(json!({"redirect_uris": ["javascript:alert(1)", "data:,x"]}));
    assert!(matches!(read(&none), Err(Invalid::RedirectUri(_))));
}

#[test]
fn a_name_that_cannot_be_shown_is_replaced_by_the_host() {
    for name in [
        json!(null),
        json!(""),
        json!("a\u{202e}b"),
        json!("x".repeat(81)),
    ] {
        let document = read(&with(json!({"client_name": name}))).expect("good");
        assert_eq!(document.name.as_str(), "app.example");
    }
}

#[test]
fn a_document_can_ask_for_less_but_not_for_what_is_unknown_or_not_for_strangers() {
    for (scope, expected) in [
        (json!(null), Scopes::read_write()),
        (json!("openid profile mcp"), Scopes::read_write()),
        (
            json!("memories:read openid"),
            Scopes::NONE.with(Scope::Read),
        ),
        (
            json!("memories:admin memories:read"),
            Scopes::NONE.with(Scope::Read),
        ),
        (json!("memories:admin"), Scopes::read_write()),
    ] {
        let document = read(&with(json!({"scope": scope}))).expect("good");
        assert_eq!(document.scopes, expected, "{scope}");
    }
}

#[test]
fn a_document_is_fresh_as_its_host_says_within_bounds() {
    for (cache_control, age, seconds) in [
        (None, None, 600),
        (Some(""), None, 600),
        (Some("public"), None, 600),
        (Some("max-age=300"), None, 300),
        (Some("public, Max-Age=300, must-revalidate"), None, 300),
        (Some("max-age=\"300\""), None, 300),
        (Some("max-age=300, s-maxage=900"), None, 900),
        (Some("max-age=300"), Some("120"), 180),
        (Some("max-age=300"), Some("x"), 300),
        (Some("max-age=300"), Some("9999"), 60),
        (Some("max-age=0"), None, 60),
        (Some("max-age=-5"), None, 60),
        (Some("max-age=x"), None, 60),
        (Some("no-store"), None, 60),
        (Some("max-age=300, no-cache"), None, 60),
        (Some("private=\"a\", max-age=300"), None, 60),
        (Some("max-age=31536000"), None, 86_400),
        (
            Some("max-age=99999999999999999999"),
            Some("99999999999999999999"),
            60,
        ),
    ] {
        let got = freshness(cache_control, age);
        assert_eq!(got, Span::seconds(seconds), "{cache_control:?} {age:?}");
    }
}
