use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures::poll;
use picard_domain::{Instant, Plaintext, UserId};
use picard_embed::{Embedder, Window};
use picard_metrics::ServerMetrics;
use picard_testkit::HeldEmbedder;
use uuid::Uuid;

use super::{Chunks, Embedding, Whose, turns::Kind};
use crate::{Error, Notice};

struct Rig {
    model: Arc<HeldEmbedder>,
    embedding: Embedding,
    metrics: Arc<ServerMetrics>,
}

/// So that a test that fails ends: the runtime waits for its threads.
impl Drop for Rig {
    fn drop(&mut self) {
        self.model.let_on(usize::MAX);
    }
}

impl Rig {
    fn with_threads(threads: usize) -> Self {
        let model = Arc::new(HeldEmbedder::new(threads));
        let metrics = Arc::new(ServerMetrics::default());
        Self {
            embedding: Embedding::new(model.clone(), metrics.clone()),
            model,
            metrics,
        }
    }

    fn store<'a>(
        &'a self,
        who: u128,
        texts: &[&str],
    ) -> impl Future<Output = Result<Vec<Chunks>, Error>> + use<'a> {
        let texts = texts.iter().map(|text| Plaintext::new((*text).to_owned()));
        let whose = Whose::Person(person(who));
        self.embedding.passages(whose, texts.collect())
    }

    fn ask(&self, who: u128, question: &str) -> impl Future<Output = Result<super::Asked, Error>> {
        self.embedding.query(person(who), question)
    }
}

fn person(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(n))
}

/// Brings a call as far as the queue.
async fn waits<T>(call: &mut Pin<&mut impl Future<Output = T>>) {
    assert!(poll!(call).is_pending(), "it has to wait");
}

fn vectors(texts: &[&str]) -> Vec<Chunks> {
    let words = |text: &&str| text.split(' ').map(HeldEmbedder::vector).collect();
    texts.iter().map(words).collect()
}

#[tokio::test]
async fn people_take_turns_and_a_question_goes_before_texts() {
    let rig = Rig::with_threads(1);
    let mut import = pin!(rig.store(1, &["a1", "a2", "a3"]));
    waits(&mut import).await;
    rig.model.begun(1).await;
    let mut other = pin!(rig.store(2, &["b1", "b2"]));
    waits(&mut other).await;
    let mut question = pin!(rig.ask(3, "c?"));
    waits(&mut question).await;

    rig.model.let_on(usize::MAX);
    let order = rig.model.begun(6).await;
    assert_eq!(order, ["a1", "c?", "b1", "a2", "b2", "a3"]);
    let asked = question.await.expect("answered");
    assert_eq!(asked.vector[..], HeldEmbedder::vector("c?"));
    let stored = import.await.expect("all of it");
    assert_eq!(stored, vectors(&["a1", "a2", "a3"]));
    assert_eq!(other.await.expect("all of it"), vectors(&["b1", "b2"]));
}

#[tokio::test]
async fn a_long_text_lets_others_in_after_each_window() {
    let rig = Rig::with_threads(1);
    let mut long = pin!(rig.store(1, &["one two three four"]));
    waits(&mut long).await;
    rig.model.begun(1).await;
    let mut short = pin!(rig.store(2, &["short"]));
    waits(&mut short).await;
    let mut question = pin!(rig.ask(3, "why?"));
    waits(&mut question).await;

    rig.model.let_on(usize::MAX);
    let order = rig.model.begun(6).await;
    assert_eq!(order, ["one", "why?", "short", "two", "three", "four"]);
    let stored = long.await.expect("all of it");
    assert_eq!(stored, vectors(&["one two three four"]), "in their order");
    assert_eq!(short.await.expect("all of it"), vectors(&["short"]));
    question.await.expect("answered");
}

#[tokio::test]
async fn a_single_memory_does_not_wait_for_all_of_ones_own_import() {
    let rig = Rig::with_threads(1);
    let mut import = pin!(rig.store(1, &["a1", "a2", "a3", "a4"]));
    waits(&mut import).await;
    rig.model.begun(1).await;
    let mut single = pin!(rig.store(1, &["single"]));
    waits(&mut single).await;

    rig.model.let_on(usize::MAX);
    let order = rig.model.begun(5).await;
    assert_eq!(order, ["a1", "a2", "single", "a3", "a4"]);
    single.await.expect("stored");
    import.await.expect("stored");
}

#[tokio::test]
async fn one_call_is_worked_on_by_all_threads() {
    let rig = Rig::with_threads(3);
    for texts in [&["a b c d"][..], &["a", "b", "c", "d"]] {
        let before = rig.model.begun(0).await.len();
        let mut call = pin!(rig.store(1, texts));
        waits(&mut call).await;
        let at_once = rig.model.begun(before + 3).await;
        assert_eq!(at_once.len(), before + 3, "as many as there are threads");
        rig.model.let_on(4);
        assert_eq!(call.await.expect("all of it"), vectors(texts));
    }
}

