//! Storing the memories of a data set as those of people, and asking as they would.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant as Stopwatch},
};

use picard_app::{
    Access, App, Authorized, Found, ImportMode, Incoming, LocalError, NewAccount, ParsedQuery,
    Read, Recall, Settings, Write,
};
use picard_crypto::{Keyring, sha256};
use picard_domain::{
    Clock, Entropy, Handle, Instant, MemoryFilter, MemoryId, PageSize, Permission, Plaintext,
};
use picard_embed::Embedder;
use picard_search::Ranking;
use picard_store::Source;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    Collection, DataSet, Measure,
    data::Passage,
    metrics::Scores,
    queries::{Anew, Queries},
};

/// Memories stored in one transaction.
const AT_ONCE: usize = 64;

/// The most hits that one question gives: how far down ranks are known.
const DEPTH: PageSize<100> = PageSize::new(100).expect("it is in range");

/// The hits that `query_memory` gives unless it is told otherwise: what is timed.
const USUAL: PageSize<100> = PageSize::new(10).expect("it is in range");

/// Where memories are stored, and with what.
#[derive(Clone)]
pub struct Place {
    /// The database.
    pub database: Source,
    /// The master keys.
    pub keyring: Keyring,
    /// The model.
    pub model: Arc<dyn Embedder>,
    /// The randomness of keys.
    pub entropy: Arc<dyn Entropy>,
}

