//! What the flows of the suite share: the real binary, a browser as far as
//! HTTP goes, an application written from the RFCs alone, a server in this
//! process with a clock that is turned by hand, the table of attacks, and what programs
//! that are not ours need: a Node to run in, a gate that adds a token. And a part of the
//! Internet: hosts with documents, keys that sign; and several servers on one database.

pub mod application;
pub mod compose;
pub mod installation;
pub mod node;
pub mod nodes;
pub mod process;
pub mod proxy;
pub mod server;
pub mod signer;
pub mod table;
pub mod visitor;
pub mod web_host;
