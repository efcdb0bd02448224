//! What the tests of the store share: people, memories and tokens made of numbers.

use picard_domain::{
    ClientId, EventId, GrantId, Handle, Instant, MemoryId, Permission, Scopes, SessionId, Span,
    UserId,
};
use picard_sql::Query;
use picard_store::{
    Db, Digest,
    audit::{Act, Note, Surface},
    changes::{Change, Changes, Position, Snapshot},
    clients::{self, Client, RedirectUris, Registered},
    codes::{self, Consent},
    memories::{self, NewMemory, SealedVectors, Written},
    sessions::{self, NewSession},
    tickets::{self, NewTicket},
    tokens::{self, Issue, Pair},
    users::{self, Creation, NewUser},
};
use picard_testkit::TestDatabase;
use uuid::Uuid;

/// So many seconds after the beginning of the story.
pub(crate) fn at(seconds: i64) -> Instant {
    Instant::from_micros(1_800_000_000_000_000) + Span::seconds(seconds)
}

pub(crate) fn user_id(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn memory_id(n: u128) -> MemoryId {
    MemoryId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn client_id(n: u128) -> ClientId {
    ClientId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn grant_id(n: u128) -> GrantId {
    GrantId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn session_id(n: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(n))
}

/// The digest of the thing with this name.
pub(crate) fn digest(name: &str) -> Digest {
    let mut digest = [0; 32];
    digest[..name.len()].copy_from_slice(name.as_bytes());
    digest
}

/// Opens an empty database and brings it to the newest version.
pub(crate) async fn migrated(database: &TestDatabase) -> Db {
    let db = database.open().await;
    picard_store::migrate(&db)
        .await
        .expect("the migrations are sound");
    db
}

pub(crate) fn handle(text: &str) -> Handle {
    text.parse().expect("a handle")
}

/// Makes a person and returns who it is.
pub(crate) async fn person(db: &Db, n: u128, name: &str) -> UserId {
    let new = NewUser {
        id: user_id(n),
        handle: &handle(name),
        name: &name.parse().expect("a name"),
        password_hash: "phc",
        key_id: "key-1",
        wrapped_key: b"wrapped",
        is_admin: false,
        now: at(0),
    };
    assert_eq!(
        users::create(db, &new, &unnoted()).await.expect("written"),
        Creation::Created
    );
    user_id(n)
}

/// A memory of a person, stored at `now`.
pub(crate) fn memory(user_id: UserId, n: u128, now: Instant) -> NewMemory<'static> {
    NewMemory {
        user_id,
        id: memory_id(n),
        permission: Permission::Private,
        expiration_date: None,
        ciphertext: "ciphertext",
        vectors: SealedVectors {
            model: "e5",
            sealed: b"sealed",
        },
        now,
    }
}

pub(crate) async fn submit(db: &Db, new: NewMemory<'_>) -> i64 {
    match memories::submit(db, &new, &unnoted())
        .await
        .expect("written")
    {
        Written::At(version) => version,
        other => panic!("not stored: {other:?}"),
    }
}

pub(crate) async fn client(db: &Db, n: u128) -> Client {
    let uris = ["https://app.example/callback", "http://127.0.0.1/callback"];
    let client = Client {
        secret_digest: Some(digest("secret")),
        redirect_uris: RedirectUris::new(uris.map(str::to_owned).into()).expect("sound"),
        scopes: Scopes::all(),
        auth_method: "client_secret_basic".into(),
        ..newcomer(n, Registered::Operator)
    };
    clients::put(db, &client).await.expect("written");
    client
}

/// A public client that nobody has used yet.
pub(crate) fn newcomer(n: u128, registered: Registered) -> Client {
    let uris = vec!["cursor://app/callback".to_owned()];
    Client {
        id: client_id(n),
        registered,
        secret_digest: None,
        name: "An application".into(),
        redirect_uris: RedirectUris::new(uris).expect("sound"),
        scopes: Scopes::read_write(),
        auth_method: "none".into(),
        application_type: "native".into(),
        client_uri: None,
        jwks: None,
        jwks_uri: None,
        jwks_fetched_at: None,
        metadata_digest: None,
        metadata_url: None,
        document_fetched_at: None,
        document_fresh_until: None,
        created_at: at(0),
        last_used_at: None,
    }
}

/// Lets a person allow client 1 to read and write, with a code of this name.
pub(crate) async fn consent(db: &Db, user_id: UserId, grant: u128, code: &str) -> GrantId {
    assert!(try_consent(db, user_id, grant, code).await);
    grant_id(grant)
}

/// The same, if the client is still there; tells whether it was.
pub(crate) async fn try_consent(db: &Db, user_id: UserId, grant: u128, code: &str) -> bool {
    let consent = Consent {
        user_id,
        grant_id: grant_id(grant),
        client_id: client_id(1),
        scopes: Scopes::read_write(),
        resource: "https://picard.example/mcp",
        code: digest(code),
        redirect_uri: "https://app.example/callback",
        code_challenge: "challenge",
        now: at(0),
        code_expires_at: at(60),
    };
    codes::issue(db, &consent, &unnoted())
        .await
        .expect("written")
}

/// A pair of tokens with these names.
pub(crate) fn pair(
    user_id: UserId,
    grant_id: GrantId,
    access: &str,
    refresh: &str,
    now: Instant,
) -> Pair {
    Pair {
        user_id,
        grant_id,
        client_id: client_id(1),
        access: digest(access),
        access_scopes: Scopes::read_write(),
        access_expires_at: now + Span::hours(1),
        refresh: digest(refresh),
        refresh_scopes: Scopes::read_write(),
        refresh_expires_at: now + Span::days(30),
        now,
    }
}

pub(crate) async fn issue(db: &Db, pair: &Pair) {
    assert_eq!(
        tokens::issue(db, pair, &unnoted()).await.expect("written"),
        Issue::Issued
    );
}

pub(crate) async fn session(db: &Db, user_id: UserId, n: u128, cookie: &str) -> SessionId {
    let new = NewSession {
        digest: digest(cookie),
        id: session_id(n),
        user_id,
        password_hash: "phc",
        user_agent: "Firefox",
        now: at(0),
        expires_at: at(3600),
    };
    assert!(sessions::open(db, &new, &unnoted()).await.expect("written"));
    session_id(n)
}

pub(crate) async fn ticket(db: &Db, user_id: UserId, name: &str) {
    let new = NewTicket {
        digest: digest(name),
        user_id,
        request: "client_id=1",
        now: at(0),
        expires_at: at(600),
    };
    assert!(tickets::open(db, &new).await.expect("written"));
}

/// A note of the instant `seconds`, with a name made of it and `n`.
pub(crate) fn noted(n: u8, act: Act, seconds: i64) -> Note {
    let millis = u64::try_from(at(seconds).micros() / 1000).expect("after 1970");
    // The last byte is never nought: none of these looks for rows that are too many.
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &[0, n, 0, 0, 0, 0, 0, 0, 0, 1]);
    let id = EventId::from_uuid(id.into_uuid());
    Note::new(id, act, Surface::Page, at(seconds))
}

/// A note that leaves no row: for what is not about the trail.
pub(crate) fn unnoted() -> Note {
    let nobody = EventId::from_uuid(Uuid::nil());
    let note = Note::new(nobody, Act::Unknown, Surface::Command, at(0));
    Note {
        kept: false,
        ..note
    }
}

pub(crate) fn is_sqlite(database: &TestDatabase) -> bool {
    database.url().starts_with("sqlite:")
}

/// How the database goes about a statement, line by line.
pub(crate) async fn plan(database: &TestDatabase, db: &Db, statement: &str) -> String {
    let explain = |explain| -> &'static str { format!("{explain} {statement}").leak() };
    let lines: Vec<String> = if is_sqlite(database) {
        let asked = Query::new(explain("EXPLAIN QUERY PLAN"));
        let rows = db.all::<(i64, i64, i64, String)>(asked).await;
        rows.expect("a plan").into_iter().map(|row| row.3).collect()
    } else {
        let rows = db.all::<(String,)>(Query::new(explain("EXPLAIN"))).await;
        rows.expect("a plan").into_iter().map(|row| row.0).collect()
    };
    lines.join("\n")
}

/// A stretch of what changed since; `None` when there is no such person.
pub(crate) async fn changes_since(
    db: &Db,
    user: UserId,
    from: Position,
    limit: usize,
) -> Option<Changes<Change>> {
    let snapshot = Snapshot::of(db, user).await.expect("read")?;
    Some(
        snapshot
            .changes(from, limit, "another")
            .await
            .expect("read"),
    )
}
