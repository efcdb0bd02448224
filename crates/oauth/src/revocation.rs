//! The revocation endpoint (RFC 7009).

use crate::{ClientAuth, OAuthError, Secret, token::read_body};

/// A request to revoke a token. The answer is an empty 200 whether or not there
/// was such a token (section 2.2); revoking a refresh token ends its grant.
///
/// A `token_type_hint` is not kept: a token's prefix says what it is.
#[derive(Debug)]
pub struct RevocationRequest {
    /// Who asks. A public client is known by its name and by having the token.
    pub client: ClientAuth,
    /// The token.
    pub token: Secret,
}

impl RevocationRequest {
    /// Reads the header `Authorization`, the query of the URL (which must hold
    /// nothing) and the raw body.
    pub fn parse(
        authorization: Option<&str>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, OAuthError> {
        let form = read_body(query, body)?;
        let client = ClientAuth::read(authorization, &form)?;
        let token = Secret::new(form.required("token")?.to_owned());
        form.one("token_type_hint")?;
        Ok(Self { client, token })
    }
}