/// Whoever looks on: is told how far it is, and may stop it.
pub trait Watch: Send {
    /// Something begins that has so many steps.
    fn begin(&mut self, what: &'static str, steps: usize);
    /// So many more are done.
    fn advance(&mut self, by: usize);
    /// Ends when all is to stop.
    fn stop(&self) -> Stop;
}

/// See [`Watch::stop`].
pub type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Whether it is measured how long answers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// One question after the other, each embedded anew and asked as `query_memory` does by
    /// default, with the clock beside it.
    Measured,
    /// All cores at once; vectors of questions that were asked before are used again.
    Ignored,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The person who looks on wants it to end.
    #[error("stopped before the end")]
    Stopped,
    /// The database cannot be opened.
    #[error("the memories cannot be stored")]
    Open(#[from] picard_app::OpenError),
    /// A use case failed.
    #[error("the memories cannot be stored or asked")]
    UseCase(#[source] picard_app::Error),
    /// A person cannot be made whose memories they are.
    #[error("the memories cannot be given to anybody")]
    Person(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A task ended by a panic.
    #[error("the questions could not all be asked")]
    Task(#[from] tokio::task::JoinError),
}

impl From<picard_app::Error> for Error {
    fn from(error: picard_app::Error) -> Self {
        Self::UseCase(error)
    }
}

/// What came of one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The conversation that it is about, by its place in the data set.
    pub conversation: usize,
    /// The question's kind.
    pub category: Option<Arc<str>>,
    /// How good the order is; `None` when nothing answers the question.
    pub scores: Option<Scores>,
    /// How many of the usual 10 hits came back.
    pub hits: usize,
    /// The score of the first hit.
    pub top: Option<f32>,
    /// How long the answer took, if that was measured.
    pub took: Option<Duration>,
}

/// The answers of one measure, in the order of the data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub measure: Measure,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// All that was asked with one ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// By measure, in the order of the report.
    pub measured: Vec<Measured>,
}

/// A data set and the place where its memories are.
pub struct Stage {
    place: Place,
    set: Arc<DataSet>,
    queries: Arc<Queries>,
}

/// The time at which all is asked.
struct Standing(Instant);

impl Clock for Standing {
    fn now(&self) -> Instant {
        self.0
    }
}

/// What one question gave.
struct Hits {
    /// Places in the collection, best first.
    ranked: Vec<usize>,
    top: Option<f32>,
    took: Option<Duration>,
}

impl Place {
    /// Opens it at the time at which a conversation is asked.
    async fn open(
        &self,
        set: &DataSet,
        collection: &Collection,
        model: Arc<dyn Embedder>,
    ) -> Result<App, Error> {
        let settings = Settings {
            database: self.database.clone(),
            keyring: self.keyring.clone(),
            embedder: model,
            clock: Arc::new(Standing(set.asked_at(collection.conversation))),
            entropy: self.entropy.clone(),
            partition_bytes: usize::MAX,
        };
        Ok(App::open(settings).await?)
    }
}

impl Stage {
    /// Sets up the place for a data set. Nothing is stored yet.
    pub fn new(place: Place, set: DataSet) -> Self {
        Self {
            queries: Arc::new(Queries::new(place.model.clone())),
            place,
            set: Arc::new(set),
        }
    }

    /// Names what a place holds after [`Self::store`]: the memories and the model. Another
    /// file, or the same one read otherwise, has another name.
    pub fn contents(set: &DataSet, model: &dyn Embedder) -> String {
        let mut named = set.memories();
        named.extend_from_slice(model.model().as_bytes());
        let digest = sha256(&named);
        let name = Uuid::from_bytes(std::array::from_fn(|at| digest[at]));
        name.simple().to_string()
    }

    /// Stores the memories, each conversation's as those of a person of its own. What is
    /// there already stays and is not embedded again.
    pub async fn store(&self, watch: &mut dyn Watch) -> Result<(), Error> {
        let memories = self.set.collections.iter().map(|of| of.passages.len());
        watch.begin("memories stored", memories.sum());
        for collection in &self.set.collections {
            let (model, stop) = (self.queries.clone(), watch.stop());
            let app = self.place.open(&self.set, collection, model).await?;
            let stored = self.store_one(&app, collection, watch);
            let stored = unless_stopped(stop, stored).await;
            app.close().await;
            stored?;
        }
        Ok(())
    }

    /// Asks every question that these measures need, with this ranking.
    pub async fn ask(
        &self,
        measures: &[Measure],
        ranking: Ranking,
        timing: Timing,
        watch: &mut dyn Watch,
    ) -> Result<Run, Error> {
        let questions = self.set.collections.iter().map(|of| of.questions.len());
        watch.begin("questions asked", questions.sum());
        let hits = match timing {
            Timing::Measured => self.one_by_one(ranking, watch).await?,
            Timing::Ignored => self.all_at_once(ranking, watch).await?,
        };
        let measured = measures
            .iter()
            .map(|measure| self.measured(*measure, &hits));
        Ok(Run {
            measured: measured.collect(),
        })
    }

    async fn store_one(
        &self,
        app: &App,
        collection: &Collection,
        watch: &mut dyn Watch,
    ) -> Result<(), Error> {
        let caller = self.person(app, collection).await?.authorize::<Write>()?;
        let mut importer = app.importer(&caller, ImportMode::Store).await?;
        let numbered: Vec<_> = collection.passages.iter().enumerate().collect();
        for some in numbered.chunks(AT_ONCE) {
            let lines: Vec<_> = some
                .iter()
                .map(|(at, passage)| line(*at, passage))
                .collect();
            importer.take(&lines).await?;
            watch.advance(lines.len());
        }
        Ok(())
    }

    /// Finds the person of a collection, or makes one with a password that nobody knows.
    async fn person(&self, app: &App, collection: &Collection) -> Result<Access, Error> {
        let handle = handle(collection);
        match app.owner_of(&handle).await {
            Err(LocalError::Unknown(_)) => {}
            found => return owner(found),
        }
        let password: [u8; 16] = self.place.entropy.bytes();
        let new = NewAccount {
            handle: handle.as_str(),
            name: handle.as_str(),
            password: &format!("{password:?}"),
        };
        let made = app.add_user(new, false).await;
        made.map_err(|error| Error::Person(error.into()))?;
        owner(app.owner_of(&handle).await)
    }

    async fn one_by_one(
        &self,
        ranking: Ranking,
        watch: &mut dyn Watch,
    ) -> Result<Vec<Vec<Hits>>, Error> {
        let mut all = Vec::new();
        for collection in &self.set.collections {
            let (model, stop) = (Arc::new(Anew(self.queries.clone())), watch.stop());
            let app = self.place.open(&self.set, collection, model).await?;
            let app = app.with_ranking(ranking);
            let hits = unless_stopped(stop, timed(&app, collection, watch)).await;
            app.close().await;
            all.push(hits?);
        }
        Ok(all)
    }

    async fn all_at_once(
        &self,
        ranking: Ranking,
        watch: &mut dyn Watch,
    ) -> Result<Vec<Vec<Hits>>, Error> {
        let mut all: Vec<Vec<Hits>> = Vec::new();
        all.resize_with(self.set.collections.len(), Vec::new);
        let mut asking = JoinSet::new();
        for at in 0..all.len() {
            let (place, set) = (self.place.clone(), self.set.clone());
            let (model, stop) = (self.queries.clone(), watch.stop());
            asking.spawn(async move {
                let collection = &set.collections[at];
                let app = place.open(&set, collection, model).await?;
                let app = app.with_ranking(ranking);
                let hits = unless_stopped(stop, untimed(&app, collection)).await;
                app.close().await;
                Ok::<_, Error>((at, hits?))
            });
        }
        let mut failed = None;
        while let Some(done) = asking.join_next().await {
            match done.map_err(Error::from).flatten() {
                Ok((at, hits)) => {
                    watch.advance(hits.len());
                    all[at] = hits;
                }
                Err(error) => {
                    // Those that are told to stop close their database, too.
                    if !matches!(error, Error::Stopped) {
                        asking.abort_all();
                    }
                    failed = failed.or(Some(error));
                }
            }
        }
        failed.map_or(Ok(all), Err)
    }

    /// Judges the hits of the collections that a measure stands on.
    fn measured(&self, measure: Measure, hits: &[Vec<Hits>]) -> Measured {
        let mut answers = Vec::new();
        for (collection, hits) in self.set.collections.iter().zip(hits) {
            if collection.measure != measure.stored() {
                continue;
            }
            for (question, hits) in collection.questions.iter().zip(hits) {
                let scores = match measure {
                    Measure::SessionsByTurns => {
                        let session = |at: &usize| collection.passages[*at].session;
                        let mut ranked: Vec<usize> = Vec::new();
                        for session in hits.ranked.iter().map(session) {
                            if !ranked.contains(&session) {
                                ranked.push(session);
                            }
                        }
                        let relevant = question.relevant.iter().map(session).collect();
                        Scores::of(&ranked, &relevant)
                    }
                    _ => Scores::of(&hits.ranked, &question.relevant),
                };
                answers.push(Answer {
                    conversation: collection.conversation,
                    category: question.category.as_deref().map(Arc::from),
                    scores: (!question.relevant.is_empty()).then_some(scores),
                    hits: hits.ranked.len().min(USUAL.get()),
                    top: hits.top,
                    took: hits.took,
                });
            }
        }
        Measured { measure, answers }
    }
}

impl Hits {
    fn of(found: &[Found], took: Option<Duration>) -> Self {
        let place = |found: &Found| found.memory.id.uuid().as_u128() as usize - 1;
        Self {
            ranked: found.iter().map(place).collect(),
            top: found.first().and_then(|first| first.score),
            took,
        }
    }
}

/// The person whose memories a collection is.
fn handle(collection: &Collection) -> Handle {
    let name = format!("{}-{}", collection.measure, collection.conversation + 1);
    name.parse().expect("it is a handle")
}

fn owner(found: Result<Access, LocalError>) -> Result<Access, Error> {
    let access = found.map_err(|error| Error::Person(error.into()))?;
    Ok(access.called("eval"))
}

/// Gives work up as soon as it is to stop.
async fn unless_stopped<T>(
    stop: Stop,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        done = work => done,
        () = stop => Err(Error::Stopped),
    }
}

async fn timed(
    app: &App,
    collection: &Collection,
    watch: &mut dyn Watch,
) -> Result<Vec<Hits>, Error> {
    let caller = reader(app, collection).await?;
    // The partition is loaded by the first question of a person, not by each.
    recall(app, &caller, "ready?", USUAL).await?;
    let mut hits = Vec::new();
    for question in &collection.questions {
        let began = Stopwatch::now();
        recall(app, &caller, &question.text, USUAL).await?;
        let took = began.elapsed();
        let found = recall(app, &caller, &question.text, DEPTH).await?;
        hits.push(Hits::of(&found, Some(took)));
        watch.advance(1);
    }
    Ok(hits)
}

async fn untimed(app: &App, collection: &Collection) -> Result<Vec<Hits>, Error> {
    let caller = reader(app, collection).await?;
    let mut hits = Vec::with_capacity(collection.questions.len());
    for question in &collection.questions {
        let found = recall(app, &caller, &question.text, DEPTH).await?;
        hits.push(Hits::of(&found, None));
    }
    Ok(hits)
}

async fn reader(app: &App, collection: &Collection) -> Result<Authorized<Read>, Error> {
    let access = owner(app.owner_of(&handle(collection)).await)?;
    Ok(access.authorize()?)
}

async fn recall(
    app: &App,
    caller: &Authorized<Read>,
    question: &str,
    limit: PageSize<100>,
) -> Result<Vec<Found>, Error> {
    let recall = Recall {
        // Data sets ask in plain language: quotes in it are titles, not conditions.
        query: ParsedQuery::literal(Plaintext::new(question.to_owned())),
        limit,
        filter: MemoryFilter::default(),
    };
    Ok(app.recall(caller, recall).await?.memories)
}

/// A memory is named by its place, so that a hit tells which one it is.
fn line(at: usize, passage: &Passage) -> Incoming {
    Incoming {
        id: Some(MemoryId::from_uuid(Uuid::from_u128(at as u128 + 1))),
        text: passage.text.clone(),
        permission: Permission::Private,
        expiration_date: None,
        created_at: Some(passage.created_at),
        updated_at: None,
    }
}

#[cfg(test)]
mod tests {
    use picard_testkit::{HeldEmbedder, SeededEntropy};
    use tokio::sync::watch;

