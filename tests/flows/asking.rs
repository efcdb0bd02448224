//! Asking: the query language, questions that are hardly any, and other languages,
//! with the real model in the real binary.

use picard_tests::{
    application::{call, call_over_mcp},
    installation::Installation,
    process::Up,
    server::Database,
    visitor::Visitor,
};
use serde_json::{Value, json};

picard_tests::on_both!(
    conditions_in_a_question_hold_over_rest_and_mcp,
    a_question_that_is_hardly_one_is_answered_or_refused_by_name,
    a_question_in_another_language_finds_the_memory,
    a_persona_with_a_limit_tells_much_and_nothing_twice
);

struct Scene {
    installation: Installation,
    up: Up,
    token: String,
}

impl Scene {
    /// Somebody who stored these, the first of them first and public.
    async fn with(database: Database, texts: &[&str]) -> Self {
        let installation = Installation::on(database).await;
        let up = installation.start();
        let application = installation.register(&up);
        let mut person = Visitor::new(&up.server);
        person.sign_up("beverly", "a dance in the rain").await;
        let token = application.connect(&mut person).await.access;
        for (n, text) in texts.iter().enumerate() {
            let permission = if n == 0 { "public" } else { "private" };
            let data = json!({"text": text, "permission": permission});
            let (status, answer) = call(&up.server, &token, "submit_memory", data).await;
            assert_eq!(status, 200, "{answer}");
        }
        Self {
            installation,
            up,
            token,
        }
    }

    async fn ask(&self, tool: &str, data: Value) -> (u16, Value) {
        call(&self.up.server, &self.token, tool, data).await
    }

    /// The texts that a question finds, the same over REST and MCP.
    async fn found(&self, data: Value) -> (Vec<String>, Value) {
        let (status, answer) = self.ask("query_memory", data.clone()).await;
        assert_eq!(status, 200, "{data}: {answer}");
        let over_mcp = call_over_mcp(&self.up.server, &self.token, "query_memory", data).await;
        assert_eq!(over_mcp["structuredContent"], answer);
        let memories = answer["memories"].as_array().expect("a list").iter();
        let texts = memories.map(|memory| memory["text"].as_str().unwrap_or_default().to_owned());
        (texts.collect(), answer["notices"].clone())
    }

    fn end(self) {
        assert!(self.up.stop().success());
        drop(self.installation);
    }
}

const TEA: &str = "In the morning I drink Earl Grey, hot.";
const EARL: &str = "The Earl of Sussex has grey hair.";
const COFFEE: &str = "Will drinks coffee in the morning.";
const COFFEES: &str = "There are many coffees on the market in Marseille.";

async fn conditions_in_a_question_hold_over_rest_and_mcp(database: Database) {
    let scene = Scene::with(database, &[TEA, EARL, COFFEE, COFFEES]).await;
    let rows: &[(Value, &[&str])] = &[
        (json!({"query": "\"earl grey\""}), &[TEA]),
        (json!({"query": "what is „EARL GREY“?"}), &[TEA]),
        (json!({"query": "morning -coffee", "limit": 1}), &[TEA]),
        (json!({"query": "-coffee"}), &[COFFEES, EARL, TEA]),
        (json!({"query": "-\"earl grey\" -coffee -market"}), &[EARL]),
        (json!({"query": "permission:public"}), &[TEA]),
        (
            json!({"query": "permission:private after:2020-01-01"}),
            &[COFFEES, COFFEE, EARL],
        ),
        (json!({"query": "coffee permission:public"}), &[TEA]),
        (
            json!({"query": "after:2020-01-01", "limit": 2}),
            &[COFFEES, COFFEE],
        ),
        (json!({"query": "before:2020-01-01 tea"}), &[]),
        (json!({"query": "\"grey earl\""}), &[]),
        // A field and an operator both hold.
        (
            json!({"query": "permission:public", "permission": "private"}),
            &[],
        ),
        (
            json!({"query": "permission:public morning", "permission": "public"}),
            &[TEA],
        ),
    ];
    for (data, expected) in rows {
        let (texts, notices) = scene.found(data.clone()).await;
        assert_eq!(texts, *expected, "{data}");
        let told = notices[0]["code"] == "conditions_not_met";
        assert_eq!(told, expected.is_empty(), "{data}: {notices}");
    }
    let (_, newest) = scene.ask("query_memory", json!({"query": "-coffee"})).await;
    assert_eq!(
        newest["memories"][0].get("score"),
        None,
        "nothing was asked"
    );
    let persona = json!({"user_id": "beverly", "prompt": "\"earl grey\" permission:public"});
    let (status, answer) = scene.ask("query_user", persona).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["memories"][0]["text"], TEA);
    assert_eq!(answer["memories"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["total"], 4);
    // What changed is found, and not found, as it is now.
    let (_, page) = scene.ask("get_memories", json!({})).await;
    let id = page["memories"][3]["id"].clone();
    let change = json!({"memory_id": id, "text": "I drink green tea now."});
    assert_eq!(scene.ask("update_memory", change).await.0, 200);
    assert!(
        scene
            .found(json!({"query": "\"earl grey\""}))
            .await
            .0
            .is_empty()
    );
    scene.end();
}

