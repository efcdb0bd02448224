//! A resource and two authorization servers on one port, which can be told to
//! misbehave and write down what they are asked.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::{
    Form, Json, Router,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use picard_client::{Application, ApplicationKind, BoxError, Consent, Resource};
use picard_domain::{Clock, Entropy, Instant, Span};
use picard_oauth::pkce::Challenge;
use serde_json::{Value, json};
use url::Url;

pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:7777/callback";
pub(crate) const SECRET: &str = "a secret/with: all+kinds of%letters";

type Fields = HashMap<String, String>;

/// What was asked of the authorization servers, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A registration, at which server, with which members.
    Register(String, Value),
    /// A person's consent: at which server, for which client, scope and resource.
    Consent(String, String, Option<String>, String),
    /// A token: at which server, by which client and method, for which grant type.
    Token(String, String, &'static str, String),
}

/// How an authorization server names itself when it sends a person back.
#[derive(Debug, Clone)]
pub(crate) enum Iss {
    Right,
    Absent,
    As(String),
}

/// How far trust goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temper {
    Kind,
    /// Consent grants nothing.
    Stingy,
    /// The resource accepts no token at all.
    Deaf,
}

pub(crate) struct State {
    /// Which of the two the resource names: `a` or `b`.
    pub(crate) server: &'static str,
    pub(crate) iss: Iss,
    pub(crate) iss_is_promised: bool,
    pub(crate) resource: String,
    pub(crate) metadata: Value,
    pub(crate) resource_scopes: Value,
    /// What a call needs, and whether the challenge says so.
    pub(crate) needed: &'static str,
    pub(crate) challenge_names_scope: bool,
    pub(crate) temper: Temper,
    pub(crate) asked: Vec<Asked>,
    pub(crate) clients: HashSet<String>,
    codes: HashMap<String, (Challenge, String)>,
    access: HashMap<String, (String, Instant)>,
    refresh: HashMap<String, String>,
    minted: u32,
}

