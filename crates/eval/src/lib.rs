//! Measures retrieval: how much of what answers a question is found, and how high.
//!
//! What is measured is the product. The memories of a [`DataSet`] are stored as memories of
//! people (encrypted, with their vectors, in a database), and every question goes through
//! [`App::recall`](picard_app::App::recall), the use case that serves `query_memory`.
//!
//! 1. [`data`] reads a file and makes [`Collection`]s of it: memories, and questions with what
//!    answers them.
//! 2. [`Stage`] stores them and asks, with one [`Ranking`](picard_search::Ranking) or another.
//! 3. [`metrics`] tells of each answer how good it is, [`report`] what that is on average,
//!    [`bootstrap`] whether a difference is more than chance, and [`tuning`] what a setting
//!    brings on conversations that it was not chosen on.
//!
//! Nothing here prints, reads the environment or makes folders: that is `picard eval` in `cli`.

pub mod bootstrap;
pub mod data;
pub mod metrics;
mod queries;
pub mod report;
mod stage;
pub mod tuning;

pub use data::{Collection, DataSet, InvalidData, Measure};
pub use stage::{Answer, Error, Measured, Place, Run, Stage, Stop, Timing, Watch};
