//! A typed client for a Picard server.
