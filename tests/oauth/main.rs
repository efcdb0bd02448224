//! The authorization server under attack: every row of the table whose id
//! begins with A or T, and its neighbours.

mod authorize;
mod consent;
mod discovery;
mod log_in;
mod refresh;
mod secrecy;
mod time;
mod token;
mod traps;
