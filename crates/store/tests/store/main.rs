//! What the store promises, told through its public interface on SQLite and
//! on PostgreSQL. One program, so that there is one PostgreSQL for all of it.

mod administration;
mod audit;
mod clients;
mod common;
mod habits;
mod import;
mod memories;
mod oauth;
mod outdated;
mod people;
mod races;
mod schema;
