//! Bad input: a clear error, the field by its name, and the data as before.

use picard_tests::{
    application::call,
    server::{Database, TestServer},
    visitor::{Page, Visitor, http},
};
use serde_json::{Value, json};

picard_tests::on_both!(
    a_wrong_value_is_refused_by_name_and_changes_nothing,
    every_unknown_field_is_named_at_once,
    a_body_that_is_no_call_is_refused_and_changes_nothing,
    a_text_of_64_kib_that_is_all_escapes_is_taken,
    somebody_elses_memory_is_answered_as_an_absent_one,
    a_cursor_is_good_for_its_person_and_its_list_only
);

struct Scene {
    server: TestServer,
    token: String,
    other: String,
    id: Value,
}

impl Scene {
    async fn set(database: Database) -> Self {
        let server = TestServer::on(database).await;
        let application = server.application().await;
        let token = application
            .connect(&mut server.person("riker").await)
            .await
            .access;
        let other = application
            .connect(&mut server.person("thomas").await)
            .await
            .access;
        let (_, memory) = call(
            &server.base,
            &token,
            "submit_memory",
            json!({"text": "I play the trombone."}),
        )
        .await;
        Self {
            server,
            token,
            other,
            id: memory["id"].clone(),
        }
    }

    async fn memories(&self) -> Value {
        call(
            &self.server.base,
            &self.token,
            "get_memories",
            json!({"expired": "include"}),
        )
        .await
        .1
    }

    async fn raw(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Page {
        let request = http()
            .post(format!("{}/api/tools", self.server.base))
            .bearer_auth(&self.token)
            .header("content-type", content_type)
            .body(body);
        Visitor::new("").send(request).await
    }
}

fn field(problem: &Value) -> &str {
    problem["errors"][0]["field"].as_str().unwrap_or_default()
}

async fn a_wrong_value_is_refused_by_name_and_changes_nothing(database: Database) {
    let scene = Scene::set(database).await;
    let before = scene.memories().await;
    let id = &scene.id;
    let long = "x".repeat(65_537);
    let foreign = json!("0198c0de-0000-7000-8000-000000000000");
    let rows: Vec<(&str, Value, u16, &str)> = vec![
        ("submit_memory", json!({"text": ""}), 422, "text"),
        ("submit_memory", json!({"text": " \n"}), 422, "text"),
        ("submit_memory", json!({"text": long}), 422, "text"),
        ("submit_memory", json!({"text": "a\u{0}b"}), 422, "text"),
        ("submit_memory", json!({"text": null}), 400, "text"),
        ("submit_memory", json!({}), 400, "text"),
        (
            "submit_memory",
            json!({"text": "a", "permission": "secret"}),
            400,
            "permission",
        ),
        (
            "submit_memory",
            json!({"text": "a", "expiration_date": "2025-13-45"}),
            400,
            "expiration_date",
        ),
        (
            "submit_memory",
            json!({"text": "a", "expiration_date": "tomorrow"}),
            400,
            "expiration_date",
        ),
        (
            "submit_memory",
            json!({"text": "a", "expiration_date": "1999-01-01"}),
            422,
            "expiration_date",
        ),
        (
            "submit_memory",
            json!({"text": "a", "colour": "red"}),
            400,
            "colour",
        ),
        ("get_memories", json!({"limit": 0}), 422, "limit"),
        ("get_memories", json!({"limit": -1}), 422, "limit"),
        (
            "get_memories",
            json!({"limit": 1_000_000_000}),
            422,
            "limit",
        ),
        ("get_memories", json!({"limit": "many"}), 400, "limit"),
        ("get_memories", json!({"memory_id": "7"}), 400, "memory_id"),
        (
            "get_memories",
            json!({"memory_id": id, "limit": 5}),
            400,
            "memory_id",
        ),
        ("get_memories", json!({"cursor": "nonsense"}), 400, "cursor"),
        ("get_memories", json!({"user_id": "?"}), 400, "user_id"),
        ("query_memory", json!({"query": ""}), 422, "query"),
        (
            "query_memory",
            json!({"query": "a", "limit": 0}),
            422,
            "limit",
        ),
        (
            "query_memory",
            json!({"query": "a", "limit": 101}),
            422,
            "limit",
        ),
        (
            "query_user",
            json!({"user_id": "riker", "limit": 0}),
            422,
            "limit",
        ),
        (
            "query_user",
            json!({"user_id": "riker", "prompt": ""}),
            422,
            "prompt",
        ),
        (
            "update_memory",
            json!({"memory_id": id, "text": ""}),
            422,
            "text",
        ),
        ("update_memory", json!({"text": "a"}), 400, "memory_id"),
        (
            "modify_permissions",
            json!({"memory_id": id, "permission": "all"}),
            400,
            "permission",
        ),
        ("delete_memory", json!({"memory_id": foreign}), 404, ""),
        ("query_user", json!({"user_id": "nobody-here"}), 404, ""),
        ("erase_everything", json!({}), 400, "tool"),
    ];
    for (tool, data, status, wrong) in rows {
        let (got, problem) = call(&scene.server.base, &scene.token, tool, data.clone()).await;
        let shown: String = data.to_string().chars().take(60).collect();
        assert_eq!(
            (got, field(&problem)),
            (status, wrong),
            "{tool} {shown}: {problem}"
        );
        assert_eq!(problem["status"], json!(status));
        for part in ["type", "title", "detail", "code", "request_id"] {
            assert!(problem[part].is_string(), "{part} is missing: {problem}");
        }
    }
    assert_eq!(scene.memories().await, before);
}

async fn every_unknown_field_is_named_at_once(database: Database) {
    let scene = Scene::set(database).await;
    let data = json!({"text": "a", "colour": 1, "shape": 2});
    let (_, problem) = call(&scene.server.base, &scene.token, "submit_memory", data).await;
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|e| &e["field"])
        .collect();
    assert_eq!(fields, ["colour", "shape"]);
}

