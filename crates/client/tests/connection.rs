//! The client against a server that plays the protocol: what it promises about
//! tokens, repetition and errors.

mod fixture;

use std::sync::Arc;

use fixture::{Counting, Fixture};
use picard_client::{
    CallbackError, Client, Disconnected, Error, ErrorCode, Expiration, ListMemories, MemoryChange,
    MemoryTokenStore, NewMemory, PersonaQuery, Query, Server, TokenStore, Tokens,
};
use picard_domain::{Clock, Permission, Scope, Scopes, Span};

async fn tokens(fixture: &Fixture, scopes: Scopes) -> Tokens {
    let oauth = fixture.oauth();
    let begun = oauth
        .authorize(scopes, &Counting::default())
        .await
        .expect("a flow");
    let query = fixture.consent(&begun.url);
    oauth
        .exchange(begun.pending, &query, fixture.clock.now())
        .await
        .expect("tokens")
}

async fn connect(fixture: &Fixture) -> Client<MemoryTokenStore> {
    connect_with(fixture, Scopes::read_write()).await
}

async fn connect_with(fixture: &Fixture, scopes: Scopes) -> Client<MemoryTokenStore> {
    let store = MemoryTokenStore::new(tokens(fixture, scopes).await);
    Client::new(fixture.oauth(), store, fixture.clock.clone())
}

#[tokio::test]
async fn the_seven_tools_from_the_first_memory_to_its_end() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture.remember(1, "Grace found a moth", "public");
    fixture.remember(1, "Grace keeps a secret", "private");

    let stored = picard
        .submit_memory(&NewMemory::new("Tea, Earl Grey, hot"))
        .await
        .expect("stored");
    assert_eq!(stored.permission, Permission::Private);
    let page = picard
        .get_memories(&ListMemories::default())
        .await
        .expect("a page");
    assert_eq!((page.memories.len(), page.next_cursor), (1, None));

    let end = fixture.clock.now() + Span::days(1);
    let change = MemoryChange {
        text: Some("Coffee, black"),
        expiration: Expiration::At(end),
        expected_updated_at: Some(stored.updated_at),
        ..MemoryChange::default()
    };
    let changed = picard
        .update_memory(stored.id, &change)
        .await
        .expect("changed");
    assert_eq!(
        (changed.text.expose(), changed.expiration_date),
        ("Coffee, black", Some(end))
    );
    let public = picard
        .modify_permissions(stored.id, Permission::Public)
        .await
        .expect("changed");
    assert_eq!(public.permission, Permission::Public);
    assert_eq!(
        public.expiration_date,
        Some(end),
        "what is not named is kept"
    );

    let found = picard
        .query_memory(&Query::new("coffee"))
        .await
        .expect("found");
    assert_eq!(found.notices, [], "nothing to tell");
    let hits = found.memories;
    assert_eq!((hits[0].memory.id, hits[0].score), (stored.id, Some(0.75)));

    let asked = PersonaQuery {
        user: "grace",
        prompt: None,
        limit: None,
    };
    let persona = picard.query_user(&asked).await.expect("a persona");
    assert_eq!(
        (persona.user.name.as_str(), persona.total),
        ("Grace Hopper", 1)
    );
    assert_eq!(
        persona.memories[0].memory.text.expose(),
        "Grace found a moth"
    );
    assert_eq!(persona.memories[0].score, None);

    fixture.state().notice = Some("words_only".to_owned());
    let found = picard.query_memory(&Query::new("coffee")).await;
    let persona = picard.query_user(&asked).await;
    for notices in [
        found.expect("found").notices,
        persona.expect("a persona").notices,
    ] {
        assert_eq!(notices[0].code, "words_only");
        assert!(!notices[0].message.is_empty());
    }

    picard.delete_memory(stored.id).await.expect("deleted");
    assert!(matches!(
        picard.get_memory(stored.id).await,
        Err(Error::NotFound)
    ));
}

#[tokio::test]
async fn a_burst_of_calls_renews_an_ended_token_once() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture.clock.turn(Span::minutes(61));
    let burst = (0..20).map(|_| {
        let picard = picard.clone();
        tokio::spawn(async move { picard.get_memories(&ListMemories::default()).await })
    });
    for call in burst.collect::<Vec<_>>() {
        call.await.expect("no panic").expect("a page");
    }
    assert_eq!(fixture.state().refreshes, 1);
}

