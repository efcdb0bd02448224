//! What `picard export`, `import` and `eval` share: whose memories, and how far it is.

use std::io::{IsTerminal as _, Write as _};

use picard_app::{Access, App, LocalError};
use picard_domain::Handle;

use crate::hint::OrHint as _;

/// Finds the person whose memories these are.
pub(crate) async fn owner(app: &App, handle: &Handle) -> anyhow::Result<Access> {
    match app.owner_of(handle).await {
        Err(error @ LocalError::Unknown(_)) => Err(error)
            .or_hint("`--user` takes the handle of an account; `picard user add` makes one"),
        found => Ok(found?),
    }
}

/// A count on standard error, where a person looks at it.
pub(crate) struct Progress {
    what: &'static str,
    done: usize,
    /// How many there will be, if that is known.
    total: Option<usize>,
    shown: bool,
}

impl Progress {
    /// Counts from nought.
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            done: 0,
            total: None,
            shown: std::io::stderr().is_terminal(),
        }
    }

    /// Counts up to a number that is known.
    pub(crate) fn of(what: &'static str, total: usize) -> Self {
        Self {
            total: Some(total),
            ..Self::new(what)
        }
    }

    /// Counts on and shows it.
    pub(crate) fn advance(&mut self, by: usize) {
        self.done += by;
        if self.shown {
            let of = self
                .total
                .map_or(String::new(), |total| format!(" of {total}"));
            // Whether anybody sees it changes nothing.
            let _ = write!(std::io::stderr(), "\r{}{of} {}", self.done, self.what);
        }
    }

    /// Takes the count away, to be shown again by the next one: what is written
    /// to the terminal between has a line of its own.
    pub(crate) fn clear(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    /// Returns the count.
    pub(crate) fn end(self) -> usize {
        self.clear();
        self.done
    }
}
