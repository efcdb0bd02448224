//! The authorization server under attack: every row of the table whose id
//! begins with A, T or R, and its neighbours.

mod assertions;
mod authorize;
mod consent;
mod discovery;
mod documents;
mod fetching;
mod log_in;
mod refresh;
mod registration;
mod secrecy;
mod time;
mod token;
mod traps;
mod unread;