/// The resource at `/mcp`, the servers `a` and `b`, and the person.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) clock: Arc<HandClock>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn turn(&self, span: Span) {
        self.0.fetch_add(span.as_micros(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that differ from call to call.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            *byte = (count.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("a bound socket"));
        let world = Self {
            clock: Arc::new(HandClock(AtomicI64::new(1_700_000_000_000_000))),
            state: Arc::new(Mutex::new(State::new(&base))),
            base,
        };
        let router = Router::new()
            .route("/mcp", routing::post(call))
            .route(
                "/.well-known/oauth-protected-resource/mcp",
                routing::get(resource_metadata),
            )
            .route(
                "/.well-known/oauth-authorization-server/{server}",
                routing::get(metadata),
            )
            .route("/{server}/register", routing::post(register))
            .route("/{server}/token", routing::post(token))
            .with_state(world.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        world
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panicked while holding it")
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    pub(crate) fn mcp(&self) -> String {
        format!("{}/mcp", self.base)
    }

    pub(crate) fn issuer(&self, server: &str) -> String {
        format!("{}/{server}", self.base)
    }

    pub(crate) fn application() -> Application {
        Application {
            name: "Test".to_owned(),
            kind: ApplicationKind::Native,
            redirect_uri: REDIRECT_URI.to_owned(),
            metadata_url: None,
            credentials: Vec::new(),
        }
    }

    pub(crate) fn resource(&self, application: Application) -> Resource<Self> {
        let entropy = Arc::new(Counting::default());
        let resource = Resource::new(
            &self.mcp(),
            application,
            self.clone(),
            self.clock.clone(),
            entropy,
        );
        resource.expect("an address")
    }
}

/// The person, who always consents.
impl Consent for World {
    async fn ask(&self, url: Url) -> Result<String, BoxError> {
        let query: Fields = url.query_pairs().into_owned().collect();
        let server = url.path().trim_start_matches('/').split('/').next();
        let server = server.expect("a path").to_owned();
        let mut state = self.state();
        let (client, scope) = (query["client_id"].clone(), query.get("scope").cloned());
        assert_eq!(query["redirect_uri"], REDIRECT_URI);
        assert_eq!(query["code_challenge_method"], "S256");
        let resource = query["resource"].clone();
        let asked = Asked::Consent(server.clone(), client, scope.clone(), resource);
        state.asked.push(asked);
        let code = state.mint("code");
        let challenge = query["code_challenge"].parse()?;
        let granted = scope
            .filter(|_| state.temper != Temper::Stingy)
            .unwrap_or_default();
        state.codes.insert(code.clone(), (challenge, granted));
        let mut back = url::form_urlencoded::Serializer::new(String::new());
        back.append_pair("code", &code)
            .append_pair("state", &query["state"]);
        match &state.iss {
            Iss::Right => drop(back.append_pair("iss", &self.issuer(&server))),
            Iss::As(other) => drop(back.append_pair("iss", other)),
            Iss::Absent => {}
        }
        Ok(back.finish())
    }
}

impl State {
    fn new(base: &str) -> Self {
        Self {
            server: "a",
            iss: Iss::Right,
            iss_is_promised: true,
            resource: format!("{base}/mcp"),
            metadata: json!({}),
            resource_scopes: json!(["read"]),
            needed: "read",
            challenge_names_scope: true,
            temper: Temper::Kind,
            asked: Vec::new(),
            clients: HashSet::new(),
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            minted: 0,
        }
    }

    pub(crate) fn forget_access_tokens(&mut self) {
        self.access.clear();
    }

    fn mint(&mut self, kind: &str) -> String {
        self.minted += 1;
        format!("secret-{kind}-{}", self.minted)
    }
}

async fn call(Extract(world): Extract<World>, headers: HeaderMap) -> Response {
    let state = world.state();
    let token = headers.get(header::AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let held = token.and_then(|token| state.access.get(token));
    let held = held.filter(|(_, end)| state.temper != Temper::Deaf && world.clock.now() < *end);
    let scope = if state.challenge_names_scope {
        format!(", scope=\"{}\"", state.needed)
    } else {
        String::new()
    };
    let metadata = format!(
        "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"{scope}",
        world.base
    );
    match held {
        None => (
            StatusCode::UNAUTHORIZED,
            [(header::WWW_AUTHENTICATE, metadata)],
        )
            .into_response(),
        Some((scopes, _)) if !scopes.split(' ').any(|scope| scope == state.needed) => {
            let challenge = format!("{metadata}, error=\"insufficient_scope\"");
            (
                StatusCode::FORBIDDEN,
                [(header::WWW_AUTHENTICATE, challenge)],
            )
                .into_response()
        }
        Some(_) => Json(json!({ "ok": true })).into_response(),
    }
}

async fn resource_metadata(Extract(world): Extract<World>) -> Json<Value> {
    let state = world.state();
    Json(json!({
        "resource": state.resource,
        "authorization_servers": [world.issuer(state.server)],
        "scopes_supported": state.resource_scopes,
    }))
}

/// What the server says about itself, with what the test says otherwise.
async fn metadata(Extract(world): Extract<World>, Path(server): Path<String>) -> Json<Value> {
    let issuer = world.issuer(&server);
    let state = world.state();
    let mut metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": state.iss_is_promised,
    });
    let other = state.metadata.as_object().expect("an object").clone();
    metadata.as_object_mut().expect("an object").extend(other);
    Json(metadata)
}

async fn register(
    Extract(world): Extract<World>,
    Path(server): Path<String>,
    Json(members): Json<Value>,
) -> Response {
    let mut state = world.state();
    let client_id = format!("client-{}-of-{server}", state.clients.len() + 1);
    let mut answer = json!({ "client_id": client_id });
    if members["token_endpoint_auth_method"] != "none" {
        answer["client_secret"] = SECRET.into();
    }
    state.clients.insert(client_id);
    state.asked.push(Asked::Register(server, members));
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn token(
    Extract(world): Extract<World>,
    Path(server): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Fields>,
) -> Response {
    let mut state = world.state();
    let (client, method) = client_of(&headers, &form);
    let grant_type = form["grant_type"].clone();
    state.asked.push(Asked::Token(
        server,
        client.clone(),
        method,
        grant_type.clone(),
    ));
    let refuse =
        |status: StatusCode, error| (status, Json(json!({ "error": error }))).into_response();
    if client.starts_with("client-") && !state.clients.contains(&client) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if form.get("resource") != Some(&state.resource) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_target");
    }
    let granted = match grant_type.as_str() {
        "authorization_code" => {
            let code = state.codes.remove(&form["code"]);
            let verifier = form["code_verifier"].parse().expect("a verifier");
            code.filter(|(challenge, _)| challenge.admits(&verifier))
                .map(|(_, scopes)| scopes)
        }
        _ => state.refresh.remove(&form["refresh_token"]),
    };
    let Some(granted) = granted else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let (access, refresh) = (state.mint("access"), state.mint("refresh"));
    let end = world.clock.now() + Span::hours(1);
    state.access.insert(access.clone(), (granted.clone(), end));
    state.refresh.insert(refresh.clone(), granted.clone());
    Json(json!({
        "access_token": access, "token_type": "bearer", "expires_in": 3600,
        "refresh_token": refresh, "scope": granted,
    }))
    .into_response()
}

/// Reads who asks, and how they say so.
fn client_of(headers: &HeaderMap, form: &Fields) -> (String, &'static str) {
    let header = headers.get(header::AUTHORIZATION);
    if let Some(header) = header.and_then(|value| value.to_str().ok()) {
        let (client, secret) = basic(header);
        assert_eq!(secret, SECRET);
        assert!(!form.contains_key("client_secret"), "one method only");
        return (client, "client_secret_basic");
    }
    let client = form["client_id"].clone();
    match form.get("client_secret") {
        Some(secret) => {
            assert_eq!(secret, SECRET);
            (client, "client_secret_post")
        }
        None => (client, "none"),
    }
}

/// Reads `Basic`; both halves are form-encoded first (RFC 6749 section 2.3.1).
fn basic(header: &str) -> (String, String) {
    let pair = header.strip_prefix("Basic ").expect("the scheme");
    let pair = STANDARD.decode(pair).expect("base64");
    let pair = String::from_utf8(pair).expect("text");
    let (id, secret) = pair.split_once(':').expect("a pair");
    let decoded = |text: &str| {
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        pairs
            .next()
            .map_or_else(String::new, |(name, _)| name.into_owned())
    };
    (decoded(id), decoded(secret))
}
