//! The seven tools as an application uses them, on both databases.

use picard_domain::Span;
use picard_tests::{
    application::{Tokens, call},
    server::{Database, TestServer},
};
use serde_json::{Value, json};

picard_tests::on_both!(
    a_memory_is_stored_listed_changed_found_and_forgotten,
    a_list_goes_on_where_the_last_page_ended,
    another_persons_persona_shows_what_is_public_and_no_more,
    a_token_reaches_as_far_as_its_scopes,
    a_deleted_account_is_gone_with_everything_in_it
);

async fn connected(server: &TestServer, handle: &str) -> Tokens {
    let application = server.application().await;
    application.connect(&mut server.person(handle).await).await
}

fn texts(answer: &Value) -> Vec<&str> {
    let memories = answer["memories"].as_array().expect("a list of memories");
    memories
        .iter()
        .map(|memory| memory["text"].as_str().expect("a text"))
        .collect()
}

async fn a_memory_is_stored_listed_changed_found_and_forgotten(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "jean-luc").await.access;
    let tool = async |name: &str, data: Value| {
        let (status, answer) = call(&server.base, &token, name, data).await;
        assert_eq!(status, 200, "{name}: {answer}");
        server.clock.advance(Span::micros(1));
        answer
    };
    let stored = tool("submit_memory", json!({"text": "I drink Earl Grey, hot."})).await;
    assert_eq!(
        (&stored["permission"], &stored["expired"]),
        (&json!("private"), &json!(false))
    );
    tool(
        "submit_memory",
        json!({"text": "My fish is called Livingston."}),
    )
    .await;

    let list = tool("get_memories", json!({})).await;
    assert_eq!(
        texts(&list),
        ["My fish is called Livingston.", "I drink Earl Grey, hot."]
    );
    assert_eq!(list["next_cursor"], Value::Null);

    let id = &stored["id"];
    let one = tool("get_memories", json!({"memory_id": id})).await;
    assert_eq!(one["memories"][0], stored);

    let found = tool("query_memory", json!({"query": "Earl Grey", "limit": 1})).await;
    assert_eq!(texts(&found), ["I drink Earl Grey, hot."]);
    assert!(found["memories"][0]["score"].is_number());

    let new =
        json!({"memory_id": id, "text": "I drink Romulan ale.", "expiration_date": "2999-01-01"});
    let changed = tool("update_memory", new).await;
    assert_eq!(changed["expiration_date"], "2999-01-01T23:59:59.999999Z");
    let found = tool("query_memory", json!({"query": "Romulan ale", "limit": 1})).await;
    assert_eq!(texts(&found), ["I drink Romulan ale."]);

    let public = tool(
        "modify_permissions",
        json!({"memory_id": id, "permission": "public"}),
    )
    .await;
    assert_eq!(
        (&public["permission"], &public["text"]),
        (&json!("public"), &changed["text"])
    );

    let gone = tool("delete_memory", json!({"memory_id": id})).await;
    assert_eq!(gone, json!({"id": id, "deleted": true}));
    let found = tool("query_memory", json!({"query": "Romulan ale"})).await;
    assert_eq!(texts(&found), ["My fish is called Livingston."]);
    let list = tool("retrieve_memories", json!({})).await;
    assert_eq!(texts(&list), ["My fish is called Livingston."]);
}

async fn a_list_goes_on_where_the_last_page_ended(database: Database) {
    let server = TestServer::on(database).await;
    let token = connected(&server, "jean-luc").await.access;
    for n in 0..7 {
        server.clock.advance(Span::micros(1));
        let data = json!({"text": format!("memory {n}")});
        assert_eq!(
            call(&server.base, &token, "submit_memory", data).await.0,
            200
        );
    }
    let mut seen = Vec::new();
    let mut data = json!({"limit": 3});
    loop {
        let (status, page) = call(&server.base, &token, "get_memories", data.clone()).await;
        assert_eq!(status, 200, "{page}");
        seen.extend(texts(&page).into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(cursor) => data["cursor"] = json!(cursor),
            None => break,
        }
    }
    let all: Vec<_> = (0..7).rev().map(|n| format!("memory {n}")).collect();
    assert_eq!(seen, all);
}

