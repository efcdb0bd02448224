//! A whole application: logs a person in at a server, stores a memory in their
//! name and finds it again by meaning.
//!
//! Start a server (`picard up`), give it an administrator (`picard user add admin
//! --of server --admin`), register a client, and run:
//!
//! ```text
//! export OAUTH_CLIENT_ID=29cf93bd-c18e-425c-bd5f-5895722ca3ff
//! export OAUTH_CLIENT_SECRET=0123456789abcdef0123456789abcdef
//! OAUTH_REDIRECT_URI=http://127.0.0.1/callback picard client register --name Example
//! cargo run -p picard-client --example remember -- \
//!     http://localhost:8001 $OAUTH_CLIENT_ID $OAUTH_CLIENT_SECRET
//! ```

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of its own: it talks to a person and has the clock"
)]

use std::{sync::Arc, time::SystemTime};

use anyhow::{Context, Result};
use picard_client::{
    Client, MemoryTokenStore, NewMemory, OAuth, Query, Registration, Secret, Server,
};
use picard_domain::{Clock, Entropy, Instant, Scopes};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Instant::from_micros(since_epoch.map_or(0, |time| time.as_micros() as i64))
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has random bytes");
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments
        .next()
        .context("usage: remember SERVER CLIENT_ID [CLIENT_SECRET]")?;
    let client_id = arguments
        .next()
        .context("usage: remember SERVER CLIENT_ID [CLIENT_SECRET]")?;

    // A native application listens on a loopback port of its own (RFC 8252 section 7.3).
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let registration = Registration {
        client_id,
        client_secret: arguments.next().map(Secret::new),
        redirect_uri: format!(
            "http://127.0.0.1:{}/callback",
            listener.local_addr()?.port()
        ),
    };
    let oauth = OAuth::new(Server::new(&server)?, registration)?;
    let clock = Arc::new(SystemClock);

    let begun = oauth
        .authorize(Scopes::read_write(), &SystemEntropy)
        .await?;
    println!(
        "Open this address in a browser and allow access:\n\n  {}\n",
        begun.url
    );
    let query = wait_for_callback(&listener).await?;
    let tokens = oauth.exchange(begun.pending, &query, clock.now()).await?;
    if let Some(identity) = oauth.introspect(&tokens).await? {
        println!(
            "Connected as {} (@{}) for {}.",
            identity.name, identity.handle, tokens.scopes
        );
    }

    // An application that is to stay connected keeps the tokens in a store of its own.
    let picard = Client::new(oauth, MemoryTokenStore::new(tokens), clock);
    let stored = picard
        .submit_memory(&NewMemory::new("I take my tea Earl Grey, hot."))
        .await?;
    println!("Stored {} ({}).", stored.id, stored.permission);

    println!("What do I like to drink?");
    for hit in picard
        .query_memory(&Query::new("What do I like to drink?"))
        .await?
        .memories
    {
        println!(
            "  {:.2}  {}",
            hit.score.unwrap_or_default(),
            hit.memory.text.expose()
        );
    }
    Ok(())
}

/// Waits for the browser to come back, and reads the query of its request.
async fn wait_for_callback(listener: &TcpListener) -> Result<String> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut line = String::new();
        BufReader::new(&mut stream).read_line(&mut line).await?;
        let target = line.split(' ').nth(1).unwrap_or_default();
        let address = url::Url::parse("http://127.0.0.1")?.join(target)?;
        let mine = address.path() == "/callback";
        let (status, words) = if mine {
            ("200 OK", "You can close this page.")
        } else {
            ("404 Not Found", "")
        };
        let length = words.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}"
        );
        stream.write_all(answer.as_bytes()).await?;
        if mine {
            return Ok(address.query().unwrap_or_default().to_owned());
        }
    }
}
