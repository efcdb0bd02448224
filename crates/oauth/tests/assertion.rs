//! Assertions of `private_key_jwt`, made here with another library's keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_domain::Instant;
use picard_oauth::{
    assertion::{Assertion, InvalidAssertion as Invalid, Proof, audiences},
    jwks::{InvalidKeySet, KeySet},
};
use proptest::prelude::*;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

const CLIENT: &str = "https://chatgpt.com/oauth/client.json";
const ISSUER: &str = "https://picard.example";
const TOKEN: &str = "https://picard.example/oauth/token";
const NOW: i64 = 1_800_000_000;

struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random);
        Self(key.expect("a key"))
    }

    fn jwk(&self, kid: &str) -> Value {
        let point = self.0.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.expect("a signature"));
        format!("{signed}.{signature}")
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "one", "typ": "JWT"})
}

fn claims() -> Value {
    json!({
        "iss": CLIENT, "sub": CLIENT, "aud": TOKEN, "jti": "a", "iat": NOW, "exp": NOW + 300,
    })
}

fn changed(mut value: Value, changes: &Value) -> Value {
    let members = value.as_object_mut().expect("an object");
    for (name, change) in changes.as_object().expect("an object") {
        if change.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), change.clone());
        }
    }
    value
}

fn set(keys: &[Value]) -> KeySet {
    let json = json!({"keys": keys}).to_string();
    KeySet::parse(json.as_bytes()).expect("a set")
}

fn prove(text: &str, keys: &KeySet) -> Result<Proof, Invalid> {
    let assertion = Assertion::parse(text)?;
    assertion.check(&audiences(ISSUER), Instant::from_micros(NOW * 1_000_000))?;
    assertion.verify(keys)
}