async fn a_question_that_is_hardly_one_is_answered_or_refused_by_name(database: Database) {
    let scene = Scene::with(database, &[TEA, EARL, COFFEE, COFFEES]).await;
    let long = format!("Who drinks coffee? {}", "Tell me please. ".repeat(4_090));
    assert!((65_000..=65_536).contains(&long.len()));
    // Some are answered with whatever is nearest: all four, in some order.
    let answered: &[(&str, Option<&str>)] = &[
        ("the of and is to", None),
        ("🙂🎉", None),
        ("???", None),
        ("утром coffee 早上 صباح", None),
        ("ماذا أشرب في الصباح؟", None),
        ("מה אני שותה בבוקר?", None),
        ("\u{202e}who drinks coffee\u{202c}", Some(COFFEE)),
        (
            "who drinks cof\u{200b}fee in the morn\u{ad}ing",
            Some(COFFEE),
        ),
        ("coffee in \"the morning", Some(COFFEE)),
        ("coffee 5\" by 7\" - or --so, re:morning", None),
        ("-", None),
        (&long, Some(COFFEE)),
    ];
    for (query, first) in answered {
        let shown: String = query.chars().take(40).collect();
        let (texts, notices) = scene.found(json!({"query": query})).await;
        assert_eq!(texts.len(), 4, "{shown}");
        assert!(
            first.is_none_or(|first| texts[0] == first),
            "{shown}: {texts:?}"
        );
        let is_long = query.len() == long.len();
        assert_eq!(notices[0]["code"] == "query_truncated", is_long, "{shown}");
    }
    let found = scene.found(json!({"query": "\"ear\u{200b}l grey\""})).await;
    assert_eq!(found.0, [TEA]);
    let refused = [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("\u{200b}\u{feff} \u{2060}", "is empty"),
        (
            "tea before:2025-13-01",
            "before: \"2025-13-01\" is not a date; write before:2025-01-31",
        ),
        ("after:yesterday", "after: \"yesterday\" is not a date"),
        (
            "permission:secret",
            "permission: \"secret\" is neither public nor private",
        ),
        (
            "tea -permission:public",
            "-permission: a filter cannot be excluded",
        ),
        ("\"a\" \"b\" ".repeat(17).leak(), "more than 32 phrases"),
    ];
    for (query, reason) in refused {
        for (tool, field, data) in [
            ("query_memory", "query", json!({"query": query})),
            (
                "query_user",
                "prompt",
                json!({"user_id": "beverly", "prompt": query}),
            ),
        ] {
            let (status, problem) = scene.ask(tool, data).await;
            assert_eq!(status, 422, "{query}: {problem}");
            assert_eq!(problem["errors"][0]["field"], field);
            let message = problem["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(
                message.starts_with(reason) || message.contains(reason),
                "{message}"
            );
        }
    }
    scene.end();
}

