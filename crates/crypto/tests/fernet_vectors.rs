//! The vectors of the Fernet specification (tests/fernet/*.json).

use chrono::DateTime;
use picard_crypto::{CryptoError, DataKey, Zeroizing};
use serde_json::Value;

fn vectors(json: &str) -> Vec<Value> {
    serde_json::from_str(json).expect("the vectors are JSON")
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().expect("the vectors have this member")
}

fn key(vector: &Value) -> DataKey {
    use base64::{Engine, engine::general_purpose::URL_SAFE};
    let bytes = URL_SAFE.decode(text(vector, "secret")).expect("base64url");
    DataKey::from_bytes(Zeroizing::new(bytes.try_into().expect("32 bytes")))
}

#[test]
fn what_the_specification_generated_and_verified_is_read() {
    let generated = vectors(include_str!("fernet/generate.json"));
    let verified = vectors(include_str!("fernet/verify.json"));
    for vector in generated.iter().chain(&verified) {
        let plain = key(vector)
            .fernet_decrypt(text(vector, "token"))
            .expect("a valid token");
        assert_eq!(plain.expose(), text(vector, "src"));
    }
}

/// The two vectors that are invalid only by the clock are memories without a
/// time to live here; that the cipher below refuses them when asked is checked.
#[test]
fn what_the_specification_calls_invalid_is_refused() {
    let by_the_clock = ["far-future TS (unacceptable clock skew)", "expired TTL"];
    let mut refused = 0;
    for vector in vectors(include_str!("fernet/invalid.json")) {
        let (token, name) = (text(&vector, "token"), text(&vector, "desc"));
        if by_the_clock.contains(&name) {
            let now = DateTime::parse_from_rfc3339(text(&vector, "now")).expect("RFC 3339");
            let cipher = fernet::Fernet::new(text(&vector, "secret")).expect("a key");
            let now = now.timestamp().unsigned_abs();
            let checked = cipher.decrypt_at_time(token, vector["ttl_sec"].as_u64(), now);
            assert_eq!(checked, Err(fernet::DecryptionError), "{name}");
            assert!(key(&vector).fernet_decrypt(token).is_ok(), "{name}");
        } else {
            assert_eq!(
                key(&vector).fernet_decrypt(token),
                Err(CryptoError::Refused),
                "{name}"
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 6);
}
