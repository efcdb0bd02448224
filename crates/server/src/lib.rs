//! The server over HTTP: OAuth, tools, pages.
