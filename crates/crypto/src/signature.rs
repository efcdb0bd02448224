//! Signatures of other people's JSON Web Tokens: checked here, never made.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// A way to sign (RFC 7518 section 3.1). There is no `none` and nothing with a
/// shared secret, so neither can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256, as 64 bytes.
    Es256,
}

impl SignatureAlgorithm {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es256];

    /// Returns the name in a header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// Finds an algorithm by its exact name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A public key. It is good for one algorithm only, whatever a header says:
/// that is what algorithm confusion (RFC 8725 section 2.1) needs to be otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Box<[u8; 65]>),
}

/// Numbers that are no public key, or one that is too weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no RSA key of 2048 to 4096 bits and no point of P-256")]
pub struct InvalidVerifyingKey;

impl VerifyingKey {
    /// Makes an RSA key from modulus and exponent, both big-endian.
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, InvalidVerifyingKey> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        let bits = n.len() * 8 - n.first().map_or(0, |top| top.leading_zeros() as usize);
        // A larger modulus or exponent makes every check slow, which its owner need not mind.
        let sound = (2048..=4096).contains(&bits)
            && (1..=4).contains(&e.len())
            && n.last().is_some_and(|low| low % 2 == 1)
            && e.last().is_some_and(|low| low % 2 == 1)
            && e != [1];
        if !sound {
            return Err(InvalidVerifyingKey);
        }
        Ok(Self(Kind::Rsa {
            n: n.to_vec(),
            e: e.to_vec(),
        }))
    }

    /// Makes a P-256 key from its coordinates, 32 bytes each. That they are on
    /// the curve is found out when a signature is checked.
    pub fn p256(x: &[u8], y: &[u8]) -> Result<Self, InvalidVerifyingKey> {
        if x.len() != 32 || y.len() != 32 {
            return Err(InvalidVerifyingKey);
        }
        let mut point = [4; 65];
        point[1..33].copy_from_slice(x);
        point[33..].copy_from_slice(y);
        Ok(Self(Kind::P256(Box::new(point))))
    }

    /// Returns the one algorithm that the key is for.
    pub const fn algorithm(&self) -> SignatureAlgorithm {
        match self.0 {
            Kind::Rsa { .. } => SignatureAlgorithm::Rs256,
            Kind::P256(_) => SignatureAlgorithm::Es256,
        }
    }

    /// Tells whether the owner of the key signed the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Kind::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Kind::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point[..])
                .verify(message, signature)
                .is_ok(),
        }
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
