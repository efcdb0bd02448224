//! The web client: pages over the public API.
