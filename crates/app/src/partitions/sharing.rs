//! Searches that take long, beside those of others.

use std::{pin::pin, sync::mpsc};

use futures::poll;
use picard_testkit::TestDatabase;
use serde_json::json;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;
use crate::{
    App,
    scene::{self, caller, import, open},
};

/// Somebody who asks what takes a thread of its own.
fn question(who: u128, bytes: usize) -> Question {
    scene::question(UserId::from_uuid(Uuid::from_u128(who)), "x".repeat(bytes))
}

/// A server with one memory.
async fn with_a_memory(database: &TestDatabase) -> (App, Owner) {
    let app = open(database).await;
    import(&app, [json!({"text": "tea"})].into_iter()).await;
    let owner = Owner::of(&caller(&app).await);
    (app, owner)
}

/// Searches in a way of the test's own, for the answer 7.
async fn search(
    app: &App,
    owner: &Owner,
    question: Question,
    work: impl FnOnce() + Send + 'static,
) -> u8 {
    let work = move |_: &Loaded, _: &Question, _: &Ranking| {
        work();
        7
    };
    let (db, embedding) = (&app.db, &app.embedding);
    let target = Target::of(owner);
    let answer = app.partitions.on(db, embedding, target, question, work);
    answer.await.expect("answered")
}

#[tokio::test]
async fn while_ones_searches_take_long_those_of_another_are_answered() {
    let database = TestDatabase::sqlite();
    let (mut app, owner) = with_a_memory(&database).await;
    app.partitions.seats = Seats::new(2);
    let (go_on, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = oneshot::channel();
    let long = SHORT + 1;
    let held = search(&app, &owner, question(1, long), move || {
        begun.send(()).expect("it is waited for");
        wait.recv().expect("it is let on");
    });
    let mut held = pin!(held);
    let has_begun = async { has_begun.await.expect("it begins") };
    tokio::select! {
        _ = &mut held => panic!("it is held"),
        () = has_begun => {}
    }
    let mut next = pin!(search(&app, &owner, question(1, long), || ()));
    assert!(poll!(&mut next).is_pending());
    assert_eq!(search(&app, &owner, question(2, long), || ()).await, 7);
    assert!(poll!(&mut next).is_pending(), "it is behind one's own");
    // What takes no time waits for nobody, whoever asks it.
    assert_eq!(search(&app, &owner, question(1, SHORT), || ()).await, 7);
    go_on.send(()).expect("it is at work");
    assert_eq!((held.await, next.await), (7, 7));
}

#[tokio::test]
async fn a_long_question_does_not_keep_the_async_thread() {
    let database = TestDatabase::sqlite();
    let (app, owner) = with_a_memory(&database).await;
    let here = std::thread::current().id();
    for (bytes, is_here) in [(SHORT, true), (SHORT + 1, false)] {
        let work = move || assert_eq!(std::thread::current().id() == here, is_here);
        assert_eq!(search(&app, &owner, question(1, bytes), work).await, 7);
    }
}
