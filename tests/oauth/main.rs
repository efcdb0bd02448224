//! The authorization server under attack: every row of the table whose id
//! begins with A or T, as far as today's endpoints go, and its neighbours.

mod authorize;
mod consent;
mod discovery;
mod log_in;
mod refresh;
mod table;
mod time;
mod token;