async fn a_body_that_is_no_call_is_refused_and_changes_nothing(database: Database) {
    let scene = Scene::set(database).await;
    let before = scene.memories().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_data = format!(r#"{{"tool":"submit_memory","data":{deep}}}"#);
    let json = "application/json";
    let rows: Vec<(&str, &str, Vec<u8>, u16)> = vec![
        (
            "missing data",
            json,
            br#"{"tool":"submit_memory"}"#.to_vec(),
            400,
        ),
        (
            "unknown member",
            json,
            br#"{"tool":"submit_memory","data":{"text":"a"},"x":1}"#.to_vec(),
            400,
        ),
        ("no object", json, b"[]".to_vec(), 400),
        (
            "data is no object",
            json,
            br#"{"tool":"submit_memory","data":"a"}"#.to_vec(),
            400,
        ),
        (
            "tool is no string",
            json,
            br#"{"tool":7,"data":{}}"#.to_vec(),
            400,
        ),
        ("no JSON", json, b"{".to_vec(), 400),
        (
            "no UTF-8",
            json,
            b"{\"tool\":\"submit_memory\",\"data\":{\"text\":\"\xff\xfe\"}}".to_vec(),
            400,
        ),
        (
            "lone surrogate",
            json,
            br#"{"tool":"submit_memory","data":{"text":"\ud800"}}"#.to_vec(),
            400,
        ),
        ("deeply nested", json, deep.into_bytes(), 400),
        ("deeply nested data", json, deep_data.into_bytes(), 400),
        (
            "wrong type",
            "text/plain",
            br#"{"tool":"get_memories","data":{}}"#.to_vec(),
            415,
        ),
        (
            "form",
            "application/x-www-form-urlencoded",
            b"tool=get_memories".to_vec(),
            415,
        ),
        ("20 MiB", json, vec![b' '; 20 * 1024 * 1024], 413),
    ];
    for (what, content_type, body, status) in rows {
        let page = scene.raw(content_type, body).await;
        assert_eq!(page.status, status, "{what}: {}", page.body);
        assert_eq!(
            page.header("content-type"),
            "application/problem+json",
            "{what}"
        );
    }
    assert_eq!(scene.memories().await, before);
}

async fn a_text_of_64_kib_that_is_all_escapes_is_taken(database: Database) {
    let scene = Scene::set(database).await;
    let text = "\u{1}".repeat(65_536);
    let (status, memory) = call(
        &scene.server.base,
        &scene.token,
        "submit_memory",
        json!({"text": text}),
    )
    .await;
    assert_eq!(
        (status, memory["text"].as_str()),
        (200, Some(text.as_str()))
    );
}

async fn somebody_elses_memory_is_answered_as_an_absent_one(database: Database) {
    let scene = Scene::set(database).await;
    let before = scene.memories().await;
    let absent = json!("0198c0de-0000-7000-8000-000000000000");
    for (tool, more) in [
        ("get_memories", json!({})),
        ("update_memory", json!({"text": "mine now"})),
        ("modify_permissions", json!({"permission": "public"})),
        ("delete_memory", json!({})),
    ] {
        let mut answers = Vec::new();
        for id in [&scene.id, &absent] {
            let mut data = more.clone();
            data["memory_id"] = id.clone();
            let (status, mut problem) = call(&scene.server.base, &scene.other, tool, data).await;
            assert_eq!(status, 404, "{tool}");
            problem["request_id"] = Value::Null;
            answers.push(problem);
        }
        assert_eq!(answers[0], answers[1], "{tool}");
    }
    assert_eq!(scene.memories().await, before);
}

async fn a_cursor_is_good_for_its_person_and_its_list_only(database: Database) {
    let scene = Scene::set(database).await;
    for token in [&scene.token, &scene.other] {
        for n in 0..3 {
            let data = json!({"text": format!("note {n}")});
            assert_eq!(
                call(&scene.server.base, token, "submit_memory", data)
                    .await
                    .0,
                200
            );
        }
    }
    let (_, page) = call(
        &scene.server.base,
        &scene.token,
        "get_memories",
        json!({"limit": 1}),
    )
    .await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let list = async |token: &str, data: Value| {
        let (status, problem) = call(&scene.server.base, token, "get_memories", data).await;
        (status, field(&problem).to_owned())
    };
    let refused = (400, "cursor".to_owned());
    assert_eq!(
        list(&scene.other, json!({"limit": 1, "cursor": cursor})).await,
        refused
    );
    let other_filter = json!({"limit": 1, "cursor": cursor, "permission": "private"});
    assert_eq!(list(&scene.token, other_filter).await, refused);
    let mut tampered = cursor.to_owned().into_bytes();
    tampered[20] = if tampered[20] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).expect("ASCII");
    assert_eq!(
        list(&scene.token, json!({"limit": 1, "cursor": tampered})).await,
        refused
    );
    assert_eq!(
        list(&scene.token, json!({"limit": 1, "cursor": cursor}))
            .await
            .0,
        200
    );
}