async fn another_persons_persona_shows_what_is_public_and_no_more(database: Database) {
    let server = TestServer::on(database).await;
    let owner = connected(&server, "beverly").await.access;
    let reader = connected(&server, "wesley").await.access;
    for (text, permission) in [
        ("I dance.", "public"),
        ("I direct plays.", "public"),
        ("I miss Jack.", "private"),
    ] {
        server.clock.advance(Span::micros(1));
        let data = json!({"text": text, "permission": permission});
        assert_eq!(
            call(&server.base, &owner, "submit_memory", data).await.0,
            200
        );
    }
    let ask = async |token: &str, data: Value| {
        let (status, answer) = call(&server.base, token, "query_user", data).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let own = ask(&owner, json!({"user_id": "beverly"})).await;
    assert_eq!((texts(&own).len(), &own["total"]), (3, &json!(3)));
    let id = own["user"]["id"].clone();
    let all = ask(&reader, json!({"user_id": id})).await;
    assert_eq!(texts(&all), ["I direct plays.", "I dance."]);
    assert_eq!(all["total"], 2);
    assert_eq!(all["user"]["handle"], "beverly");
    let asked = ask(
        &reader,
        json!({"user_id": "beverly", "prompt": "Jack", "limit": 5}),
    )
    .await;
    assert_eq!(texts(&asked).len(), 2);
    let one = ask(
        &reader,
        json!({"user_id": "@Beverly", "prompt": "dance", "limit": 1}),
    )
    .await;
    assert_eq!((texts(&one), &one["total"]), (vec!["I dance."], &json!(2)));
    let data = json!({"user_id": "beverly", "permission": "private"});
    let (status, list) = call(&server.base, &reader, "get_memories", data).await;
    assert_eq!((status, texts(&list).len()), (200, 0));
}

async fn a_token_reaches_as_far_as_its_scopes(database: Database) {
    let server = TestServer::on(database).await;
    let mut application = server.application().await;
    "memories:read".clone_into(&mut application.scope);
    let token = application
        .connect(&mut server.person("worf").await)
        .await
        .access;
    let (status, problem) = call(&server.base, &token, "submit_memory", json!({"text": "a"})).await;
    assert_eq!(
        (status, &problem["code"]),
        (403, &json!("insufficient_scope"))
    );
    for tool in ["update_memory", "modify_permissions", "delete_memory"] {
        assert_eq!(
            call(&server.base, &token, tool, json!({})).await.0,
            403,
            "{tool}"
        );
    }
    assert_eq!(
        call(&server.base, &token, "get_memories", json!({}))
            .await
            .0,
        200
    );
    "memories:admin".clone_into(&mut application.scope);
    let token = application
        .connect(&mut server.person("k-ehleyr").await)
        .await
        .access;
    assert_eq!(
        call(&server.base, &token, "submit_memory", json!({"text": "a"}))
            .await
            .0,
        200
    );
}

async fn a_deleted_account_is_gone_with_everything_in_it(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let mut person = server.person("tasha").await;
    let token = application.connect(&mut person).await.access;
    let data = json!({"text": "I was here.", "permission": "public"});
    assert_eq!(
        call(&server.base, &token, "submit_memory", data).await.0,
        200
    );
    let other = connected(&server, "data").await.access;
    let wrong = [("password", "not my password")];
    assert_ne!(
        person
            .fill("/account/delete", "/account/delete", &wrong)
            .await
            .status,
        303
    );
    let right = [("password", "tea, earl grey, hot")];
    let page = person
        .fill("/account/delete", "/account/delete", &right)
        .await;
    assert_eq!(page.status, 303, "{}", page.body);
    assert_eq!(
        call(&server.base, &token, "get_memories", json!({}))
            .await
            .0,
        401
    );
    let (status, _) = call(
        &server.base,
        &other,
        "query_user",
        json!({"user_id": "tasha"}),
    )
    .await;
    assert_eq!(status, 404);
    assert_eq!(person.get("/account").await.status, 303);
}
