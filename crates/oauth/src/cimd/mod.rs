//! Client ID Metadata Documents: a client whose id is the https URL of a
//! document about it (draft-ietf-oauth-client-id-metadata-document).
//!
//! Nobody registers such a client. Who controls the URL vouches for it, so the
//! rules for the URL ([`DocumentUrl`]) are strict, and the person is shown its
//! host. [`ClientDocument`] reads what is there, [`freshness`] says for how long
//! it holds. Fetching is the server's (`outbound` has the rules for that).

mod caching;
mod document;
mod url;

pub use caching::{STALE, freshness};
pub use document::{ClientDocument, DocumentAuth, InvalidDocument, KeySource};
pub use url::{DocumentUrl, InvalidDocumentUrl};
