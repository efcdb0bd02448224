//! Sealing with a secret: XChaCha20-Poly1305, HMAC-SHA256 and derived secrets.
//!
//! One secret serves many purposes because every purpose has its own label, and
//! the keys of two labels have nothing in common (HKDF-SHA256, RFC 5869).

use std::fmt;

use chacha20::{R20, hchacha};
use hkdf::{
    Hkdf,
    hmac::{Hmac, KeyInit, Mac},
};
use picard_domain::Entropy;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{CryptoError, constant_time_eq};

/// Bytes of random nonce in front of a sealed value. 192 bits may be random for
/// any number of values; the 96 of plain `ChaCha20` may not.
const NONCE: usize = 24;

/// Bytes of the tag behind it.
const TAG: usize = 16;

/// Seals, signs and derives for one purpose.
///
/// It may hold several secrets, so that a secret can be replaced while values
/// made with the old one are still about: the first one makes, all of them open.
#[derive(Clone)]
pub struct Sealer {
    keys: Vec<Keys>,
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Keys {
    seal: [u8; 32],
    mac: [u8; 32],
    derive: [u8; 32],
}

impl Keys {
    fn new(secret: &[u8], label: &str) -> Self {
        let mut base = expand(secret, &["picard v1", label]);
        let keys = Self {
            seal: expand(&base, &["seal"]),
            mac: expand(&base, &["mac"]),
            derive: expand(&base, &["derive"]),
        };
        base.zeroize();
        keys
    }
}

impl Sealer {
    /// Takes a secret of at least 32 bytes' worth of guessing, and a label that
    /// names the purpose.
    pub fn new(secret: &[u8], label: &str) -> Self {
        Self {
            keys: vec![Keys::new(secret, label)],
        }
    }

    /// Also opens and verifies what an older secret made.
    #[must_use]
    pub fn or(mut self, older_secret: &[u8], label: &str) -> Self {
        self.keys.push(Keys::new(older_secret, label));
        self
    }

    /// Encrypts bytes; `aad` names the place where they belong (an owner, a row)
    /// and must be the same to open. 40 bytes longer than `plain`.
    pub fn seal(&self, entropy: &dyn Entropy, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = entropy.bytes();
        let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (key, short) = cipher(&self.keys[0], &nonce);
        let tag = key
            .seal_in_place_separate_tag(short, Aad::from(aad), &mut sealed[NONCE..])
            .expect("ChaCha20-Poly1305 takes 256 GB");
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Decrypts what [`Self::seal`] made for the same `aad`.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (nonce, msg) = sealed
            .split_first_chunk::<NONCE>()
            .ok_or(CryptoError::Refused)?;
        for keys in &self.keys {
            let (key, short) = cipher(keys, nonce);
            let mut plain = Zeroizing::new(msg.to_vec());
            if let Ok(opened) = key.open_in_place(short, Aad::from(aad), &mut plain) {
                let length = opened.len();
                plain.truncate(length);
                return Ok(plain);
            }
        }
        Err(CryptoError::Refused)
    }

    /// Derives the secret that belongs to a label: always the same one.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(expand(&self.keys[0].derive, &[label]))
    }

    /// Signs data for the purpose `label` with HMAC-SHA256 (RFC 2104).
    pub fn mac(&self, label: &str, data: &[u8]) -> [u8; 32] {
        mac(&self.keys[0], label, data)
    }

    /// Tells in constant time whether [`Self::mac`] made this signature.
    pub fn verify(&self, label: &str, data: &[u8], signature: &[u8]) -> bool {
        self.keys
            .iter()
            .any(|keys| constant_time_eq(&mac(keys, label, data), signature))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} secrets)", self.keys.len())
    }
}

impl ZeroizeOnDrop for Sealer {}

/// Returns the `ChaCha20-Poly1305` (RFC 8439) that `XChaCha20-Poly1305` is with this nonce:
/// its first 16 bytes make the key, which is of this one message, its last 8 are the nonce
/// (draft-irtf-cfrg-xchacha-03, section 2.3).
fn cipher(keys: &Keys, nonce: &[u8; NONCE]) -> (LessSafeKey, Nonce) {
    let (input, rest) = nonce.split_first_chunk::<16>().expect("24 bytes are more");
    let mut key = hchacha::<R20>(&keys.seal.into(), &(*input).into());
    let unbound = UnboundKey::new(&CHACHA20_POLY1305, &key).expect("a key of 32 bytes");
    key.zeroize();
    let mut short = [0; 12];
    short[4..].copy_from_slice(rest);
    (
        LessSafeKey::new(unbound),
        Nonce::assume_unique_for_key(short),
    )
}

fn mac(keys: &Keys, label: &str, data: &[u8]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&keys.mac).expect("HMAC takes keys of every length");
    // With its length in front, no label can borrow bytes from the data.
    mac.update(&(label.len() as u64).to_be_bytes());
    mac.update(label.as_bytes());
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn expand(secret: &[u8], info: &[&str]) -> [u8; 32] {
    let mut key = [0; 32];
    let info = info.join("\0");
    Hkdf::<Sha256>::new(None, secret)
        .expand(info.as_bytes(), &mut key)
        .expect("HKDF-SHA256 gives up to 8160 bytes");
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(1);
        }
    }

    struct These([u8; NONCE]);

    impl Entropy for These {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0);
        }
    }

    #[test]
    fn labels_have_nothing_in_common() {
        let (a, b) = (Sealer::new(&[7; 32], "a"), Sealer::new(&[7; 32], "b"));
        assert_eq!(
            b.open(b"", &a.seal(&Ones, b"", b"x")),
            Err(CryptoError::Refused)
        );
        assert_ne!(*a.derive("x"), *b.derive("x"));
        assert_ne!(*a.derive("x"), *a.derive("y"));
        assert!(!b.verify("x", b"data", &a.mac("x", b"data")));
        assert!(!a.verify("y", b"data", &a.mac("x", b"data")));
        assert!(!a.verify("xd", b"ata", &a.mac("x", b"data")));
    }

    #[test]
    fn the_first_secret_makes_and_all_open() {
        let old = Sealer::new(&[1; 32], "a");
        let both = Sealer::new(&[2; 32], "a").or(&[1; 32], "a");
        let new = Sealer::new(&[2; 32], "a");
        assert_eq!(
            **both.open(b"", &old.seal(&Ones, b"", b"x")).unwrap(),
            *b"x"
        );
        assert!(both.verify("l", b"x", &old.mac("l", b"x")));
        assert_eq!(
            **new.open(b"", &both.seal(&Ones, b"", b"x")).unwrap(),
            *b"x"
        );
        assert!(old.open(b"", &both.seal(&Ones, b"", b"x")).is_err());
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
    #[test]
    fn the_cipher_is_that_of_the_published_vector() {
        let nonce: [u8; NONCE] = std::array::from_fn(|i| 0x40 + i as u8);
        let mut sealer = Sealer::new(&[7; 32], "a");
        sealer.keys[0].seal = std::array::from_fn(|i| 0x80 + i as u8);
        let aad = [
            0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        ];
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one \
            tip for the future, sunscreen would be it.";
        let sealed = sealer.seal(&These(nonce), &aad, plain);
        assert_eq!(**sealer.open(&aad, &sealed).unwrap(), *plain);
        let (made_of, sealed) = sealed.split_at(NONCE);
        assert_eq!(made_of, nonce);
        assert_eq!(
            sealed[..8],
            [0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b]
        );
        let tag = [
            0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a,
            0xcf, 0x49,
        ];
        assert_eq!(sealed[sealed.len() - 16..], tag);
    }
}
