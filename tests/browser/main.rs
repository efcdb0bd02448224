//! The browser part of the suite.
