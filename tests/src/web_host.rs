//! A part of the Internet in this process: a TLS server for any names, with a
//! certificate, a DNS, and manners as good or bad as the test wants.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use picard_server::outbound::{Fetcher, FetcherSettings, Resolver, Resolving, Roots};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The one address that counts as public in tests with [`WebHost::fetcher`].
pub const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// An address on the same machine that does not.
pub const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// How a URL is answered.
#[derive(Clone)]
pub enum Answer {
    /// With these bytes, and the end.
    Raw(Vec<u8>),
    /// With these bytes, and then a space every 20 ms, without end.
    Drip(Vec<u8>),
    /// With these bytes, and then as many spaces as are taken.
    Flood(Vec<u8>),
}

/// The host. Names lead to it unless the test says otherwise.
pub struct WebHost {
    shared: Arc<Shared>,
    roots: Arc<RootCertStore>,
    serving: JoinHandle<()>,
}

struct Shared {
    port: u16,
    answers: Mutex<HashMap<String, Answer>>,
    asked: Mutex<Vec<String>>,
    looked_up: Mutex<Vec<String>>,
    addresses: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
}

impl WebHost {
    /// Starts a host that can prove to have these names.
    pub async fn start(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a root");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a key for the certificate");
        let listener = TcpListener::bind((PUBLIC, 0)).await.expect("a free port");
        let shared = Arc::new(Shared {
            port: listener.local_addr().expect("an address").port(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            looked_up: Mutex::default(),
            addresses: Mutex::default(),
        });
        let serving = tokio::spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            shared.clone(),
        ));
        Self {
            shared,
            roots: Arc::new(roots),
            serving,
        }
    }

    /// A fetcher that believes this host's certificate and DNS, and for which
    /// [`PUBLIC`] is the only address on the Internet.
    pub fn fetcher(&self) -> Arc<Fetcher> {
        self.fetcher_with(|address| address == PUBLIC)
    }

    /// The same with the real rules about addresses.
    pub fn strict_fetcher(&self) -> Arc<Fetcher> {
        self.fetcher_with(picard_oauth::outbound::is_public)
    }

    /// The same with rules about addresses of the test's own.
    pub fn fetcher_with(&self, permits: fn(IpAddr) -> bool) -> Arc<Fetcher> {
        let settings = FetcherSettings {
            resolver: Arc::new(Dns(self.shared.clone())),
            permits,
            roots: Roots::Only(self.roots.clone()),
        };
        Arc::new(Fetcher::new(settings).expect("TLS"))
    }

    /// Answers a URL in a way of its own.
    pub fn answer(&self, url: &str, answer: Answer) {
        let mut answers = self.shared.answers.lock().expect("no panic");
        answers.insert(url.to_owned(), answer);
    }

    /// Answers a URL with a status, headers (each with its line's end) and a body.
    pub fn respond(&self, url: &str, status: &str, headers: &str, body: &[u8]) {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
        self.answer(url, Answer::Raw([head.as_bytes(), body].concat()));
    }

    /// Answers a URL with JSON that is fresh for a minute.
    pub fn publish(&self, url: &str, json: &Value) {
        let headers = "Content-Type: application/json\r\nCache-Control: max-age=60\r\n";
        self.respond(url, "200 OK", headers, json.to_string().as_bytes());
    }

    /// Answers a URL with an outage.
    pub fn fail(&self, url: &str) {
        self.respond(url, "503 Service Unavailable", "", b"");
    }

    /// What a name leads to at the first look-up, the second, and so on; the last
    /// holds for all that follow.
    pub fn resolve(&self, name: &str, answers: &[&[IpAddr]]) {
        let answers = answers.iter().map(|some| some.to_vec()).collect();
        let mut addresses = self.shared.addresses.lock().expect("no panic");
        addresses.insert(name.to_owned(), answers);
    }

    /// Returns the URLs that were asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("no panic").clone()
    }

    /// Returns the names that were looked up so far.
    pub fn looked_up(&self) -> Vec<String> {
        self.shared.looked_up.lock().expect("no panic").clone()
    }
}

impl Drop for WebHost {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Dns(Arc<Shared>);

impl Resolver for Dns {
    fn resolve<'a>(&'a self, host: &'a str, _: u16) -> Resolving<'a> {
        let shared = &self.0;
        shared
            .looked_up
            .lock()
            .expect("no panic")
            .push(host.to_owned());
        let mut addresses = shared.addresses.lock().expect("no panic");
        let answer = match addresses.get_mut(host) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers.first().cloned().unwrap_or_default(),
            None => vec![PUBLIC],
        };
        let found = answer
            .into_iter()
            .map(|ip| SocketAddr::new(ip, shared.port));
        let found = found.collect();
        Box::pin(async move { Ok(found) })
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            // Whoever goes away in the middle is done with us.
            let _ = converse(stream, tls, &shared).await;
        });
    }
}

async fn converse(stream: TcpStream, tls: TlsAcceptor, shared: &Shared) -> std::io::Result<()> {
    let mut stream = tls.accept(stream).await?;
    let url = read_request(&mut stream).await?;
    shared.asked.lock().expect("no panic").push(url.clone());
    let answer = shared.answers.lock().expect("no panic").get(&url).cloned();
    match answer {
        None => {
            let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(missing).await?;
        }
        Some(Answer::Raw(bytes)) => stream.write_all(&bytes).await?,
        Some(Answer::Drip(head)) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(b" ").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Some(Answer::Flood(head)) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
    }
    stream.shutdown().await
}

/// Reads the head of a request and returns the URL that it is for.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).await?;
        if read == 0 || head.len() > 16 * 1024 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..read]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let host = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    Ok(format!("https://{}{path}", host.unwrap_or_default()))
}
