//! The use cases of the server: remember, recall, update, forget, ask a
//! persona; sign up, log in, consent, exchange, revoke.
//!
//! [`App`] is what `server` and `cli` hold. It knows the store, the keys, the
//! model and the partitions, and nothing of HTTP. Each file is one group of
//! use cases.

mod error;
mod people_types;

pub use error::{Cause, Error};
pub use people_types::{
    Account, ApplicationView, LogInError, NewAccount, PasswordError, Person, SessionView,
    SignUpError, SignedIn, Visit,
};
