//! What could not be fetched lately. A client can have its keys asked for as often
//! as it likes to present something; a host that is out or slow is asked once a
//! minute all the same. Each node remembers for itself: that is bound enough.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use picard_domain::{Instant, Span};

/// How long after a failure it is tried again.
const AGAIN: Span = Span::minutes(1);

/// The URLs that failed, when, and whether a copy stood in.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<String, (Instant, bool)>>);

impl Failures {
    /// Tells whether a copy stood in when this URL failed, if that was within the
    /// last minute.
    pub(crate) fn lately(&self, url: &str, now: Instant) -> Option<bool> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, stood_in) = failures.get(url)?;
        (now < *at + AGAIN).then_some(*stood_in)
    }

    /// Remembers a failure for a minute.
    pub(crate) fn remember(&self, url: &str, stood_in: bool, now: Instant) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The table holds a minute's failures, and no more.
        failures.retain(|_, (at, _)| now < *at + AGAIN);
        failures.insert(url.to_owned(), (now, stood_in));
    }
}
