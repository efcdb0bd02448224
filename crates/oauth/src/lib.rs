//! The OAuth 2.0 protocol as pure code.
