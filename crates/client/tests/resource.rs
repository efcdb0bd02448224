//! A client that knows nothing but the address of a resource: what it checks on
//! the way to a token, and what it keeps apart.

mod world;

use picard_client::{
    CallbackError, ClientAuthMethod, Consent, Credentials, Disconnected, Error, Grant, OAuth,
    Resource, Secret,
};
use picard_domain::{Clock, Scopes, Span};
use serde_json::json;
use world::{Asked, Counting, Iss, SECRET, Temper, World};

async fn call(resource: &Resource<World>) -> Result<u16, Error> {
    let answer = resource.post(&json!({}), &[]).await?;
    Ok(answer.status())
}

fn consent(world: &World, server: &str, client: &str, scope: &str) -> Asked {
    let (server, client) = (server.to_owned(), client.to_owned());
    Asked::Consent(server, client, Some(scope.to_owned()), world.mcp())
}

fn token(server: &str, client: &str, method: &'static str, grant_type: &str) -> Asked {
    Asked::Token(
        server.to_owned(),
        client.to_owned(),
        method,
        grant_type.to_owned(),
    )
}

#[tokio::test]
async fn the_first_call_registers_asks_the_person_and_is_answered() {
    let world = World::start().await;
    let resource = world.resource(World::application());
    assert_eq!(call(&resource).await.expect("an answer"), 200);
    assert_eq!(call(&resource).await.expect("an answer"), 200);
    let members = json!({
        "client_name": "Test", "application_type": "native",
        "redirect_uris": [world::REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    let expected = [
        Asked::Register("a".to_owned(), members),
        consent(&world, "a", "client-1-of-a", "read"),
        token("a", "client-1-of-a", "none", "authorization_code"),
    ];
    assert_eq!(world.asked(), expected);
    let grant = resource.grant().await.expect("tokens");
    assert_eq!(grant.issuer, world.issuer("a"));
    assert!(!format!("{grant:?} {resource:?}").contains("secret-"));
}

#[tokio::test]
async fn a_client_that_is_known_does_not_register() {
    let world = World::start().await;
    world.state().metadata = json!({ "client_id_metadata_document_supported": true });
    let mut application = World::application();
    let document = "https://app.example/client.json";
    application.metadata_url = Some(document.to_owned());
    call(&world.resource(application.clone()))
        .await
        .expect("an answer");
    let by_document = [
        consent(&world, "a", document, "read"),
        token("a", document, "none", "authorization_code"),
    ];
    assert_eq!(world.asked(), by_document);

    world.state().asked.clear();
    application.credentials = ["b", "a"]
        .map(|server| Credentials {
            issuer: world.issuer(server),
            client_id: format!("known-to-{server}"),
            client_secret: None,
            method: None,
        })
        .to_vec();
    call(&world.resource(application)).await.expect("an answer");
    let by_name = [
        consent(&world, "a", "known-to-a", "read"),
        token("a", "known-to-a", "none", "authorization_code"),
    ];
    assert_eq!(world.asked(), by_name);
}

#[tokio::test]
async fn without_a_way_to_become_known_nobody_is_asked() {
    let world = World::start().await;
    world.state().metadata = json!({ "registration_endpoint": null });
    let mut application = World::application();
    application.metadata_url = Some("https://app.example/client.json".to_owned());
    let refused = call(&world.resource(application)).await;
    assert!(
        matches!(refused, Err(Error::Protocol { .. })),
        "{refused:?}"
    );
    assert_eq!(world.asked(), []);
}

#[tokio::test]
async fn a_client_authenticates_in_the_way_that_the_server_lists() {
    for method in ["none", "client_secret_basic", "client_secret_post"] {
        let world = World::start().await;
        world.state().metadata = json!({ "token_endpoint_auth_methods_supported": [method] });
        let resource = world.resource(World::application());
        call(&resource).await.expect("an answer");
        let expected = token("a", "client-1-of-a", method, "authorization_code");
        assert_eq!(world.asked().last(), Some(&expected));
        let known = resource.credentials().await;
        let secret = (method != "none").then(|| Secret::new(SECRET.to_owned()));
        assert_eq!(known[0].client_secret, secret);
    }
}

#[tokio::test]
async fn a_code_is_exchanged_only_when_the_issuer_is_the_one_that_was_asked() {
    type Sent = fn(&World) -> Iss;
    let cases: [(Sent, bool, bool); 7] = [
        (|_| Iss::Right, true, true),
        (|_| Iss::Right, false, true),
        (|_| Iss::Absent, false, true),
        (|_| Iss::Absent, true, false),
        (|world| Iss::As(world.issuer("b")), true, false),
        (|world| Iss::As(world.issuer("b")), false, false),
        (
            |world| Iss::As(format!("{}/", world.issuer("a"))),
            true,
            false,
        ),
    ];
    for (iss, promised, good) in cases {
        let world = World::start().await;
        let iss = iss(&world);
        world.state().iss = iss.clone();
        world.state().iss_is_promised = promised;
        let outcome = call(&world.resource(World::application())).await;
        let exchanged = world
            .asked()
            .iter()
            .any(|asked| matches!(asked, Asked::Token(..)));
        assert_eq!(exchanged, good, "{iss:?}, promised: {promised}");
        if !good {
            let refused = matches!(outcome, Err(Error::Callback(CallbackError::Issuer)));
            assert!(refused, "{iss:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn metadata_that_do_not_fit_are_found_before_anybody_is_asked() {
    type Spoil = fn(&World);
    let cases: [(&str, Spoil); 7] = [
        ("the resource is another", |world| {
            world.state().resource = "https://evil.example/mcp".into();
        }),
        ("the resource is the whole host", |world| {
            world.state().resource.clone_from(&world.base);
        }),
        ("the issuer is another", |world| {
            world.state().metadata = json!({ "issuer": world.issuer("b") });
        }),
        ("the issuer has a slash more", |world| {
            world.state().metadata = json!({ "issuer": world.issuer("a") + "/" });
        }),
        ("there is no PKCE", |world| {
            world.state().metadata = json!({ "code_challenge_methods_supported": null });
        }),
        ("PKCE is plain", |world| {
            world.state().metadata = json!({ "code_challenge_methods_supported": ["plain"] });
        }),
        ("the token endpoint is not safe", |world| {
            world.state().metadata = json!({ "token_endpoint": "http://evil.example/token" });
        }),
    ];
    for (why, spoil) in cases {
        let world = World::start().await;
        spoil(&world);
        let refused = call(&world.resource(World::application())).await;
        assert!(
            matches!(refused, Err(Error::Protocol { .. })),
            "{why}: {refused:?}"
        );
        assert_eq!(world.asked(), [], "{why}");
    }
}

#[tokio::test]
async fn what_to_ask_for_comes_from_the_challenge_or_from_the_metadata() {
    let world = World::start().await;
    world.state().challenge_names_scope = false;
    world.state().resource_scopes = json!(["read", "write"]);
    world.state().metadata = json!({ "scopes_supported": ["read", "write", "offline_access"] });
    call(&world.resource(World::application()))
        .await
        .expect("an answer");
    let listed = consent(&world, "a", "client-1-of-a", "read write offline_access");
    assert_eq!(world.asked()[1], listed);

    world.state().asked.clear();
    world.state().resource_scopes = json!([]);
    let refused = call(&world.resource(World::application())).await;
    assert!(
        matches!(refused, Err(Error::StillRefused { .. })),
        "{refused:?}"
    );
    let nothing = Asked::Consent("a".into(), "client-2-of-a".into(), None, world.mcp());
    assert_eq!(world.asked()[1], nothing);
}

#[tokio::test]
async fn more_scopes_are_asked_for_together_with_those_before() {
    let world = World::start().await;
    let resource = world.resource(World::application());
    call(&resource).await.expect("an answer");
    world.state().needed = "write";
    world.state().asked.clear();
    assert_eq!(call(&resource).await.expect("an answer"), 200);
    assert_eq!(
        world.asked()[0],
        consent(&world, "a", "client-1-of-a", "read write")
    );
}

#[tokio::test]
async fn a_resource_that_is_never_satisfied_sends_nobody_round_in_circles() {
    let world = World::start().await;
    world.state().temper = Temper::Stingy;
    let refused = call(&world.resource(World::application())).await;
    assert!(
        matches!(&refused, Err(Error::StillRefused { needed }) if needed.to_string() == "read"),
        "{refused:?}"
    );
    let asked = world.asked();
    let consents = asked
        .iter()
        .filter(|asked| matches!(asked, Asked::Consent(..)));
    assert_eq!(consents.count(), 2);
}

#[tokio::test]
async fn an_ended_token_is_renewed_once_and_the_refresh_token_rotates() {
    let world = World::start().await;
    let resource = std::sync::Arc::new(world.resource(World::application()));
    call(&resource).await.expect("an answer");
    for forget in [false, true] {
        world.state().asked.clear();
        if forget {
            world.state().forget_access_tokens();
        } else {
            world.clock.turn(Span::minutes(61));
        }
        let burst = (0..10).map(|_| {
            let resource = resource.clone();
            tokio::spawn(async move { call(&resource).await })
        });
        for call in burst.collect::<Vec<_>>() {
            assert_eq!(call.await.expect("no panic").expect("an answer"), 200);
        }
        let renewal = token("a", "client-1-of-a", "none", "refresh_token");
        assert_eq!(world.asked(), [renewal], "forgotten: {forget}");
    }
}

#[tokio::test]
async fn a_new_authorization_server_gets_nothing_of_the_old_one() {
    let world = World::start().await;
    let resource = world.resource(World::application());
    call(&resource).await.expect("an answer");
    world.state().server = "b";
    world.state().forget_access_tokens();
    world.state().asked.clear();
    assert_eq!(call(&resource).await.expect("an answer"), 200);
    let asked = world.asked();
    assert!(
        matches!(&asked[0], Asked::Register(server, _) if server == "b"),
        "{asked:?}"
    );
    assert_eq!(
        asked[1..],
        [
            consent(&world, "b", "client-2-of-b", "read"),
            token("b", "client-2-of-b", "none", "authorization_code"),
        ]
    );
    let issuers: Vec<_> = resource
        .credentials()
        .await
        .into_iter()
        .map(|c| c.issuer)
        .collect();
    assert_eq!(issuers, [world.issuer("a"), world.issuer("b")]);
}

#[tokio::test]
async fn kept_tokens_go_on_and_those_of_another_issuer_are_not_renewed() {
    let world = World::start().await;
    let first = world.resource(World::application());
    call(&first).await.expect("an answer");
    let mut application = World::application();
    application.credentials = first.credentials().await;
    let grant = first.grant().await.expect("tokens");
    world.state().asked.clear();

    let later = world.resource(application.clone());
    later.resume(grant.clone()).await;
    assert_eq!(call(&later).await.expect("an answer"), 200);
    assert_eq!(world.asked(), []);

    let foreign = Grant {
        issuer: world.issuer("b"),
        expires_at: world.clock.now(),
        ..grant
    };
    let later = world.resource(application);
    later.resume(foreign).await;
    assert_eq!(call(&later).await.expect("an answer"), 200);
    let anew = [
        consent(&world, "a", "client-1-of-a", "read"),
        token("a", "client-1-of-a", "none", "authorization_code"),
    ];
    assert_eq!(world.asked(), anew);
}

#[tokio::test]
async fn a_client_that_the_server_has_deleted_registers_again() {
    let world = World::start().await;
    let resource = world.resource(World::application());
    call(&resource).await.expect("an answer");
    world.state().clients.clear();
    world.clock.turn(Span::minutes(61));
    world.state().asked.clear();
    assert_eq!(call(&resource).await.expect("an answer"), 200);
    let asked = world.asked();
    assert_eq!(
        asked[0],
        token("a", "client-1-of-a", "none", "refresh_token")
    );
    assert!(matches!(&asked[1], Asked::Register(..)), "{asked:?}");
}

#[tokio::test]
async fn a_resource_that_rejects_fresh_tokens_is_given_up() {
    let world = World::start().await;
    world.state().temper = Temper::Deaf;
    let refused = call(&world.resource(World::application())).await;
    assert!(
        matches!(
            refused,
            Err(Error::Disconnected(Disconnected::TokenRejected))
        ),
        "{refused:?}"
    );
}

#[test]
fn credentials_do_not_print() {
    let known = Credentials {
        issuer: "https://a".to_owned(),
        client_id: "c".to_owned(),
        client_secret: Some(Secret::new(SECRET.to_owned())),
        method: Some(ClientAuthMethod::SecretBasic),
    };
    assert!(!format!("{known:?}").contains(SECRET));
}

#[tokio::test]
async fn a_picard_server_is_found_by_the_address_of_its_resource() {
    let world = World::start().await;
    let oauth = OAuth::discover(&world.mcp(), &World::application()).await;
    let oauth = oauth.expect("a server");
    let begun = oauth
        .authorize(Scopes::read_write(), &Counting::default())
        .await;
    let begun = begun.expect("a flow");
    let query = world.ask(begun.url).await.expect("consent");
    let tokens = oauth
        .exchange(begun.pending, &query, world.clock.now())
        .await;
    let tokens = tokens.expect("tokens");
    assert_eq!(
        (tokens.issuer.as_str(), tokens.scopes),
        (&*world.issuer("a"), Scopes::read_write())
    );
    assert_eq!(oauth.credentials().client_id, "client-1-of-a");
    let scope = "memories:read memories:write";
    assert_eq!(
        world.asked()[1],
        consent(&world, "a", "client-1-of-a", scope)
    );
}
