//! Ports that stay free until they are used, and between two uses.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU16, Ordering},
};

/// Returns a port of 127.0.0.1 that nobody listens on, and that is given out once in a
/// process.
///
/// It is below those that systems give to whoever asks for any port (`127.0.0.1:0`) and
/// to outgoing connections: nobody else takes it before it is used, nor while a service
/// that listened on it starts again.
///
/// # Panics
/// When all of them are in use.
pub fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 400) as u16 * 29;
    (0..11_600_u16)
        .map(|_| 20_000 + (first + TRIED.fetch_add(1, Ordering::Relaxed) % 11_600) % 11_600)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of the ports is free")
}

/// Returns the address with such a port.
pub fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}
