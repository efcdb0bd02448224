//! Copying all tables of a service from one database to another, whichever
//! they are, and telling by digests whether two hold the same.
//!
//! No table is named here or anywhere else: a [`Plan`] asks the migrations
//! themselves, so a table that a later one brings cannot be forgotten. A
//! [`Copy`](struct@Copy) walks both databases in the order of the keys and brings the second
//! to what the first holds, in batches. What is equal already is left alone, so
//! one that was stopped goes on where it was, and what was written to the
//! source meanwhile is brought over by doing it again. While it is not complete, a
//! [mark](`marked`) keeps services from starting on the copy.
//!
//! The callers are the commands `migrate`, `backup` and `restore`.

mod cell;
mod digest;
mod mark;
mod plan;
mod side;
mod sync;
mod walk;

pub use digest::{TableDigest, digests};
pub use mark::{mark, marked, unmark};
pub use plan::Plan;
pub use sync::{Commit, Copy};

/// Is told of how many rows work went on.
pub type Told<'a> = &'a mut dyn FnMut(u64);