async fn a_question_in_another_language_finds_the_memory(database: Database) {
    let rows = [
        (
            "My sister plays the cello in an orchestra.",
            "Welches Instrument spielt meine Schwester?",
        ),
        (
            "Der Schlüssel zum Gartenhaus hängt hinter der Tür.",
            "Where is the key to the garden shed?",
        ),
        (
            "Mi abuela nació en un pueblo cerca de Sevilla.",
            "Où est née ma grand-mère ?",
        ),
        (
            "Le mardi, je vais nager après le travail.",
            "When do I go swimming?",
        ),
        ("我对花生过敏。", "What am I allergic to?"),
        (
            "The train to Vienna leaves at seven.",
            "去维也纳的火车几点开？",
        ),
    ];
    let texts = rows.map(|(text, _)| text);
    let scene = Scene::with(database, &texts).await;
    for (text, question) in rows {
        let (found, _) = scene.found(json!({"query": question, "limit": 1})).await;
        assert_eq!(found, [text], "{question}");
    }
    scene.end();
}

/// What somebody told an assistant over time: each subject more than once.
const DRINKS: [&str; 5] = [
    "I drink Earl Grey every morning.",
    "Every morning I drink a cup of Earl Grey tea.",
    "My drink in the morning is Earl Grey tea.",
    "I DRINK EARL GREY every morning",
    "In the morning I always drink Earl Grey tea, hot.",
];
const OTHER_DRINKS: [&str; 3] = [
    "With lunch I like sparkling water with a slice of lemon.",
    "On Sundays I drink hot chocolate with my daughter.",
    "I never drink alcohol, not even at weddings.",
];
const DOG: [&str; 3] = [
    "My dog is called Bello.",
    "Bello, my dog, is afraid of thunderstorms.",
    "I walk my dog Bello in the park at six.",
];
const WORK: [&str; 3] = [
    "I work as a nurse at the children's hospital.",
    "My shift at the hospital starts at seven.",
    "Dr. Weber is the head of my ward at the hospital.",
];
const HOLIDAY: [&str; 3] = [
    "In August we are going to Portugal on holiday.",
    "Our holiday flat in Portugal is near Lagos.",
    "We fly to Portugal on the third of August.",
];

async fn a_persona_with_a_limit_tells_much_and_nothing_twice(database: Database) {
    let subjects: [&[&str]; 5] = [&DRINKS, &OTHER_DRINKS, &DOG, &WORK, &HOLIDAY];
    let scene = Scene::with(database, &subjects.concat()).await;
    let ask = async |data: Value| {
        let (status, answer) = scene.ask("query_user", data.clone()).await;
        assert_eq!(status, 200, "{data}: {answer}");
        assert_eq!(answer["total"], 17, "{data}");
        let memories = answer["memories"].as_array().expect("a list");
        let texts = memories
            .iter()
            .map(|memory| memory["text"].as_str().unwrap_or_default());
        let scores = memories
            .iter()
            .filter_map(|memory| memory["score"].as_f64());
        let scores: Vec<f64> = scores.collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        texts.map(str::to_owned).collect::<Vec<String>>()
    };
    let of = |texts: &[String], subject: &[&str]| {
        texts
            .iter()
            .filter(|text| subject.contains(&text.as_str()))
            .count()
    };
    let question = "What do I like to drink?";
    let drinks = ask(json!({"user_id": "beverly", "prompt": question, "limit": 4})).await;
    let found = (of(&drinks, &DRINKS), of(&drinks, &OTHER_DRINKS));
    assert_eq!(found, (1, 3), "{drinks:#?}");
    // Each subject has its say before any has a second.
    let telling = ask(json!({"user_id": "beverly", "limit": 4})).await;
    let found = [
        &[DRINKS.as_slice(), &OTHER_DRINKS].concat()[..],
        &DOG,
        &WORK,
        &HOLIDAY,
    ]
    .map(|subject| of(&telling, subject));
    assert_eq!(found, [1, 1, 1, 1], "{telling:#?}");
    // The same words twice only when there is nothing else left.
    let most = ask(json!({"user_id": "beverly", "limit": 16})).await;
    let same = |text: &&String| {
        text.to_lowercase()
            .starts_with("i drink earl grey every morning")
    };
    assert_eq!((most.len(), most.iter().filter(same).count()), (16, 1));
    for all in [
        json!({}),
        json!({"prompt": question}),
        json!({"limit": 100}),
    ] {
        let mut data = json!({"user_id": "beverly"});
        data.as_object_mut()
            .expect("an object")
            .extend(all.as_object().expect("one").clone());
        assert_eq!(ask(data).await.len(), 17);
    }
    scene.end();
}
