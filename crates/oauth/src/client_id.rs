//! What a client calls itself on the wire.

use std::{fmt, str::FromStr};

use picard_crypto::sha256;
use picard_domain::ClientId;
use serde::{Deserialize, Serialize};
use uuid::Builder;

use crate::cimd::DocumentUrl;

/// The `client_id` of a request: an id that this server gave out, or the URL of
/// a document about the client.
///
/// Inside the server every client is a [`ClientId`]. The one of a document is
/// made from its URL, so that it is the same on every node, and is never
/// accepted on the wire instead of the URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ClientIdentifier {
    /// A client that is registered with this server.
    Registered(ClientId),
    /// A client that is known by a Client ID Metadata Document.
    Document(DocumentUrl),
}

/// A text that cannot be the id of a client of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no client_id of this server")]
pub struct InvalidClientIdentifier;

impl ClientIdentifier {
    /// Returns the name inside the server. For a document: a UUID of version 8
    /// with bits of the SHA-256 of the URL.
    pub fn client_id(&self) -> ClientId {
        match self {
            Self::Registered(id) => *id,
            Self::Document(url) => {
                let digest = sha256(format!("client metadata document {url}").as_bytes());
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&digest[..16]);
                ClientId::from_uuid(Builder::from_custom_bytes(bytes).into_uuid())
            }
        }
    }
}

impl FromStr for ClientIdentifier {
    type Err = InvalidClientIdentifier;

    /// Reads a UUID as this server writes it, and in no other spelling of the
    /// same UUID; or a URL as [`DocumentUrl`] wants it.
    fn from_str(text: &str) -> Result<Self, InvalidClientIdentifier> {
        if let Ok(id) = text.parse::<ClientId>() {
            return if id.to_string().eq_ignore_ascii_case(text) {
                Ok(Self::Registered(id))
            } else {
                Err(InvalidClientIdentifier)
            };
        }
        text.parse()
            .map(Self::Document)
            .map_err(|_| InvalidClientIdentifier)
    }
}

impl TryFrom<String> for ClientIdentifier {
    type Error = InvalidClientIdentifier;

    fn try_from(text: String) -> Result<Self, InvalidClientIdentifier> {
        text.parse()
    }
}

impl From<ClientId> for ClientIdentifier {
    fn from(id: ClientId) -> Self {
        Self::Registered(id)
    }
}

impl From<ClientIdentifier> for String {
    fn from(id: ClientIdentifier) -> Self {
        id.to_string()
    }
}

impl fmt::Display for ClientIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered(id) => id.fmt(f),
            Self::Document(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "6f1c2ad0-3b7e-4b6e-9f65-0d6a3c1c2b11";
    const URL: &str = "https://app.example/oauth/client.json";

    fn read(text: &str) -> Result<ClientIdentifier, InvalidClientIdentifier> {
        text.parse()
    }

    #[test]
    fn a_uuid_and_a_url_are_read_and_written_as_they_are() {
        assert!(matches!(read(UUID), Ok(ClientIdentifier::Registered(_))));
        assert!(matches!(read(URL), Ok(ClientIdentifier::Document(_))));
        for text in [UUID, URL] {
            let id = read(text).unwrap();
            assert_eq!(id.to_string(), text);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<ClientIdentifier>(&json).unwrap(), id);
        }
    }

    #[test]
    fn nothing_else_is_an_id() {
        for text in [
            "",
            "app",
            "6f1c2ad03b7e4b6e9f650d6a3c1c2b11",
            "urn:uuid:6f1c2ad0-3b7e-4b6e-9f65-0d6a3c1c2b11",
            "{6f1c2ad0-3b7e-4b6e-9f65-0d6a3c1c2b11}",
            "http://app.example/client.json",
            "https://app.example",
        ] {
            assert_eq!(read(text), Err(InvalidClientIdentifier), "{text}");
        }
    }

    #[test]
    fn a_document_s_id_inside_is_of_its_url_alone() {
        let inside = |text| read(text).unwrap().client_id();
        assert_eq!(inside(URL), inside(URL));
        assert_ne!(
            inside(URL),
            inside("https://app.example/oauth/client2.json")
        );
        assert_eq!(inside(URL).uuid().get_version_num(), 8);
        assert_eq!(inside(UUID).to_string(), UUID);
    }
}