#[test]
fn t31_what_is_wrong_about_an_assertion_is_found() {
    let signer = Signer::new();
    let keys = set(&[signer.jwk("one")]);
    let rows: &[(&str, Value, Value, Result<(), Invalid>)] = &[
        ("good", json!({}), json!({}), Ok(())),
        (
            "the issuer as audience",
            json!({}),
            json!({"aud": ISSUER}),
            Ok(()),
        ),
        (
            "both in a list",
            json!({}),
            json!({"aud": [ISSUER, TOKEN]}),
            Ok(()),
        ),
        ("no typ", json!({"typ": null}), json!({}), Ok(())),
        (
            "its own typ",
            json!({"typ": "client-authentication+jwt"}),
            json!({}),
            Ok(()),
        ),
        ("no kid, one key", json!({"kid": null}), json!({}), Ok(())),
        ("no iat", json!({}), json!({"iat": null}), Ok(())),
        (
            "10 minutes ahead",
            json!({}),
            json!({"exp": NOW + 600}),
            Ok(()),
        ),
        (
            "within the skew",
            json!({}),
            json!({"exp": NOW - 29, "iat": NOW - 300}),
            Ok(()),
        ),
        (
            "a clock in front",
            json!({}),
            json!({"iat": NOW + 30, "nbf": NOW + 30}),
            Ok(()),
        ),
        (
            "fractions",
            json!({}),
            json!({"exp": 1_800_000_100.5}),
            Ok(()),
        ),
        (
            "alg none",
            json!({"alg": "none"}),
            json!({}),
            Err(Invalid::Algorithm),
        ),
        (
            "alg HS256",
            json!({"alg": "HS256"}),
            json!({}),
            Err(Invalid::Algorithm),
        ),
        (
            "alg in other letters",
            json!({"alg": "es256"}),
            json!({}),
            Err(Invalid::Algorithm),
        ),
        (
            "alg of another key",
            json!({"alg": "RS256"}),
            json!({}),
            Err(Invalid::UnknownKey),
        ),
        (
            "another kid",
            json!({"kid": "two"}),
            json!({}),
            Err(Invalid::UnknownKey),
        ),
        (
            "kid traversal",
            json!({"kid": "../one"}),
            json!({}),
            Err(Invalid::UnknownKey),
        ),
        (
            "kid in other letters",
            json!({"kid": "One"}),
            json!({}),
            Err(Invalid::UnknownKey),
        ),
        (
            "crit",
            json!({"crit": ["exp"]}),
            json!({}),
            Err(Invalid::Header),
        ),
        (
            "another kind",
            json!({"typ": "at+jwt"}),
            json!({}),
            Err(Invalid::Header),
        ),
        (
            "a proof of DPoP",
            json!({"typ": "dpop+jwt"}),
            json!({}),
            Err(Invalid::Header),
        ),
        (
            "wrong aud",
            json!({}),
            json!({"aud": "https://evil.example/token"}),
            Err(Invalid::Audience),
        ),
        (
            "aud with a stranger",
            json!({}),
            json!({"aud": [TOKEN, "https://evil.example"]}),
            Err(Invalid::Audience),
        ),
        (
            "no aud in the list",
            json!({}),
            json!({"aud": []}),
            Err(Invalid::Audience),
        ),
        (
            "the issuer with a slash",
            json!({}),
            json!({"aud": "https://picard.example/"}),
            Err(Invalid::Audience),
        ),
        (
            "expired",
            json!({}),
            json!({"exp": NOW - 30}),
            Err(Invalid::Time),
        ),
        (
            "long ago",
            json!({}),
            json!({"exp": -1e300}),
            Err(Invalid::Time),
        ),
        (
            "10 minutes and a second",
            json!({}),
            json!({"exp": NOW + 601}),
            Err(Invalid::TooLong),
        ),
        (
            "for ever",
            json!({}),
            json!({"exp": 1e300}),
            Err(Invalid::TooLong),
        ),
        (
            "not yet",
            json!({}),
            json!({"nbf": NOW + 31}),
            Err(Invalid::Time),
        ),
        (
            "from the future",
            json!({}),
            json!({"iat": NOW + 31}),
            Err(Invalid::Time),
        ),
        (
            "iss of another",
            json!({}),
            json!({"iss": "x"}),
            Err(Invalid::Client),
        ),
        (
            "no jti",
            json!({}),
            json!({"jti": null}),
            Err(Invalid::Malformed),
        ),
        (
            "an empty jti",
            json!({}),
            json!({"jti": ""}),
            Err(Invalid::Malformed),
        ),
        (
            "a long jti",
            json!({}),
            json!({"jti": "x".repeat(513)}),
            Err(Invalid::Malformed),
        ),
        (
            "no exp",
            json!({}),
            json!({"exp": null}),
            Err(Invalid::Malformed),
        ),
        (
            "exp as text",
            json!({}),
            json!({"exp": "1800000100"}),
            Err(Invalid::Malformed),
        ),
        (
            "no sub",
            json!({}),
            json!({"sub": null}),
            Err(Invalid::Malformed),
        ),
        (
            "no alg",
            json!({"alg": null}),
            json!({}),
            Err(Invalid::Malformed),
        ),
    ];
    for (what, in_header, in_claims, expected) in rows {
        let text = signer.sign(&changed(header(), in_header), &changed(claims(), in_claims));
        assert_eq!(prove(&text, &keys).map(drop), *expected, "{what}");
    }
    let other = Signer::new().sign(&header(), &claims());
    assert_eq!(prove(&other, &keys), Err(Invalid::Signature), "another key");
}

#[test]
fn a_signature_is_over_exactly_these_bytes() {
    let signer = Signer::new();
    let keys = set(&[signer.jwk("one")]);
    let good = signer.sign(&header(), &claims());
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let forged = URL_SAFE_NO_PAD.encode(changed(claims(), &json!({"jti": "b"})).to_string());
    let (head, _) = signed.split_once('.').expect("two parts");
    for (text, why) in [
        (format!("{head}.{forged}.{signature}"), Invalid::Signature),
        (format!("{signed}."), Invalid::Signature),
        (format!("{signed}.{signature}="), Invalid::Malformed),
        (format!("{good}.x"), Invalid::Malformed),
        (signed.to_owned(), Invalid::Malformed),
        (String::new(), Invalid::Malformed),
        (format!("{}{good}", "e".repeat(8192)), Invalid::Malformed),
    ] {
        assert_eq!(prove(&text, &keys), Err(why), "{text}");
    }
}

