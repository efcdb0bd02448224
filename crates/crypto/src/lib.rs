//! Keys, Fernet texts, sealed values, password hashes, tokens and their digests.