#[tokio::test]
async fn a_burst_of_calls_with_a_rejected_token_renews_it_once() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture.forget_access_tokens();
    let burst = (0..20).map(|_| {
        let picard = picard.clone();
        tokio::spawn(async move { picard.get_memories(&ListMemories::default()).await })
    });
    for call in burst.collect::<Vec<_>>() {
        call.await.expect("no panic").expect("a page");
    }
    assert_eq!(fixture.state().refreshes, 1);
}

#[tokio::test]
async fn a_token_is_renewed_shortly_before_it_ends() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture
        .clock
        .turn(Span::seconds(3600 - 1 - Tokens::SKEW.as_seconds()));
    picard
        .get_memories(&ListMemories::default())
        .await
        .expect("a page");
    assert_eq!(fixture.state().refreshes, 0);
    fixture.clock.turn(Span::seconds(1));
    picard
        .get_memories(&ListMemories::default())
        .await
        .expect("a page");
    assert_eq!(fixture.state().refreshes, 1);
}

#[tokio::test]
async fn a_write_with_a_rejected_token_is_carried_out_once() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture.forget_access_tokens();
    picard
        .submit_memory(&NewMemory::new("once"))
        .await
        .expect("stored");
    assert_eq!(fixture.state().memories.len(), 1);
}

#[tokio::test]
async fn a_refused_refresh_ends_the_connection_and_clears_the_store() {
    let fixture = Fixture::start().await;
    let store = Arc::new(MemoryTokenStore::new(
        tokens(&fixture, Scopes::read_write()).await,
    ));
    let picard = Client::new(
        fixture.oauth(),
        Shared(store.clone()),
        fixture.clock.clone(),
    );
    fixture.revoke_all();
    for expected in [Disconnected::RefreshRefused, Disconnected::NeverConnected] {
        let refused = picard.get_memories(&ListMemories::default()).await;
        assert!(
            matches!(refused, Err(Error::Disconnected(why)) if why == expected),
            "{refused:?}"
        );
    }
    assert_eq!(
        fixture.state().refreshes,
        1,
        "a refused token is not tried again"
    );
    assert_eq!(store.load().await.expect("a store"), None);
}

#[tokio::test]
async fn tokens_that_another_process_has_renewed_are_taken_over() {
    let fixture = Fixture::start().await;
    let store = Arc::new(MemoryTokenStore::new(
        tokens(&fixture, Scopes::read_write()).await,
    ));
    let client = || {
        Client::new(
            fixture.oauth(),
            Shared(store.clone()),
            fixture.clock.clone(),
        )
    };
    let (here, there) = (client(), client());
    here.get_memories(&ListMemories::default())
        .await
        .expect("a page");
    fixture.clock.turn(Span::minutes(61));
    there
        .get_memories(&ListMemories::default())
        .await
        .expect("a page");
    here.get_memories(&ListMemories::default())
        .await
        .expect("a page");
    assert_eq!(fixture.state().refreshes, 1);
}

#[tokio::test]
async fn a_read_is_tried_again_while_the_server_is_unavailable() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture.refuse_next(&[503, 503]);
    picard
        .get_memories(&ListMemories::default())
        .await
        .expect("a page at last");
    assert_eq!(fixture.state().calls.len(), 3);
    fixture.refuse_next(&[503, 503, 503]);
    let refused = picard.get_memories(&ListMemories::default()).await;
    assert!(matches!(refused, Err(Error::Unavailable)), "{refused:?}");
}

#[tokio::test]
async fn a_write_is_sent_once_whatever_happens() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    for status in [503, 500, 502, 429] {
        fixture.refuse_next(&[status]);
        picard
            .submit_memory(&NewMemory::new("no"))
            .await
            .expect_err("refused");
    }
    let state = fixture.state();
    assert_eq!((state.calls.len(), state.memories.len()), (4, 0));
}

