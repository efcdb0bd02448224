//! What a bearer token stands for, and the proof that its scopes suffice.

use std::{marker::PhantomData, sync::Arc};

use picard_crypto::DataKey;
use picard_domain::{ClientId, GrantId, Handle, Instant, Scope, Scopes, UserId};

use picard_store::audit::Surface;

use crate::{Error, audit::Via};

/// A valid access token: who, through which application, with which scopes.
#[derive(Clone)]
pub struct Access {
    /// In whose name the application acts.
    pub user_id: UserId,
    /// That person's handle.
    pub handle: Handle,
    /// The application; nil for the owner of the data directory, who comes
    /// through none.
    pub client_id: ClientId,
    /// What ties the token to the person's consent; nil for the owner of the
    /// data directory.
    pub grant_id: GrantId,
    /// What it may do.
    pub scopes: Scopes,
    /// When the token ends.
    pub expires_at: Instant,
    /// What it rests on.
    pub(crate) proof: Proof,
    /// The person's version when the token was checked: what a partition must
    /// have reached to answer this request.
    pub(crate) version: i64,
    pub(crate) key: Arc<DataKey>,
    /// What the audit trail says of the call.
    pub(crate) via: Via,
}

/// What an access rests on, to be looked at again.
#[derive(Clone, Copy)]
pub(crate) enum Proof {
    /// An access token, by its digest.
    Token([u8; 32]),
    /// The data directory itself: see `local.rs`.
    DataDirectory,
}

/// A scope as a type.
pub trait ScopeType {
    /// The scope.
    const SCOPE: Scope;
}

/// `memories:read` as a type.
pub enum Read {}
/// `memories:write` as a type.
pub enum Write {}

impl ScopeType for Read {
    const SCOPE: Scope = Scope::Read;
}

impl ScopeType for Write {
    const SCOPE: Scope = Scope::Write;
}

/// Proof that the caller's token allows `S`. Use cases ask for it, and only
/// [`Access::authorize`] makes it, so a use case without a scope check does
/// not compile.
pub struct Authorized<S> {
    access: Access,
    scope: PhantomData<S>,
}

impl Access {
    /// Says which way the call came.
    #[must_use]
    pub fn over(mut self, surface: Surface) -> Self {
        self.via.surface = surface;
        self
    }

    /// Returns which way the call came.
    pub fn surface(&self) -> Surface {
        self.via.surface
    }

    /// Says by which tool, or other method, the memories are reached.
    #[must_use]
    pub fn called(mut self, tool: &'static str) -> Self {
        self.via.tool = tool;
        self
    }

    /// Checks the scope.
    pub fn authorize<S: ScopeType>(&self) -> Result<Authorized<S>, Error> {
        if self.scopes.allows(S::SCOPE) {
            Ok(Authorized {
                access: self.clone(),
                scope: PhantomData,
            })
        } else {
            Err(Error::InsufficientScope {
                needed: S::SCOPE,
                granted: self.scopes,
            })
        }
    }
}

impl<S> std::ops::Deref for Authorized<S> {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}
