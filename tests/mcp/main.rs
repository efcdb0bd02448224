//! The Model Context Protocol as others see it.

mod conformance;
