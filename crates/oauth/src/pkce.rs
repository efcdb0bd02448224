//! Proof Key for Code Exchange (RFC 7636), with S256 and nothing else.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_crypto::{Zeroizing, constant_time_eq, random_url_token, sha256};
use picard_domain::Entropy;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The only challenge method that is offered.
pub const METHOD: &str = "S256";

/// A code verifier: 43 to 128 unreserved characters (RFC 7636 section 4.1).
#[derive(Clone)]
pub struct Verifier(Zeroizing<String>);

/// A text that cannot be a code verifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a code_verifier has 43 to 128 of A-Z a-z 0-9 - . _ ~")]
pub struct InvalidVerifier;

/// A text that cannot be a code challenge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a code_challenge of S256 has 43 characters of base64url")]
pub struct InvalidChallenge;

impl Verifier {
    /// Makes a new verifier of 256 random bits.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random_url_token(entropy)))
    }

    /// Shows the verifier, to be sent to the token endpoint.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the challenge that goes ahead of the verifier.
    pub fn challenge(&self) -> Challenge {
        Challenge(sha256(self.0.as_bytes()))
    }
}

impl FromStr for Verifier {
    type Err = InvalidVerifier;

    fn from_str(text: &str) -> Result<Self, InvalidVerifier> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(InvalidVerifier)
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

/// A code challenge of the method S256: the SHA-256 of the verifier.
#[derive(Clone, Copy)]
pub struct Challenge([u8; 32]);

impl Challenge {
    /// Tells in constant time whether the verifier belongs to this challenge.
    pub fn admits(&self, verifier: &Verifier) -> bool {
        *self == verifier.challenge()
    }
}

impl PartialEq for Challenge {
    fn eq(&self, other: &Self) -> bool {
        constant_time_eq(&self.0, &other.0)
    }
}

impl Eq for Challenge {}

impl FromStr for Challenge {
    type Err = InvalidChallenge;

    fn from_str(text: &str) -> Result<Self, InvalidChallenge> {
        let mut hash = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut hash) {
            Ok(32) => Ok(Self(hash)),
            _ => Err(InvalidChallenge),
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenge({self})")
    }
}

impl Serialize for Challenge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Challenge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_holds() {
        let verifier: Verifier = VERIFIER.parse().unwrap();
        let challenge: Challenge = CHALLENGE.parse().unwrap();
        assert_eq!(verifier.challenge().to_string(), CHALLENGE);
        assert!(challenge.admits(&verifier));
    }

    #[test]
    fn another_verifier_is_refused() {
        let challenge: Challenge = CHALLENGE.parse().unwrap();
        let other = VERIFIER.replace('d', "e").parse().unwrap();
        assert!(!challenge.admits(&other));
        // With the method "plain" the challenge itself would be the verifier.
        assert!(!challenge.admits(&CHALLENGE.parse().unwrap()));
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        for (text, good) in [
            ("a".repeat(42), false),
            ("~".repeat(43), true),
            ("a".repeat(128), true),
            ("a".repeat(129), false),
            ("a".repeat(42) + "+", false),
            ("a".repeat(42) + "ä", false),
            (String::new(), false),
        ] {
            assert_eq!(text.parse::<Verifier>().is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_challenge_is_32_bytes_of_unpadded_base64url() {
        for text in [
            &format!("{CHALLENGE}="),
            &CHALLENGE[1..],
            "",
            &CHALLENGE.replace('-', "+"),
        ] {
            assert_eq!(text.parse::<Challenge>(), Err(InvalidChallenge), "{text}");
        }
    }

    #[test]
    fn a_verifier_is_not_in_its_debug_output() {
        assert_eq!(
            format!("{:?}", VERIFIER.parse::<Verifier>().unwrap()),
            "Verifier(..)"
        );
    }

    struct Bytes([u8; 32]);

    impl Entropy for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0);
        }
    }

    proptest! {
        #[test]
        fn a_random_verifier_is_valid_and_fits_its_challenge_only(a: [u8; 32], b: [u8; 32]) {
            let [ours, theirs] = [a, b].map(|bytes| Verifier::random(&Bytes(bytes)));
            prop_assert!(ours.expose().parse::<Verifier>().is_ok());
            let challenge: Challenge = ours.challenge().to_string().parse().unwrap();
            prop_assert!(challenge.admits(&ours));
            prop_assert_eq!(challenge.admits(&theirs), a == b);
        }
    }
}
