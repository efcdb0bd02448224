//! `kill -9` in the middle of a stream of writes: what was acknowledged is there.

use picard_tests::{
    application::{Application, Tokens, call, post_form},
    installation::Installation,
    process::Up,
    server::Database,
    visitor::{Visitor, http},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

picard_tests::on_both!(
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    every_acknowledged_write_survives_and_is_found
);

const KILLS: usize = 20;
const WRITERS: usize = 4;

/// Writes until the server is gone; tells each text that was acknowledged.
async fn write(
    server: String,
    token: String,
    name: String,
    acknowledged: mpsc::UnboundedSender<String>,
) {
    for n in 0..10_000 {
        let text = format!("{name}, entry {n}");
        let body = json!({"tool": "submit_memory", "data": {"text": text}});
        let request = http()
            .post(format!("{server}/api/tools"))
            .bearer_auth(&token)
            .json(&body);
        match request.send().await {
            Ok(response) if response.status() == 200 => {
                if acknowledged.send(text).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

async fn refreshed(server: &str, application: &Application, tokens: &Tokens) -> Tokens {
    let form = application.refresh(&tokens.refresh);
    Tokens::from_page(&post_form(&format!("{server}/oauth/token"), &form).await)
}

async fn every_acknowledged_write_survives_and_is_found(database: Database) {
    let installation = Installation::on(database).await;
    let mut up = installation.start();
    let application = installation.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("data", "tea, earl grey, hot").await;
    let mut tokens = application.connect(&mut person).await;
    let mut all: Vec<String> = Vec::new();
    for round in 0..KILLS {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let name = format!("round {round}, writer {writer}");
                tokio::spawn(write(
                    up.server.clone(),
                    tokens.access.clone(),
                    name,
                    sender.clone(),
                ))
            })
            .collect();
        drop(sender);
        // Killed after a different number of acknowledgements each time, with writes under way.
        let mut last = String::new();
        for _ in 0..=(round % 7) * 3 {
            last = receiver.recv().await.expect("writes are acknowledged");
            all.push(last.clone());
        }
        let again = installation.restart_after(up, Up::kill);
        up = again;
        for writer in writers {
            writer.await.expect("a writer ends");
        }
        while let Some(text) = receiver.recv().await {
            all.push(text);
        }
        let data = json!({"query": last, "limit": 5});
        let (status, found) = call(&up.server, &tokens.access, "query_memory", data).await;
        assert_eq!(status, 200, "{found}");
        let found = found["memories"].as_array().expect("a list");
        assert!(
            found.iter().any(|memory| memory["text"] == last.as_str()),
            "{last} is not found"
        );
    }
    tokens = refreshed(&up.server, &application, &tokens).await;
    let stored = everything(&up.server, &tokens.access, json!({"user_id": "data"})).await;
    let lost: Vec<_> = all.iter().filter(|text| !stored.contains(text)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged writes are lost: {lost:?}",
        lost.len(),
        all.len()
    );
    let asked = json!({"user_id": "data", "prompt": "the entry of a writer"});
    let mut searched = everything(&up.server, &tokens.access, asked).await;
    let mut stored = stored;
    searched.sort();
    stored.sort();
    assert_eq!(
        searched, stored,
        "everything that is stored is found by a search"
    );
}

async fn everything(server: &str, token: &str, data: Value) -> Vec<String> {
    let (status, answer) = call(server, token, "query_user", data).await;
    assert_eq!(status, 200, "{answer}");
    let memories: &Vec<Value> = answer["memories"].as_array().expect("a list");
    memories
        .iter()
        .filter_map(|memory| memory["text"].as_str().map(str::to_owned))
        .collect()
}
