//! Finding by meaning, with the real model in the real binary.

use picard_tests::{
    application::{call, call_over_mcp},
    installation::Installation,
    server::Database,
    visitor::Visitor,
};
use serde_json::{Value, json};

picard_tests::on_both!(
    memories_are_found_by_what_they_mean_in_any_language_and_to_the_end_of_a_long_text,
    an_answer_says_how_much_was_read_of_a_question_that_is_too_long
);

async fn memories_are_found_by_what_they_mean_in_any_language_and_to_the_end_of_a_long_text(
    database: Database,
) {
    let installation = Installation::on(database).await;
    let up = installation.start();
    let application = installation.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let token = application.connect(&mut person).await.access;
    let filler =
        "The replicator on deck seven was serviced again, without any finding. ".repeat(500);
    let end = "My brother Robert runs the vineyard in La Barre.";
    for text in [
        "Every morning I drink a hot cup of Earl Grey.",
        "My aunt lives in a small house by the sea.",
        "The reactor code is ZX-4471-B.",
        "Mein Hund heißt Bello und hat Angst vor Gewitter.",
        &format!("{filler}{end}"),
    ] {
        let (status, answer) =
            call(&up.server, &token, "submit_memory", json!({"text": text})).await;
        assert_eq!(status, 200, "{answer}");
    }
    for (query, expected) in [
        ("What do I like for breakfast to drink?", "Earl Grey"),
        ("Wo wohnt meine Tante?", "by the sea"),
        ("ZX-4471-B", "reactor code"),
        ("Which animal is afraid of thunderstorms?", "Bello"),
        ("Who makes wine in the family?", "vineyard"),
    ] {
        let data = json!({"query": query, "limit": 1});
        let (status, answer) = call(&up.server, &token, "query_memory", data).await;
        assert_eq!(status, 200, "{answer}");
        let text = answer["memories"][0]["text"].as_str().unwrap_or_default();
        let shown: String = text.chars().take(80).collect();
        assert!(text.contains(expected), "{query}: {shown}");
        let score = &answer["memories"][0]["score"];
        assert!(
            score
                .as_f64()
                .is_some_and(|score| (0.0..=1.0).contains(&score)),
            "{score}"
        );
        assert_ne!(answer["memories"][0]["id"], Value::Null);
    }
    assert!(up.stop().success());
}

async fn an_answer_says_how_much_was_read_of_a_question_that_is_too_long(database: Database) {
    let installation = Installation::on(database).await;
    let up = installation.start();
    let application = installation.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let token = application.connect(&mut person).await.access;
    let ask = async |tool, data: Value| {
        let (status, answer) = call(&up.server, &token, tool, data.clone()).await;
        assert_eq!(status, 200, "{answer}");
        let result = call_over_mcp(&up.server, &token, tool, data).await;
        assert_eq!(result["structuredContent"], answer);
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        let read: Value = serde_json::from_str(text).expect("what a model reads is JSON");
        assert_eq!(read, answer);
        answer
    };
    let memory = json!({"text": "I drink Earl Grey, hot."});
    let (status, stored) = call(&up.server, &token, "submit_memory", memory).await;
    assert_eq!(status, 200, "{stored}");
    let long = format!("What do I drink? {}", "Please tell me. ".repeat(1_000));
    for _ in ["read", "known already"] {
        for (tool, data) in [
            ("query_memory", json!({"query": long})),
            ("query_user", json!({"user_id": "jean-luc", "prompt": long})),
        ] {
            let answer = ask(tool, data).await;
            let [notice] = answer["notices"].as_array().expect("notices").as_slice() else {
                panic!("one notice: {answer}");
            };
            assert_eq!(notice["code"], "query_truncated");
            let message = notice["message"].as_str().unwrap_or_default();
            assert!(message.contains("of its 16017 characters"), "{message}");
            assert!(answer["memories"][0]["text"] == "I drink Earl Grey, hot.");
        }
    }
    let answer = ask("query_memory", json!({"query": "What do I drink?"})).await;
    assert!(answer.get("notices").is_none(), "nothing to tell: {answer}");
    assert!(up.stop().success());
}