#[tokio::test]
async fn what_was_not_begun_goes_with_the_caller_who_hangs_up() {
    let rig = Rig::with_threads(1);
    let mut import = Box::pin(rig.store(1, &["one two three"]));
    assert!(poll!(&mut import).is_pending());
    rig.model.begun(1).await;
    let mut gone = Box::pin(rig.ask(2, "gone?"));
    assert!(poll!(&mut gone).is_pending());
    let mut stays = pin!(rig.ask(3, "stays?"));
    waits(&mut stays).await;
    drop(import);
    drop(gone);
    assert_eq!(rig.embedding.queue.tokens(Kind::Text), 0);

    rig.model.let_on(usize::MAX);
    stays.await.expect("answered");
    assert_eq!(rig.model.begun(2).await, ["one", "stays?"]);
    assert_eq!(rig.embedding.queue.tokens(Kind::Question), 0);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again_and_refuses_nobody_else() {
    let rig = Rig::with_threads(1);
    let much = "x".repeat(64 * 1024);
    let mut calls = Vec::new();
    for who in 1..=4 {
        for _ in 0..4 {
            let mut call = Box::pin(rig.store(who, &[&much]));
            assert!(poll!(&mut call).is_pending(), "within one's part");
            calls.push(call);
        }
        let begun = u64::from(who == 1);
        // The very first is at work and waits no more.
        for _ in 0..begun {
            rig.model.begun(1).await;
            let mut call = Box::pin(rig.store(who, &[&much]));
            assert!(poll!(&mut call).is_pending(), "there is room again");
            calls.push(call);
        }
        match rig.store(who, &["more"]).await {
            Err(Error::TooMuchAtOnce {
                retry_after_seconds,
            }) => assert!((1..60).contains(&retry_after_seconds)),
            other => panic!("{other:?}"),
        }
    }
    match rig.store(5, &["somebody else"]).await {
        Err(Error::Overloaded {
            retry_after_seconds,
        }) => assert!((1..600).contains(&retry_after_seconds)),
        other => panic!("{other:?}"),
    }
    let house = rig.embedding.passage(Whose::House, "house");
    let (mut house, mut question) = (pin!(house), pin!(rig.ask(5, "why?")));
    waits(&mut house).await;
    waits(&mut question).await;

    calls.clear();
    rig.model.let_on(usize::MAX);
    question.await.expect("questions have a queue of their own");
    house.await.expect("the server's own work is never refused");
    rig.store(1, &["more"]).await.expect("there is room again");
}

#[tokio::test]
async fn one_person_alone_never_fills_the_queue_however_much_a_call_holds() {
    let rig = Rig::with_threads(1);
    let much = "x".repeat(64 * 1024);
    let mut call = pin!(rig.store(1, &[much.as_str(); 32]));
    waits(&mut call).await;
    let mut another = pin!(rig.store(2, &["another's"]));
    waits(&mut another).await;
    assert!(matches!(
        rig.store(1, &["more"]).await,
        Err(Error::TooMuchAtOnce { .. })
    ));
    rig.model.let_on(usize::MAX);
    another.await.expect("stored");
}

#[tokio::test]
async fn equal_questions_of_one_person_at_the_same_moment_are_embedded_once() {
    let rig = Rig::with_threads(1);
    let mut first = Box::pin(rig.ask(1, "why?"));
    assert!(poll!(&mut first).is_pending());
    rig.model.begun(1).await;
    let mut again = pin!(rig.ask(1, "why?"));
    waits(&mut again).await;
    let mut of_another = pin!(rig.ask(2, "why?"));
    waits(&mut of_another).await;
    rig.model.let_on(2);
    let (first, again) = (
        first.await.expect("answered"),
        again.await.expect("answered"),
    );
    assert!(Arc::ptr_eq(&first.vector, &again.vector));
    of_another.await.expect("answered");
    assert_eq!(rig.model.begun(2).await, ["why?", "why?"], "once each");
}

#[tokio::test]
async fn a_question_is_remembered_for_as_long_as_it_is_asked_again() {
    let rig = Rig::with_threads(1);
    rig.model.let_on(usize::MAX);
    rig.ask(1, "why?").await.expect("answered");
    for _ in 0..3 {
        rig.embedding.forget_idle();
        rig.ask(1, "why?").await.expect("remembered");
    }
    assert_eq!(rig.model.begun(0).await, ["why?"]);
    rig.embedding.forget_idle();
    rig.embedding.forget_idle();
    assert_eq!(rig.embedding.queries.entry_count(), 0);
    rig.ask(1, "why?").await.expect("answered");
    assert_eq!(rig.model.begun(0).await, ["why?", "why?"]);
}

#[tokio::test]
async fn a_question_is_answered_though_the_first_who_asked_it_hung_up() {
    let rig = Rig::with_threads(1);
    let mut busy = pin!(rig.ask(2, "busy?"));
    waits(&mut busy).await;
    rig.model.begun(1).await;
    let mut first = Box::pin(rig.ask(1, "why?"));
    assert!(poll!(&mut first).is_pending());
    let mut again = pin!(rig.ask(1, "why?"));
    waits(&mut again).await;
    drop(first);
    rig.model.let_on(usize::MAX);
    again.await.expect("answered");
    busy.await.expect("answered");
    assert_eq!(rig.model.begun(2).await, ["busy?", "why?"]);
}

#[tokio::test]
async fn a_model_that_panics_costs_one_call_and_no_thread() {
    let rig = Rig::with_threads(1);
    rig.model.let_on(usize::MAX);
    for _ in 0..3 {
        for lost in [
            rig.store(1, &["panic"]).await,
            rig.store(1, &["a panic b"]).await,
        ] {
            assert!(matches!(lost, Err(Error::Internal(_))));
        }
        let by_words = rig.ask(1, "panic").await.expect("answered all the same");
        assert_eq!(by_words.notice, Some(Notice::WordsOnly));
        rig.ask(1, "why?").await.expect("answered");
        rig.store(1, &["a b"]).await.expect("stored");
    }
}

#[tokio::test]
async fn a_call_that_the_model_panics_at_ends_before_the_rest_of_it() {
    let rig = Rig::with_threads(1);
    rig.model.let_on(1);
    let lost = rig.store(1, &["panic", "rest"]);
    let lost = tokio::time::timeout(Duration::from_secs(20), lost).await;
    assert!(matches!(lost, Ok(Err(Error::Internal(_)))), "{lost:?}");
}

#[tokio::test]
async fn only_what_people_asked_and_the_model_answered_counts_as_a_question() {
    let rig = Rig::with_threads(1);
    rig.model.let_on(usize::MAX);
    let questions = || {
        let told = picard_metrics::render(rig.metrics.families());
        let mut lines = told.lines();
        let line = lines.find(|line| {
            line.starts_with("picard_embedding_texts_total{") && line.contains("\"query\"")
        });
        let count = line.and_then(|line| line.split(' ').next_back());
        count.map_or(0, |count| count.parse().expect("a number"))
    };
    rig.embedding.try_out().await.expect("it works");
    let asked = rig.ask(1, "panic").await.expect("it goes by its words");
    assert_eq!((asked.notice, questions()), (Some(Notice::WordsOnly), 0));
    for _ in 0..2 {
        rig.ask(1, "why?").await.expect("answered");
    }
    assert_eq!(questions(), 1, "the second time it was remembered");
}

/// A model that fails at each question, once it is let on.
struct Failing(HeldEmbedder);

impl Embedder for Failing {
    fn model(&self) -> &str {
        self.0.model()
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, picard_embed::Error> {
        self.0.embed_query(text)?;
        Err(picard_embed::Error::NotAnEncoder { what: "it fails" })
    }

    fn reads(&self, question: &str) -> Result<usize, picard_embed::Error> {
        self.0.reads(question)
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, picard_embed::Error> {
        self.0.windows(text)
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, picard_embed::Error> {
        self.0.embed_window(window)
    }
}

#[tokio::test]
async fn who_asks_while_a_failing_model_is_tried_shares_one_more_try() {
    let model = Arc::new(Failing(HeldEmbedder::new(1)));
    let embedding = Embedding::new(model.clone(), Arc::default());
    let now = Instant::from_micros(0);
    let mut first = pin!(embedding.check(now));
    waits(&mut first).await;
    model.0.begun(1).await;
    let mut others: Vec<_> = (0..9).map(|_| Box::pin(embedding.check(now))).collect();
    for other in &mut others {
        assert!(poll!(other).is_pending());
    }
    model.0.let_on(usize::MAX);
    first.await.expect_err("it fails");
    for other in others {
        other.await.expect_err("it fails");
    }
    assert_eq!(model.0.begun(0).await.len(), 2);
    embedding.check(now).await.expect_err("it fails");
    assert_eq!(model.0.begun(0).await.len(), 3, "the next one is new");
}

#[tokio::test]
async fn what_is_remembered_does_not_say_that_the_model_computes() {
    let rig = Rig::with_threads(1);
    rig.model.let_on(usize::MAX);
    rig.ask(1, "why?").await.expect("answered");
    rig.store(1, &["panic"]).await.expect_err("it panics");
    assert!(rig.embedding.health.is_failing());
    rig.ask(1, "why?").await.expect("remembered");
    assert!(rig.embedding.health.is_failing());
    rig.ask(1, "when?").await.expect("answered");
    assert!(!rig.embedding.health.is_failing());
}

#[tokio::test]
async fn nothing_waits_for_no_texts() {
    let rig = Rig::with_threads(1);
    assert_eq!(
        rig.store(1, &[]).await.expect("at once"),
        Vec::<Chunks>::new()
    );
    assert_eq!(
        rig.store(1, &[" "]).await.expect("at once"),
        [Chunks::new()]
    );
}