#[tokio::test]
async fn each_refusal_has_its_own_case() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    let list = ListMemories::default();
    fixture.refuse_next(&[404, 409, 413, 429, 500]);
    assert!(matches!(
        picard.get_memories(&list).await,
        Err(Error::NotFound)
    ));
    assert!(matches!(
        picard.get_memories(&list).await,
        Err(Error::Conflict)
    ));
    assert!(matches!(
        picard.get_memories(&list).await,
        Err(Error::TooLarge)
    ));
    let limited = picard.get_memories(&list).await;
    assert!(
        matches!(limited, Err(Error::RateLimited { retry_after }) if retry_after.as_secs() == 7)
    );
    let failed = picard.get_memories(&list).await;
    assert!(
        matches!(&failed, Err(Error::Failed { status: 500, request_id: Some(id) }) if id == "r-1"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    let Err(Error::Invalid { errors, .. }) = picard.submit_memory(&NewMemory::new(" ")).await
    else {
        panic!("an empty memory was stored");
    };
    assert_eq!(errors[0].field, "text");
}

#[tokio::test]
async fn missing_scopes_are_named() {
    let fixture = Fixture::start().await;
    let picard = connect_with(&fixture, Scopes::NONE.with(Scope::Read)).await;
    let refused = picard.submit_memory(&NewMemory::new("no")).await;
    let write = Scopes::NONE.with(Scope::Write);
    assert!(matches!(refused, Err(Error::InsufficientScope { needed }) if needed == write));
}

#[tokio::test]
async fn a_refusal_that_no_scope_would_change_says_why_and_asks_for_none() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    fixture.refuse_next(&[403]);
    let refused = picard.get_memories(&ListMemories::default()).await;
    let Err(error @ Error::Forbidden { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        error.to_string(),
        "the server does not let this client in: no"
    );
}

#[tokio::test]
async fn a_changed_memory_is_a_conflict_and_keeps_its_text() {
    let fixture = Fixture::start().await;
    let picard = connect(&fixture).await;
    let read = picard
        .submit_memory(&NewMemory::new("first"))
        .await
        .expect("stored");
    fixture.clock.turn(Span::seconds(1));
    let change = |text| MemoryChange {
        text: Some(text),
        expected_updated_at: Some(read.updated_at),
        ..MemoryChange::default()
    };
    picard
        .update_memory(read.id, &change("second"))
        .await
        .expect("changed");
    let late = picard.update_memory(read.id, &change("third")).await;
    assert!(matches!(late, Err(Error::Conflict)), "{late:?}");
    assert_eq!(
        picard
            .get_memory(read.id)
            .await
            .expect("a memory")
            .text
            .expose(),
        "second"
    );
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let fixture = Fixture::start().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = format!("http://{}", free.local_addr().expect("a bound socket"));
    drop(free);
    let server = Server::new(&fixture.issuer()).and_then(|server| server.with_internal(&address));
    let oauth = picard_client::OAuth::new(
        server.expect("two addresses"),
        picard_client::Registration {
            client_id: fixture::CLIENT_ID.into(),
            client_secret: None,
            redirect_uri: fixture::REDIRECT_URI.into(),
        },
    );
    let begun = oauth
        .expect("a client")
        .authorize(Scopes::read_write(), &Counting::default())
        .await;
    assert!(matches!(begun, Err(Error::Unreachable(_))), "{begun:?}");
}

#[tokio::test]
async fn a_server_without_s256_is_refused() {
    let fixture = Fixture::start().await;
    fixture.state().without_s256 = true;
    let begun = fixture
        .oauth()
        .authorize(Scopes::read_write(), &Counting::default())
        .await;
    assert!(matches!(begun, Err(Error::Protocol { .. })), "{begun:?}");
}

#[tokio::test]
async fn metadata_of_another_issuer_are_refused() {
    let fixture = Fixture::start().await;
    let here = fixture.issuer();
    fixture.state().issuer = "https://picard.example".into();
    let server = Server::new(&here).expect("an address");
    let registration = picard_client::Registration {
        client_id: fixture::CLIENT_ID.into(),
        client_secret: None,
        redirect_uri: fixture::REDIRECT_URI.into(),
    };
    let oauth = picard_client::OAuth::new(server, registration).expect("a client");
    let begun = oauth
        .authorize(Scopes::read_write(), &Counting::default())
        .await;
    assert!(matches!(begun, Err(Error::Protocol { .. })), "{begun:?}");
}

#[tokio::test]
async fn a_code_is_exchanged_only_for_the_flow_it_belongs_to() {
    let fixture = Fixture::start().await;
    let (oauth, entropy) = (fixture.oauth(), Counting::default());
    let mine = oauth
        .authorize(Scopes::read_write(), &entropy)
        .await
        .expect("a flow");
    let other = oauth
        .authorize(Scopes::read_write(), &entropy)
        .await
        .expect("a flow");
    let query = fixture.consent(&other.url);
    let now = fixture.clock.now();
    let mixed = oauth.exchange(mine.pending.clone(), &query, now).await;
    assert!(
        matches!(mixed, Err(Error::Callback(CallbackError::State))),
        "{mixed:?}"
    );
    let forged = query.replace(other.pending.state(), mine.pending.state());
    let injected = oauth.exchange(mine.pending, &forged, now).await;
    assert!(
        matches!(&injected, Err(Error::OAuth(error)) if error.code == ErrorCode::InvalidGrant),
        "PKCE stops an injected code: {injected:?}"
    );
}

#[tokio::test]
async fn tokens_of_another_server_are_not_sent_anywhere() {
    let fixture = Fixture::start().await;
    let foreign = Tokens {
        issuer: "https://picard.example".to_owned(),
        ..tokens(&fixture, Scopes::read_write()).await
    };
    let is_other = |error: &Error| matches!(error, Error::Disconnected(Disconnected::OtherIssuer));
    let store = Arc::new(MemoryTokenStore::new(foreign.clone()));
    let picard = Client::new(
        fixture.oauth(),
        Shared(store.clone()),
        fixture.clock.clone(),
    );
    let oauth = fixture.oauth();
    let list = ListMemories::default();
    assert!(is_other(
        &picard.get_memories(&list).await.expect_err("a call")
    ));
    assert!(is_other(
        &oauth.introspect(&foreign).await.expect_err("a question")
    ));
    assert!(is_other(
        &oauth.revoke(&foreign).await.expect_err("a revocation")
    ));
    let refreshed = oauth.refresh(&foreign, fixture.clock.now()).await;
    assert!(is_other(&refreshed.expect_err("a refresh")));
    let asked = {
        let state = fixture.state();
        (state.calls.len(), state.refreshes, state.revocations)
    };
    assert_eq!(asked, (0, 0, 0));
    assert_eq!(
        store.load().await.expect("a store"),
        Some(foreign),
        "kept for their own server"
    );
}

#[tokio::test]
async fn a_flow_that_began_at_another_server_is_not_finished_here() {
    let (here, there) = (Fixture::start().await, Fixture::start().await);
    let begun = there
        .oauth()
        .authorize(Scopes::read_write(), &Counting::default())
        .await;
    let begun = begun.expect("a flow");
    let query = there.consent(&begun.url);
    let mixed = here
        .oauth()
        .exchange(begun.pending, &query, here.clock.now())
        .await;
    assert!(
        matches!(mixed, Err(Error::Disconnected(Disconnected::OtherIssuer))),
        "{mixed:?}"
    );
}

#[tokio::test]
async fn introspection_tells_who_is_connected_and_revocation_ends_it() {
    let fixture = Fixture::start().await;
    let oauth = fixture.oauth();
    let tokens = tokens(&fixture, Scopes::read_write()).await;
    let identity = oauth
        .introspect(&tokens)
        .await
        .expect("an answer")
        .expect("active");
    assert_eq!(
        (identity.handle.as_str(), identity.name.as_str()),
        ("ada", "Ada Lovelace")
    );
    assert_eq!(identity.scopes, Scopes::read_write());
    oauth.revoke(&tokens).await.expect("revoked");
    assert_eq!(oauth.introspect(&tokens).await.expect("an answer"), None);
}

#[tokio::test]
async fn neither_texts_nor_tokens_print() {
    let fixture = Fixture::start().await;
    let tokens = tokens(&fixture, Scopes::read_write()).await;
    assert!(!format!("{tokens:?}").contains("secret-"));
    let picard = connect(&fixture).await;
    let stored = picard
        .submit_memory(&NewMemory::new("canary"))
        .await
        .expect("stored");
    assert!(!format!("{stored:?} {picard:?}").contains("canary"));
}

/// A store that two clients share, as two processes share a database.
struct Shared(Arc<MemoryTokenStore>);

impl TokenStore for Shared {
    async fn load(&self) -> Result<Option<Tokens>, picard_client::BoxError> {
        self.0.load().await
    }

    async fn save(&self, tokens: &Tokens) -> Result<(), picard_client::BoxError> {
        self.0.save(tokens).await
    }

    async fn refused(&self, tokens: &Tokens) -> Result<(), picard_client::BoxError> {
        self.0.refused(tokens).await
    }
}
