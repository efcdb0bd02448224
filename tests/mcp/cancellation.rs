//! Whoever hangs up takes the work along.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use picard_embed::{Embedder, Error, Window};
use picard_testkit::HashEmbedder;
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use reqwest::Method;
use serde_json::json;

use crate::rig::Peer;

picard_tests::on_both!(
    #[tokio::test(flavor = "multi_thread")]
    a_memory_is_not_stored_for_a_caller_who_hung_up
);

/// An embedder that thinks until it is told to go on.
#[derive(Default)]
struct Ponderous {
    embedder: HashEmbedder,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    thinking: usize,
    may_go_on: bool,
}

impl Ponderous {
    fn go_on(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .may_go_on = true;
        self.changed.notify_all();
    }

    fn thinking(&self) -> usize {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .thinking
    }
}

impl Embedder for Ponderous {
    fn model(&self) -> &str {
        self.embedder.model()
    }

    fn dimensions(&self) -> usize {
        self.embedder.dimensions()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.embedder.embed_query(text)
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        self.embedder.reads(question)
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        self.embedder.windows(text)
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.thinking += 1;
        while !state.may_go_on {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.thinking -= 1;
        drop(state);
        self.embedder.embed_window(window)
    }
}

/// Waits until something is so; gives up after ten seconds.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to be that {what}");
}

async fn a_memory_is_not_stored_for_a_caller_who_hung_up(database: Database) {
    for over_rest in [false, true] {
        let first = TestServer::on(database).await;
        let peer = Peer::of(&first, "worf").await;
        let slow = Arc::new(Ponderous::default());
        let server = first.with_embedder(slow.clone()).await;
        let peer = peer.at(&server);
        let idle = Arc::strong_count(&server.app);
        let text = json!({"text": "Never mind."});
        let request = if over_rest {
            peer.request(Method::POST, "/api/tools")
                .json(&json!({"tool": "submit_memory", "data": text}))
        } else {
            peer.modern(
                "tools/call",
                json!({"name": "submit_memory", "arguments": text}),
            )
        };
        let waiting = tokio::spawn(request.send());
        until("the work has begun", || slow.thinking() == 1).await;
        assert!(
            Arc::strong_count(&server.app) > idle,
            "a call holds the use cases"
        );

        waiting.abort();
        until("the call is dropped", || {
            Arc::strong_count(&server.app) <= idle
        })
        .await;
        assert_eq!(slow.thinking(), 1, "and not because it was done");
        slow.go_on();
        until("the thread is free", || slow.thinking() == 0).await;
        let (status, list) =
            call(&server.base, &peer.tokens.access, "get_memories", json!({})).await;
        assert_eq!((status, &list["memories"]), (200, &json!([])));
    }
}
