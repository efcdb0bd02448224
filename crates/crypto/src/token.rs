//! Tokens that go out: what they look like, and how a wrong one is told at once.
//!
//! A token is a prefix that says what it is, and 48 characters of base64url: 32
//! random bytes and the first 4 bytes of the SHA-256 of everything before them.
//! The prefix lets secret scanners find leaked ones, and keeps an access token
//! from passing for a refresh token; the checksum spares the database most typos
//! and guesses.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_domain::Entropy;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Digest, constant_time_eq};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// `pat_`: an OAuth access token.
    Access,
    /// `prt_`: an OAuth refresh token.
    Refresh,
    /// `pac_`: an OAuth authorization code.
    Code,
    /// `pss_`: a browser session at the server.
    Session,
    /// `pcs_`: the secret of an OAuth client.
    ClientSecret,
    /// `pwt_`: a browser session at the web client.
    WebSession,
    /// `pct_`: one consent page, to be answered once.
    ConsentTicket,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Access,
        Self::Refresh,
        Self::Code,
        Self::Session,
        Self::ClientSecret,
        Self::WebSession,
        Self::ConsentTicket,
    ];

    /// Returns the prefix, with its underscore.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "pat_",
            Self::Refresh => "prt_",
            Self::Code => "pac_",
            Self::Session => "pss_",
            Self::ClientSecret => "pcs_",
            Self::WebSession => "pwt_",
            Self::ConsentTicket => "pct_",
        }
    }
}

/// A token in the clear. Whoever has it, has what it is for.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Token(String);

/// A text that was never minted as a token of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no token of this server, or one of another kind")]
pub struct InvalidToken;

impl Token {
    /// Makes a new token with 256 random bits.
    pub fn mint(kind: TokenKind, entropy: &dyn Entropy) -> Self {
        let random = Zeroizing::new(entropy.bytes::<32>());
        let check = checksum(kind, &*random);
        let body = Zeroizing::new([&random[..], &check].concat());
        Self(format!(
            "{}{}",
            kind.prefix(),
            *Zeroizing::new(URL_SAFE_NO_PAD.encode(&*body))
        ))
    }

    /// Checks that a presented text could have been minted as this kind.
    pub fn parse(kind: TokenKind, text: &str) -> Result<Self, InvalidToken> {
        let body = text.strip_prefix(kind.prefix()).ok_or(InvalidToken)?;
        let mut bytes = Zeroizing::new([0; 36]);
        let decoded = URL_SAFE_NO_PAD.decode_slice(body, &mut *bytes);
        let (random, check) = bytes.split_at(32);
        if decoded == Ok(36) && constant_time_eq(&checksum(kind, random), check) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidToken)
        }
    }

    /// Shows the token: every call is a place where it leaves its wrapper.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns what a database may hold of it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}..)", &self.0[..4])
    }
}

/// Returns 256 random bits as 43 characters that fit into a URL.
pub fn random_url_token(entropy: &dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(entropy.bytes::<32>())
}

fn checksum(kind: TokenKind, random: &[u8]) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(kind.prefix())
        .chain_update(random)
        .finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}
