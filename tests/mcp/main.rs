//! The Model Context Protocol as others see it.

mod attacks;
mod audit;
mod batches;
mod cancellation;
mod conformance;
mod gate;
mod listen;
mod pace;
mod prompts;
mod resources;
mod rig;
mod stdio;
mod tools;
