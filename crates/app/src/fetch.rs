//! Fetching what clients publish about themselves. The use cases say what, and
//! what to do when it fails; how it is done safely is the business of whoever
//! opens them ([`Fetch`] is a parameter, as the clock is).

use std::{future::Future, pin::Pin};

use picard_domain::Span;
use picard_oauth::outbound::OutboundUrl;

/// A fetch that is under way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;

/// Gets JSON documents from the public Internet, and from nowhere else.
///
/// The URL comes from a stranger. An implementation resolves its host once,
/// connects only to an address that it checked, follows no redirect, and bounds
/// bytes, time and how much goes on at once.
pub trait Fetch: Send + Sync {
    /// Gets a document of `most` bytes at most.
    fn fetch<'a>(&'a self, url: &'a OutboundUrl, most: usize, what: Wanted) -> Fetching<'a>;
}

/// What is fetched. Each has bounds of its own, so that whoever uses up those of
/// one kind leaves the others alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// The document of a client that nobody here has heard of: anybody can name one.
    NewDocument,
    /// The document of a client that had a good one.
    KnownDocument,
    /// The keys of a client that is known.
    Keys,
}

/// What was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The body.
    pub body: Vec<u8>,
    /// For how long it holds, by its own word within the server's bounds.
    pub fresh_for: Span,
}

/// Why nothing was fetched. Each is to be read after "it".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The name leads to an address that is private, local or of another special
    /// use. Nothing was sent there.
    #[error("is at an address that is not on the public Internet")]
    Address,
    /// No such name, no connection, no TLS, or no answer.
    #[error("cannot be reached")]
    Unreachable,
    /// Connected, but the whole answer did not come in time.
    #[error("did not come in time")]
    Slow,
    /// Another status than 200; redirects are not followed.
    #[error("was answered with the status {0} in place of 200")]
    Status(u16),
    /// No JSON by its `Content-Type`, or compressed.
    #[error("is not plain JSON by its headers")]
    NotJson,
    /// More bytes than asked for.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// This server fetches too much right now, from this host or at all. The host
    /// has no part in it.
    #[error("was not asked for, since this server fetches too much right now")]
    Busy,
}

impl FetchError {
    /// Tells whether it is likely the host's trouble of the moment and no word
    /// about the client: then the last good copy stands in. A redirect, an error
    /// or a page of HTML is what a broken or guarded host answers.
    pub const fn may_pass(&self) -> bool {
        !self.is_final() && !matches!(self, Self::Address)
    }

    /// Tells whether the host gave its last word: what was there is gone, or has
    /// become something that is never read.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::TooLong(_) | Self::Status(410))
    }

    /// Tells whether it is an outage: nothing came, or the host says so itself. An
    /// address inside looks the same to whoever asks, and tells nothing about it.
    pub const fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Address | Self::Status(429 | 500..)
        )
    }
}

/// Fetches nothing: for a process that serves no clients over the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFetch;

impl Fetch for NoFetch {
    fn fetch<'a>(&'a self, _: &'a OutboundUrl, _: usize, _: Wanted) -> Fetching<'a> {
        Box::pin(async { Err(FetchError::Unreachable) })
    }
}
