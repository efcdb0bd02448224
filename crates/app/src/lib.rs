//! The use cases of the server: remember, recall, update, forget, ask a
//! persona; sign up, log in, consent, exchange, revoke.
//!
//! [`App`] is what `server` and `cli` hold. It knows the store, the keys, the
//! model and the partitions, and nothing of HTTP. Each file is one group of
//! use cases.

mod access;
mod account;
mod activity;
mod activity_words;
mod admin;
mod app;
mod attempts;
mod audit;
mod authorize;
mod browser_name;
mod client_auth;
mod clients;
mod documents;
mod embedding;
mod error;
mod exchange;
mod failures;
mod fetch;
mod housekeeping;
mod import;
mod intake;
mod keys;
mod known;
mod line;
mod loaded;
mod loading;
mod local;
mod log_in;
mod master_keys;
mod memories;
mod model_health;
mod notice;
mod partitions;
mod passwords;
mod people_types;
mod persona;
mod previous;
mod readiness;
mod reading;
mod recall;
mod registration;
mod renewal;
mod requests;
#[cfg(test)]
mod scene;
mod seats;
mod sign_up;
mod suggest;
mod tokens;
mod watch;

pub use access::{Access, Authorized, Read, ScopeType, Write};
pub use activity::{Activity, ActivityQuery};
pub use activity_words::{activity_in_words, way_in_words};
pub use admin::{
    Actor, AdminAct, AdminError, Administration, Application, Health, Kept, KeyUse, Listed,
    NewApplication, Overview, PersonDetails, Registered, Tally,
};
pub use app::{App, OpenError, Settings, database_retries, inspect, migrate};
pub use authorize::{Answer, Asked, ConsentPage, NotAsked};
pub use browser_name::browser_name;
pub use clients::{Client, ClientRegistration, InvalidRegistration, Origin};
pub use error::{Cause, Error};
pub use exchange::TokenError;
pub use fetch::{Fetch, FetchError, Fetched, Fetching, NoFetch, Wanted};
pub use housekeeping::Cleared;
pub use import::{Fate, ImportMode, Importer};
pub use intake::{ImportReport, ImportedLines, Intake, LineError, Lines};
pub use keys::ReadKeyring;
pub use line::{Incoming, InvalidLine, write_line};
pub use local::LocalError;
pub use master_keys::{MasterKeys, Rewrapped};
pub use notice::Notice;
pub use people_types::{
    Account, ApplicationView, DeletionError, LogInError, NewAccount, PasswordError, Person,
    SessionView, SignUpError, SignedIn, Visit,
};
pub use picard_search::{ParsedQuery, QueryError};
pub use picard_store::audit::{Act, Bookmark, By, Entry, Note, Surface};
pub use previous::LoadModel;
pub use readiness::{DatabaseState, ModelState, State};
pub use renewal::Renewed;
pub use requests::{
    AskPersona, ExpirationChange, Found, ListMemories, MemoryChange, MemoryPage, NewMemory,
    Persona, PublicUser, Recall, Recalled, UserRef,
};
pub use watch::{Changed, Watch};
