//! Password hashes: argon2id as PHC strings.
//!
//! One hash costs 19 MiB and tens of milliseconds of a core: callers run it on a
//! blocking thread, behind a limit.

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use picard_domain::Entropy;

/// 19 MiB, two passes, one lane: the first choice of the OWASP cheat sheet.
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, Some(32)).expect("parameters in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a password with a random salt, as a PHC string.
pub fn hash_password(password: &str, entropy: &dyn Entropy) -> String {
    argon2()
        .hash_password_with_salt(password.as_bytes(), &entropy.bytes::<16>())
        .expect("salt and parameters in range")
        .to_string()
}

/// Tells whether the password is the one that was hashed; `false` too for a
/// text that is no PHC string. The cost is in the hash, whoever made it.
pub fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Returns a hash to verify against when there is no such user, so that the
/// answer takes as long as for one who exists. No password fits it: it is the
/// hash of random bytes that were thrown away.
pub const fn dummy_hash() -> &'static str {
    "$argon2id$v=19$m=19456,t=2,p=1$F1J4JP+jwDqtEDbCE+hBCQ$OQWjqH64KQQxnRk3ltgQ7Ao+DaIDG2iwEV5r3Z/R1J0"
}

/// Refuses passwords that are guessed first, and says why to be read after "the password" (NIST SP 800-63B section 3.1.1.2:
/// length counts, composition rules do not).
pub fn check_strength(password: &str, name: &str) -> Result<(), &'static str> {
    const COMMON: [&str; 12] = [
        "password",
        "12345678",
        "123456789",
        "1234567890",
        "qwertyui",
        "qwerty123",
        "iloveyou",
        "adminpassword",
        "letmein1",
        "sunshine",
        "football",
        "password1",
    ];
    let folded = password.to_lowercase();
    if password.chars().count() < 8 {
        Err("must have at least 8 characters")
    } else if password.len() > 1024 {
        Err("must have at most 1,024 bytes")
    } else if folded == name.to_lowercase() {
        Err("must not be the name of the account")
    } else if COMMON.contains(&folded.as_str()) || password.chars().all(|c| password.starts_with(c))
    {
        Err("is one of the first that anybody would guess")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        for weak in [
            "short",
            "password",
            "Password1",
            "aaaaaaaaaa",
            "Jean-Luc-P",
            &"x1".repeat(600),
        ] {
            assert!(check_strength(weak, "jean-luc-p").is_err(), "{weak}");
        }
        assert_eq!(check_strength("tea, earl grey, hot", "jean-luc"), Ok(()));
    }

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(1);
        }
    }

    #[test]
    fn only_the_password_fits_its_hash() {
        let hash = hash_password("make it so", &Ones);
        assert!(verify_password("make it so", &hash));
        assert!(!verify_password("make it so ", &hash));
        assert!(!verify_password("make it so", "no PHC string"));
        assert!(!verify_password("", ""));
    }

    #[test]
    fn a_hash_of_another_implementation_verifies() {
        // Made by OpenSSL's argon2id through Python's `cryptography`.
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$cGljYXJkIHRlc3Qgc2FsdA$04r13sulrNAVmqmiUS7Vgf32n1cpuvhbZaFIPvLASb4";
        assert!(verify_password("make it so", hash));
        assert!(!verify_password("make it no", hash));
    }

    #[test]
    fn an_unknown_user_costs_as_much_as_a_known_one() {
        let cost = |hash: &str| {
            let hash = PasswordHash::new(hash).unwrap();
            (
                hash.algorithm.to_string(),
                hash.version,
                hash.params.to_string(),
            )
        };
        assert_eq!(cost(dummy_hash()), cost(&hash_password("x", &Ones)));
        assert!(!verify_password("", dummy_hash()));
    }
}
