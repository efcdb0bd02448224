//! The envelope: master keys, data keys, texts, sealed values.

mod common;

use common::Seeded;
use picard_crypto::{CryptoError, DataKey, KeyId, Keyring, KeyringError, Sealer};
use proptest::prelude::*;

/// Flips one bit of a value.
fn tampered(bytes: &[u8], at: prop::sample::Index, bit: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << bit;
    bytes
}

proptest! {
    #[test]
    fn a_text_comes_back_as_it_went_in(seed: u64, text in "\\PC{0,300}") {
        let key = DataKey::generate(&Seeded::new(seed));
        let token = key.fernet_encrypt(&text);
        prop_assert!(text.len() < 3 || !token.contains(&text));
        let plain = key.fernet_decrypt(&token).expect("our own");
        prop_assert_eq!(plain.expose(), text);
    }

    #[test]
    fn an_altered_text_is_refused(text: String, at: prop::sample::Index, bit in 0..8_u8) {
        use base64::{Engine, engine::general_purpose::URL_SAFE};
        let key = DataKey::generate(&Seeded::new(1));
        let token = URL_SAFE.decode(key.fernet_encrypt(&text)).expect("base64url");
        let altered = URL_SAFE.encode(tampered(&token, at, bit));
        prop_assert_eq!(key.fernet_decrypt(&altered), Err(CryptoError::Refused));
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_only(seed: u64, plain: Vec<u8>, aad: Vec<u8>) {
        let entropy = Seeded::new(seed);
        let key = DataKey::generate(&entropy);
        let sealed = key.seal(&entropy, &aad, &plain);
        prop_assert_eq!(sealed.len(), plain.len() + 40);
        prop_assert_eq!(&*key.open(&aad, &sealed).expect("our own"), &plain);
        let elsewhere = [&aad[..], b"x"].concat();
        prop_assert_eq!(key.open(&elsewhere, &sealed), Err(CryptoError::Refused));
        let other = DataKey::generate(&entropy);
        prop_assert_eq!(other.open(&aad, &sealed), Err(CryptoError::Refused));
    }

    #[test]
    fn an_altered_or_cut_value_is_refused(
        plain: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8,
    ) {
        let entropy = Seeded::new(4);
        let key = DataKey::generate(&entropy);
        let sealed = key.seal(&entropy, b"place", &plain);
        prop_assert!(key.open(b"place", &tampered(&sealed, at, bit)).is_err());
        prop_assert!(key.open(b"place", &sealed[..at.index(sealed.len())]).is_err());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(text: String, bytes: Vec<u8>) {
        let key = DataKey::generate(&Seeded::new(5));
        prop_assert!(key.fernet_decrypt(&text).is_err());
        prop_assert!(key.open(b"", &bytes).is_err());
        let _ = Keyring::parse(&text);
        let _ = text.parse::<KeyId>();
    }

    #[test]
    fn a_keyring_comes_back_from_its_text(seed: u64, rotations in 0..4_usize) {
        let entropy = Seeded::new(seed);
        let ring = (0..rotations).fold(Keyring::generate(&entropy), |r, _| r.rotated(&entropy));
        let again = Keyring::parse(&ring.to_text()).expect("our own text");
        prop_assert_eq!(again.key_ids(), ring.key_ids());
        prop_assert_eq!(again.to_text(), ring.to_text());
        let id = ring.active();
        prop_assert_eq!(id.to_string().parse::<KeyId>(), Ok(id));
    }
}

#[test]
fn fernet_never_makes_the_same_text_twice() {
    let key = DataKey::generate(&Seeded::new(1));
    assert_ne!(key.fernet_encrypt("tea"), key.fernet_encrypt("tea"));
}

#[test]
fn the_texts_of_another_key_are_refused() {
    let entropy = Seeded::new(1);
    let (ours, theirs) = (DataKey::generate(&entropy), DataKey::generate(&entropy));
    assert_eq!(
        theirs.fernet_decrypt(&ours.fernet_encrypt("tea")),
        Err(CryptoError::Refused)
    );
}

#[test]
fn bytes_that_are_no_text_are_no_memory() {
    let key = DataKey::generate(&Seeded::new(1));
    let cipher = fernet::Fernet::new(&key.to_fernet_key()).expect("a key");
    assert_eq!(
        key.fernet_decrypt(&cipher.encrypt(&[0xff])),
        Err(CryptoError::NotText)
    );
}

#[test]
fn a_text_written_by_a_clock_that_was_ahead_is_read() {
    let key = DataKey::generate(&Seeded::new(1));
    let cipher = fernet::Fernet::new(&key.to_fernet_key()).expect("a key");
    let token = cipher.encrypt_at_time(b"tea", u64::from(u32::MAX));
    assert_eq!(key.fernet_decrypt(&token).expect("valid").expose(), "tea");
}

#[test]
fn rotation_keeps_every_data_key_readable_and_names_a_missing_master_key() {
    let entropy = Seeded::new(1);
    let old = Keyring::generate(&entropy);
    let key = DataKey::generate(&entropy);
    let text = key.fernet_encrypt("tea");
    let wrapped = old.wrap(&entropy, &key, b"picard");

    let rotated = old.rotated(&entropy);
    let opened = rotated
        .unwrap(&wrapped, b"picard")
        .expect("the old key is still there");
    assert_eq!(
        opened.fernet_decrypt(&text).expect("the same key").expose(),
        "tea"
    );

    let rewrapped = rotated
        .rewrap(&entropy, &wrapped, b"picard")
        .expect("readable");
    let rewrapped = rewrapped.expect("it was wrapped by the old key");
    assert_eq!(rewrapped.key_id, rotated.active());
    assert_eq!(rotated.rewrap(&entropy, &rewrapped, b"picard"), Ok(None));

    let new = rotated.active_only();
    assert!(new.unwrap(&rewrapped, b"picard").is_ok());
    let missing = new
        .unwrap(&wrapped, b"picard")
        .expect_err("the old key is gone");
    assert_eq!(missing, CryptoError::UnknownKey(old.active()));
    assert!(missing.to_string().contains(&old.active().to_string()));
}

#[test]
fn a_wrapped_key_belongs_to_its_owner_and_its_master_key() {
    let entropy = Seeded::new(1);
    let ring = Keyring::generate(&entropy).rotated(&entropy);
    let mut wrapped = ring.wrap(&entropy, &DataKey::generate(&entropy), b"picard");
    assert_eq!(
        ring.unwrap(&wrapped, b"riker").expect_err("not his"),
        CryptoError::Refused
    );
    wrapped.key_id = ring.key_ids()[1];
    assert_eq!(
        ring.unwrap(&wrapped, b"picard").expect_err("not it"),
        CryptoError::Refused
    );
}

#[test]
fn sealers_of_a_keyring_survive_rotation() {
    let entropy = Seeded::new(1);
    let ring = Keyring::generate(&entropy);
    let sealed = ring.sealer("cursor").seal(&entropy, b"", b"page 2");
    let rotated = ring.rotated(&entropy);
    assert_eq!(
        &**rotated.sealer("cursor").open(b"", &sealed).expect("still"),
        b"page 2"
    );
    assert!(rotated.sealer("csrf").open(b"", &sealed).is_err());
    assert!(
        rotated
            .active_only()
            .sealer("cursor")
            .open(b"", &sealed)
            .is_err()
    );
}

#[test]
fn a_keyring_is_read_with_commas_lines_padding_and_comments() {
    let (a, b) = (
        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",
        "A".repeat(42) + "E",
    );
    let commas = Keyring::parse(&format!("{a},{b}")).expect("two keys");
    let lines = Keyring::parse(&format!("# made today\r\n{a}\r\n\n {b}\n")).expect("two keys");
    assert_eq!(commas.key_ids().len(), 2);
    assert_eq!(commas.key_ids(), lines.key_ids());
    assert_eq!(commas.active(), commas.key_ids()[0]);
}

#[test]
fn what_is_no_keyring_is_refused_without_showing_it() {
    let a = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4";
    for (text, why) in [
        (String::new(), KeyringError::Empty),
        ("# nothing\n".into(), KeyringError::Empty),
        ("change-me-please".into(), KeyringError::NotAKey(1)),
        (format!("{a},{}", &a[1..]), KeyringError::NotAKey(2)),
        (format!("{a} {a}="), KeyringError::Twice(2)),
        ("A".repeat(43), KeyringError::Weak(1)),
    ] {
        let refused = Keyring::parse(&text).expect_err("no keyring");
        assert_eq!(refused, why, "{text}");
        assert!(!refused.to_string().contains("change-me"));
    }
}

#[test]
fn no_secret_is_in_a_debug_output() {
    let entropy = Seeded::new(1);
    let key = DataKey::generate(&entropy);
    assert_eq!(format!("{key:?}"), "DataKey(..)");
    assert_eq!(
        format!("{:?}", Sealer::new(b"secret", "x")),
        "Sealer(1 secrets)"
    );
    let ring = Keyring::generate(&entropy);
    assert_eq!(
        format!("{ring:?}"),
        format!("Keyring([KeyId({})])", ring.active())
    );
    assert!(!format!("{ring:?}").contains(ring.to_text().trim()));
}

#[test]
fn secrets_are_overwritten_when_they_are_dropped() {
    fn overwritten<T: zeroize::ZeroizeOnDrop>() {}
    overwritten::<DataKey>();
    overwritten::<Keyring>();
    overwritten::<Sealer>();
    overwritten::<picard_crypto::Token>();
}
