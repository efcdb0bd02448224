//! The whole product as people meet it: the real binary, a real Chromium, a
//! fresh data directory.
//!
//! `usage` walks what the reference calls Usage 1 to 6 and its OAuth flow,
//! `personas` has a second person in it, `asking` is about the query language, `admin` about
//! administrators, `endings` is about access that is
//! refused, revoked or deleted, `copying` is the page with texts for assistants,
//! `without_scripts` is the same way without
//! JavaScript, and `tour` looks at every page of both services (`sound`, `legible`).

mod acts;
mod admin;
mod asking;
mod browser;
mod chromedriver;
mod copying;
mod endings;
mod legible;
mod people;
mod personas;
mod sound;
mod tour;
mod traffic;
mod usage;
mod without_scripts;
