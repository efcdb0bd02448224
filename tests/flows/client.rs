//! Our own client crate, which is told nothing but the address of `/mcp`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use picard_client::{
    Application, ApplicationKind, BoxError, Client, Consent, MemoryTokenStore, NewMemory, OAuth,
    Query, Resource,
};
use picard_domain::{Clock as _, Entropy, Scopes, Span};
use picard_tests::{
    application::allow,
    server::{Database, TestServer},
    visitor::Visitor,
};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

picard_tests::on_both!(
    from_the_address_of_mcp_to_a_memory_that_is_stored_and_found,
    the_typed_client_finds_a_server_and_keeps_what_it_is_known_by
);

const HANDLE: &str = "geordi";
const PASSWORD: &str = "tea, earl grey, hot";

/// A person who allows what they are asked for.
struct Person {
    browser: Mutex<Visitor>,
    asked: AtomicU64,
}

impl Consent for Person {
    async fn ask(&self, url: Url) -> Result<String, BoxError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut browser = self.browser.lock().await;
        let back = allow(&mut browser, url.as_str(), HANDLE, PASSWORD).await;
        Ok(back.query().ok_or("no answer")?.to_owned())
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            *byte = (count.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        }
    }
}

async fn person(server: &TestServer) -> Arc<Person> {
    Arc::new(Person {
        browser: Mutex::new(server.person(HANDLE).await),
        asked: AtomicU64::new(0),
    })
}

fn application() -> Application {
    Application {
        name: "A program of one's own".to_owned(),
        kind: ApplicationKind::Native,
        redirect_uri: "http://127.0.0.1:4711/callback".to_owned(),
        metadata_url: None,
        credentials: Vec::new(),
    }
}

/// Calls a tool over MCP and returns its result.
async fn tool(resource: &Resource<Arc<Person>>, name: &str, arguments: Value) -> Value {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": name, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    });
    let headers = [
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", name),
    ];
    let answer = resource.post(&body, &headers).await.expect("an answer");
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert_eq!(answer.status(), 200, "{text}");
    let json = text
        .lines()
        .map(|line| line.strip_prefix("data:").unwrap_or(line))
        .find_map(|line| serde_json::from_str::<Value>(line).ok());
    json.unwrap_or_else(|| panic!("no JSON: {text}"))["result"]["structuredContent"].clone()
}

async fn from_the_address_of_mcp_to_a_memory_that_is_stored_and_found(database: Database) {
    let server = TestServer::on(database).await;
    let person = person(&server).await;
    let entropy = Arc::new(Counting(AtomicU64::new(0)));
    let mcp = format!("{}/mcp", server.base);
    let clock = server.clock.clone();
    let resource = Resource::new(&mcp, application(), person.clone(), clock, entropy);
    let resource = resource.expect("an address");
    let stored = tool(
        &resource,
        "submit_memory",
        json!({ "text": "Warp core at 98 %" }),
    )
    .await;
    server.clock.advance(Span::minutes(61));
    let found = tool(&resource, "query_memory", json!({ "query": "warp core" })).await;
    assert_eq!(found["memories"][0]["id"], stored["id"], "{found}");
    assert_eq!(
        person.asked.load(Ordering::SeqCst),
        1,
        "the token was renewed"
    );
    let grant = resource.grant().await.expect("tokens");
    assert_eq!(grant.issuer, server.base);
}

async fn the_typed_client_finds_a_server_and_keeps_what_it_is_known_by(database: Database) {
    let server = TestServer::on(database).await;
    let person = person(&server).await;
    let mcp = format!("{}/mcp", server.base);
    let mut application = application();
    let oauth = OAuth::discover(&mcp, &application).await.expect("a server");
    application.credentials.push(oauth.credentials().clone());
    let oauth = OAuth::discover(&mcp, &application).await.expect("a server");
    assert_eq!(
        oauth.credentials(),
        &application.credentials[0],
        "registered once"
    );

    let entropy = Counting(AtomicU64::new(0));
    let begun = oauth.authorize(Scopes::read_write(), &entropy).await;
    let begun = begun.expect("a flow");
    let query = person.ask(begun.url).await.expect("consent");
    let tokens = oauth
        .exchange(begun.pending, &query, server.clock.now())
        .await;
    let store = MemoryTokenStore::new(tokens.expect("tokens"));
    let picard = Client::new(oauth, store, server.clock.clone());
    let stored = picard
        .submit_memory(&NewMemory::new("Warp core at 98 %"))
        .await;
    let found = picard.query_memory(&Query::new("warp core")).await;
    let found = found.expect("found").memories;
    assert_eq!(found[0].memory.id, stored.expect("stored").id);
}