#[test]
fn the_key_in_a_header_is_not_believed() {
    let (signer, stranger) = (Signer::new(), Signer::new());
    let keys = set(&[signer.jwk("one")]);
    let header = changed(
        header(),
        &json!({"jwk": stranger.jwk("one"), "jku": "https://evil.example/jwks", "x5c": ["x"]}),
    );
    let text = stranger.sign(&header, &claims());
    assert_eq!(prove(&text, &keys), Err(Invalid::Signature));
}

#[test]
fn without_a_kid_it_must_be_clear_which_key_is_meant() {
    let (one, two) = (Signer::new(), Signer::new());
    let both = set(&[one.jwk("one"), two.jwk("two")]);
    let unnamed = changed(header(), &json!({"kid": null}));
    let text = one.sign(&unnamed, &claims());
    assert_eq!(prove(&text, &both), Err(Invalid::UnknownKey));
    assert!(prove(&one.sign(&header(), &claims()), &both).is_ok());
    // Two keys of one name: during a rotation, some have that.
    let twins = set(&[two.jwk("one"), one.jwk("one")]);
    assert!(prove(&one.sign(&header(), &claims()), &twins).is_ok());
    // More only make every check slower: the third is not tried.
    let triplets = set(&[two.jwk("one"), two.jwk("one"), one.jwk("one")]);
    let text = one.sign(&header(), &claims());
    assert_eq!(prove(&text, &triplets), Err(Invalid::Signature));
}

#[test]
fn an_assertion_leaves_one_digest_for_each_client_and_jti() {
    let signer = Signer::new();
    let keys = set(&[signer.jwk("one")]);
    let proof = |changes: Value| {
        let text = signer.sign(&header(), &changed(claims(), &changes));
        prove(&text, &keys).expect("good")
    };
    let first = proof(json!({}));
    assert_eq!(first.expires_at.seconds(), NOW + 330);
    assert_eq!(
        first.jti_digest,
        proof(json!({"exp": NOW + 200})).jti_digest
    );
    assert_ne!(first.jti_digest, proof(json!({"jti": "b"})).jti_digest);
    let other = "https://other.example/client.json";
    let other = proof(json!({"iss": other, "sub": other}));
    assert_ne!(first.jti_digest, other.jti_digest);
}

#[test]
fn keys_that_are_not_for_checking_signatures_are_left_out() {
    let signer = Signer::new();
    let text = signer.sign(&header(), &claims());
    for change in [
        json!({"use": "enc"}),
        json!({"key_ops": ["sign"]}),
        json!({"alg": "ES384"}),
        json!({"crv": "P-384"}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"d": "AAAA"}),
        json!({"x": "AAAA"}),
        json!({"x": null}),
        json!({"x": "!"}),
        json!({"kid": 1}),
    ] {
        let keys = set(&[changed(signer.jwk("one"), &change), json!("x"), json!({})]);
        assert_eq!(prove(&text, &keys), Err(Invalid::UnknownKey), "{change}");
    }
    let verifying = changed(
        signer.jwk("one"),
        &json!({"key_ops": ["verify"], "use": null}),
    );
    assert!(prove(&text, &set(&[json!({"kty": "OKP"}), verifying])).is_ok());
}

#[test]
fn a_set_of_keys_is_bounded() {
    let many = json!({"keys": vec![json!({}); 65]}).to_string();
    let long = format!("{{\"keys\":[]{}}}", " ".repeat(64 * 1024));
    for (text, why) in [
        (many.as_str(), InvalidKeySet::TooMany),
        (long.as_str(), InvalidKeySet::TooLong),
        ("[]", InvalidKeySet::NotASet),
        ("{\"keys\":{}}", InvalidKeySet::NotASet),
        ("{}", InvalidKeySet::NotASet),
        ("<html>", InvalidKeySet::NotASet),
    ] {
        assert_eq!(KeySet::parse(text.as_bytes()), Err(why), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text: String, head in "\\PC*", body in "\\PC*", bytes: Vec<u8>) {
        let _ = Assertion::parse(&text);
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let _ = Assertion::parse(&format!("{}.{}.", part(&head), part(&body)));
        let _ = KeySet::parse(&bytes);
    }
}