    use super::*;

    /// Wants it to stop from the moment on that it is told to.
    struct Told(watch::Receiver<bool>);

    impl Watch for Told {
        fn begin(&mut self, _: &'static str, _: usize) {}

        fn advance(&mut self, _: usize) {}

        fn stop(&self) -> Stop {
            let mut told = self.0.clone();
            Box::pin(async move {
                let _ = told.wait_for(|told| *told).await;
            })
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn storing_is_given_up_in_the_middle_of_a_text_and_gone_on_from_there() {
        let dir = tempfile::tempdir().expect("a folder");
        let model = Arc::new(HeldEmbedder::new(1));
        let entropy = Arc::new(SeededEntropy::new(7));
        let file =
            "{\"id\":\"a\",\"text\":\"one two\"}\n{\"question\":\"two\",\"relevant\":[\"a\"]}";
        let place = Place {
            database: format!("sqlite:{}", dir.path().join("picard.db").display()).into(),
            keyring: Keyring::generate(&*entropy),
            model: model.clone(),
            entropy,
        };
        let set = DataSet::parse(file.as_bytes()).expect("it is good");
        let stage = Arc::new(Stage::new(place, set));
        let (tell, told) = watch::channel(false);

        let storing = tokio::spawn({
            let (stage, mut told) = (stage.clone(), Told(told.clone()));
            async move { stage.store(&mut told).await }
        });
        model.begun(1).await;
        tell.send_replace(true);
        // The model still holds the first word.
        let stopped = storing.await.expect("it ends");
        assert!(matches!(stopped, Err(Error::Stopped)), "{stopped:?}");

        tell.send_replace(false);
        model.let_on(usize::MAX);
        stage.store(&mut Told(told)).await.expect("it is stored");
        assert!(model.begun(2).await.contains(&"two".to_owned()));
    }
}
