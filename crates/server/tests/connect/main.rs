//! Connecting assistants: what they are told, and the test of the address
//! against real servers with real faults.

mod documents;
mod faults;
mod front;
mod instructions;
