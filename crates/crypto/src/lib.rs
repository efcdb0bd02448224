//! Keys, Fernet texts, sealed values, password hashes, tokens and their digests.
//!
//! The envelope: a [`Keyring`] of master keys wraps one [`DataKey`] per person;
//! the data key encrypts the texts of memories as Fernet (any implementation of
//! it can read them) and seals everything else. A [`Sealer`] does the same from
//! any other secret. Databases hold a [`Digest`] where a [`Token`] went out. A
//! [`VerifyingKey`] checks what others signed.
//!
//! No I/O, no clock, no async here; randomness is a parameter, except for the
//! initialisation vector that `fernet` draws from the operating system. Callers
//! are the use cases, the web client and the pages of both.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod data_key;
mod digest;
mod error;
mod keyring;
mod password;
mod sealer;
mod signature;
mod token;

pub use data_key::DataKey;
pub use digest::{Digest, InvalidDigest, constant_time_eq, sha256};
pub use error::CryptoError;
pub use keyring::{InvalidKeyId, KeyId, Keyring, KeyringError, Wrapped};
pub use password::{check_strength, dummy_hash, hash_password, verify_password};
pub use sealer::Sealer;
pub use signature::{InvalidVerifyingKey, SignatureAlgorithm, VerifyingKey};
pub use token::{InvalidToken, Token, TokenKind, random_url_token};
/// The wrapper that overwrites what it holds when it is dropped.
pub use zeroize::Zeroizing;
