//! Connecting assistants: how each of them is told about this server, and
//! whether the address that they are told works.
//!
//! [`assistants`] is the one place with instructions: the page `/connect` shows
//! it, and a test holds `docs/connect.md` against it. [`check`] asks the public
//! address what a client would ask; the page and `picard doctor` show its rows.

mod assistants;
mod check;
mod links;

pub use assistants::{Assistant, Format, Reach, Snippet, Step, assistants};
pub(crate) use check::is_loopback;
pub use check::{Row, Target, Verdict, check};
