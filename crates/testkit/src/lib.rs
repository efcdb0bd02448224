//! What tests share: clocks, entropy, databases, servers, browser.
