//! What the web client needs to keep secret, derived from its one keyring, so
//! that one file holds it all.

use picard_crypto::Keyring;
use picard_domain::ClientId;

/// The web client's secrets on embedded defaults.
pub(crate) struct WebSecrets {
    /// Its id at the server.
    pub(crate) client_id: ClientId,
    /// Its secret at the server.
    pub(crate) client_secret: String,
    /// What it seals tokens with.
    pub(crate) secret_key: String,
}

impl WebSecrets {
    /// Derives them; the same keyring always gives the same.
    pub(crate) fn derive(keyring: &Keyring) -> Self {
        let sealer = keyring.sealer("picard web");
        let hex = |label: &str| {
            let secret = sealer.derive(label);
            let (high, low) = secret.split_at(16);
            let half = |half: &[u8]| u128::from_be_bytes(half.try_into().unwrap_or_default());
            format!("{:032x}{:032x}", half(high), half(low))
        };
        let mut id = [0; 16];
        id.copy_from_slice(&sealer.derive("oauth client id")[..16]);
        let id = uuid::Builder::from_random_bytes(id).into_uuid();
        Self {
            client_id: ClientId::from_uuid(id),
            client_secret: hex("oauth client secret"),
            secret_key: hex("secret key"),
        }
    }
}
