//! Clients that we did not write, each the whole way: from the 401 over
//! registration, log-in and consent to a memory that is stored and found.
//!
//! The clients are packages of `tests/interop/node` and `tests/interop/python`,
//! with a small script for each; `scripts/test` installs them.

mod client;
mod inspector;
mod scripts;
