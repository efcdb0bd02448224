//! The client under test of the official MCP conformance suite: an MCP client
//! with no more than the suite asks for, on top of [`picard_client::Resource`].
//!
//! The suite starts it once for each scenario, with the address of an MCP server
//! as the last argument, and plays that server and its authorization server,
//! which consents by itself. What is set in the environment:
//!
//! - `MCP_CONFORMANCE_SCENARIO`: the name of the scenario,
//! - `MCP_CONFORMANCE_PROTOCOL_VERSION`: the revision to speak,
//! - `MCP_CONFORMANCE_CONTEXT`: JSON with what an operator would have configured.
//!
//! It needs Node 22 or later (the npm package `node` has it):
//!
//! ```text
//! cargo build -p picard-client --example conformance
//! npm install node@22 @modelcontextprotocol/conformance@0.2.0-alpha.12
//! npx conformance client --requirements 2026-07-28 \
//!     --command target/debug/examples/conformance \
//!     --expected-failures crates/client/examples/conformance.yml
//! ```
//!
//! That runs all that the revision requires of clients, the 25 scenarios about
//! authorization (`auth/…`) among them: all of those are met, here and with
//! `--requirements 2025-11-25`. `--suite auth` runs only the 14 that both
//! revisions share. `conformance.yml` names what is not met, and why. The
//! suite also runs, and does not count, extensions that this client does not
//! speak: client credentials, an employer's identity assertions, tokens bound to
//! keys, identities of workloads.
//!
//! It ends with a failure when the server is not to be trusted, which is what
//! some scenarios want to see.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of its own: it has the environment and the clock"
)]

use std::{env, sync::Arc, time::SystemTime};

use anyhow::{Context, Result, bail};
use picard_client::{
    Answer, Application, ApplicationKind, BoxError, Consent, Credentials, Resource, Secret,
};
use picard_domain::{Clock, Entropy, Instant};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

/// From this revision on there is no handshake: each request says all.
const STATELESS: &str = "2026-07-28";

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

/// What an operator would have configured.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Configured {
    issuer: String,
    client_id: Option<String>,
    client_secret: Option<Secret>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = env::args().next_back().context("the address of a server")?;
    let version = env::var("MCP_CONFORMANCE_PROTOCOL_VERSION");
    let mcp = Mcp {
        resource: Resource::new(
            &url,
            application()?,
            Browser,
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        )?,
        version: version.unwrap_or_else(|_| STATELESS.to_owned()),
    };
    if mcp.version.as_str() < STATELESS {
        let about = json!({
            "protocolVersion": mcp.version, "capabilities": {}, "clientInfo": client_info(),
        });
        mcp.request("initialize", about).await?;
        mcp.notify("notifications/initialized").await?;
    } else {
        mcp.request("server/discover", json!({})).await?;
    }
    let tools = mcp.request("tools/list", json!({})).await?;
    println!("tools: {tools}");
    if let Some(name) = tools.pointer("/tools/0/name") {
        let result = mcp
            .request("tools/call", json!({ "name": name, "arguments": {} }))
            .await?;
        println!("{name}: {result}");
    }
    Ok(())
}

/// The program as it introduces itself. Its metadata document exists in one
/// scenario only.
fn application() -> Result<Application> {
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let configured: Configured = match env::var("MCP_CONFORMANCE_CONTEXT") {
        Ok(context) => serde_json::from_str(&context)?,
        Err(_) => Configured::default(),
    };
    let credentials = configured.client_id.map(|client_id| Credentials {
        issuer: configured.issuer,
        client_id,
        client_secret: configured.client_secret,
        method: None,
    });
    Ok(Application {
        name: "Picard client".to_owned(),
        kind: ApplicationKind::Native,
        redirect_uri: "http://127.0.0.1:3123/callback".to_owned(),
        metadata_url: (scenario == "auth/basic-cimd")
            .then(|| "https://conformance-test.local/client-metadata.json".to_owned()),
        credentials: credentials.into_iter().collect(),
    })
}

fn client_info() -> Value {
    json!({ "name": "picard-client", "version": env!("CARGO_PKG_VERSION") })
}

/// MCP over Streamable HTTP, as far as the scenarios go.
struct Mcp {
    resource: Resource<Browser>,
    version: String,
}

impl Mcp {
    async fn request(&self, method: &str, mut params: Value) -> Result<Value> {
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        if self.version.as_str() >= STATELESS {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.version,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": client_info(),
            });
        }
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.post(&body, method, &name).await?;
        let message = message(&answer)
            .with_context(|| format!("{method} was answered with status {}", answer.status()))?;
        match message.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(message["result"].clone()),
        }
    }

    async fn notify(&self, method: &str) -> Result<()> {
        let body = json!({ "jsonrpc": "2.0", "method": method });
        self.post(&body, method, "").await.map(drop)
    }

    async fn post(&self, body: &Value, method: &str, name: &str) -> Result<Answer> {
        let mut headers = vec![("Accept", "application/json, text/event-stream")];
        if method != "initialize" {
            headers.push(("MCP-Protocol-Version", &self.version));
        }
        if self.version.as_str() >= STATELESS {
            headers.push(("Mcp-Method", method));
            if !name.is_empty() {
                headers.push(("Mcp-Name", name));
            }
        }
        Ok(self.resource.post(body, &headers).await?)
    }
}

/// Reads the answer: JSON, or the one event of a stream that is an answer.
fn message(answer: &Answer) -> Option<Value> {
    let kind = answer.header("content-type").unwrap_or_default();
    if !kind.starts_with("text/event-stream") {
        return serde_json::from_slice(answer.body()).ok();
    }
    let text = std::str::from_utf8(answer.body()).ok()?;
    text.lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .find(|message| message.get("id").is_some())
}

/// Plays a person whose browser is sent to the suite's authorization server,
/// and sent back at once.
struct Browser;

impl Consent for Browser {
    async fn ask(&self, url: Url) -> Result<String, BoxError> {
        let host = url.host_str().ok_or("no host")?;
        let port = url.port_or_known_default().ok_or("no port")?;
        let mut server = TcpStream::connect((host, port)).await?;
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
        server.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        server.read_to_string(&mut answer).await?;
        let location = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("location").then(|| value.trim())
        });
        let back = Url::parse(location.ok_or("no way back")?)?;
        Ok(back.query().unwrap_or_default().to_owned())
    }
}
