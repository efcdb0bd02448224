//! What the flows of the suite share: the real binary, a browser as far as
//! HTTP goes, an application written from the RFCs alone, and a server in this
//! process with a clock that is turned by hand, and the table of attacks.

pub mod application;
pub mod process;
pub mod server;
pub mod table;
pub mod visitor;
