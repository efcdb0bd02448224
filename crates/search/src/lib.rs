//! A user's partition: vectors, keywords, ranking.
//!
//! The database holds only ciphertext, so a search happens in the memory of the
//! node: `app` decrypts the memories of one person into a [`Partition`], keeps it
//! up to date with [`Partition::upsert`] and [`Partition::remove`], and asks it
//! with [`Partition::query`]. Many at once are made ready on many threads and
//! put in by one. Everything here is pure computation: no input or
//! output, no async, no clock; nothing is ever written. The text of a memory is
//! not kept, only keyed hashes of its words and the days that it names.
//!
//! How a query is answered, in the order of the modules:
//!
//! 1. [`Query::filter`] and [`Query::conditions`] decide which memories are
//!    candidates ([`ParsedQuery`] reads conditions out of a question). What they do not
//!    admit takes no part at all, not even in the statistics: the answer is the
//!    one that a partition of the candidates alone would give.
//! 2. `centre` and `asking`: what the vectors of all candidates, and those of questions
//!    in its language, have in common is taken off the query, and `vectors`: the cosine
//!    of every candidate to it.
//! 3. `keywords`: the BM25 score of every candidate that shares a word.
//! 4. `dates`: how close to the days that the query names, if it does.
//! 5. `rank`: vectors and words are stretched to 0..=1 over the candidates and mixed,
//!    and the rest is added, also what a text tells about itself (`cues`).
//! 6. `timeline` and `occasions`: candidates that were written together lend each other
//!    of that, and gain when they hold the query's words together.
//!
//! How much each thing counts is in [`Ranking`].
//!
//! ```
//! use picard_domain::{Instant, MemoryFilter, MemoryId, Permission};
//! use picard_search::{Conditions, Entry, Partition, Query, Ranking};
//! # use uuid::Uuid;
//! let mut partition = Partition::new(2);
//! let id = MemoryId::from_uuid(Uuid::from_u128(1));
//! partition.upsert(id, Entry {
//!     text: "Jean-Luc drinks Earl Grey, hot.",
//!     vectors: &[vec![0.6, 0.8]],
//!     permission: Permission::Private,
//!     expires: None,
//!     created_at: Instant::from_micros(0),
//! });
//! let hits = partition.query(&Query {
//!     text: "earl grey",
//!     vector: &[0.6, 0.8],
//!     filter: MemoryFilter::default(),
//!     conditions: Conditions::none(),
//!     now: Instant::from_micros(1),
//!     limit: 10,
//!     ranking: &Ranking::PRODUCT,
//! });
//! assert_eq!(hits[0].id, id);
//! ```

mod analysis;
mod asking;
mod candidates;
mod centre;
mod common;
mod conditions;
mod cover;
mod cues;
mod dates;
#[cfg(test)]
mod fixtures;
mod keywords;
mod occasions;
mod partition;
mod query;
mod rank;
mod ranking;
#[cfg(test)]
mod reference;
mod signs;
mod slots;
mod stored;
mod syntax;
mod timeline;
mod vectors;
mod wide;

pub use analysis::Analysis;
pub use common::common_of_e5;
pub use conditions::Conditions;
pub use keywords::Phrase;
pub use partition::{Entry, Partition, Prepared, Preparer, StoredEntry};
pub use query::{Hit, Query};
pub use ranking::{Ranking, RankingError};
pub use stored::Stored;
pub use syntax::{ParsedQuery, QueryError};
pub use vectors::Codes;
