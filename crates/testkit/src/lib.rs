//! What tests share: clocks, entropy, databases, servers, browser.

mod clock;
pub mod cluster;
mod databases;
mod embedder;
mod entropy;
mod held;
mod moody;
mod ports;
pub mod postgres;
mod sql;

pub use clock::FakeClock;
pub use cluster::Cluster;
pub use databases::{TestDatabase, databases};
pub use embedder::HashEmbedder;
pub use entropy::SeededEntropy;
pub use held::HeldEmbedder;
pub use moody::MoodyEmbedder;
pub use ports::{free_address, free_port};
pub use sql::NOT_EVERYWHERE;
