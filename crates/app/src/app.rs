//! Opening and closing: what all use cases stand on.

use std::sync::Arc;

use picard_crypto::{InvalidKeyId, KeyId, Keyring};
use picard_domain::{Clock, Entropy, Instant};
use picard_embed::Embedder;
use picard_metrics::{DatabaseConnections, Family, ServerMetrics};
use picard_search::Ranking;
use picard_store::{Db, Source, users};
use uuid::Uuid;

use crate::{
    Fetch, NoFetch, audit::Trail, embedding::Embedding, failures::Failures, keys::Keys,
    known::Shelf, partitions::Partitions, passwords::Passwords, previous::LoadModel,
    readiness::Checked, reading::Bounds, watch::Watches,
};

/// What a server is made of.
pub struct Settings {
    /// Where the tables are.
    pub database: Source,
    /// The master keys.
    pub keyring: Keyring,
    /// The model.
    pub embedder: Arc<dyn Embedder>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The most bytes that decrypted partitions may take.
    pub partition_bytes: usize,
}

/// The use cases of the server.
pub struct App {
    pub(crate) db: Db,
    pub(crate) keys: Keys,
    pub(crate) embedding: Embedding,
    pub(crate) partitions: Partitions,
    pub(crate) bounds: Bounds,
    pub(crate) passwords: Passwords,
    pub(crate) watches: Watches,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) failures: Failures,
    pub(crate) trail: Arc<Trail>,
    /// Names this process where one at a time does something.
    pub(crate) holder: Uuid,
    pub(crate) metrics: Arc<ServerMetrics>,
    pub(crate) checked: Checked,
    pub(crate) shelf: Shelf,
}

/// Why a server did not open. The database is as before.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be opened or migrated.
    #[error(transparent)]
    Database(#[from] picard_store::Error),
    /// Some people's data keys are wrapped in a master key that is not there.
    #[error(
        "the database needs the master key {0}, which is not in the keyring; put back the keyring \
         that it was written with (nothing was changed)"
    )]
    MissingKey(KeyId),
    /// The database names a key in a way that this program never does.
    #[error("the database names a master key in an unknown form")]
    UnknownKeyForm(#[from] InvalidKeyId),
}

impl App {
    /// For how many days the audit trail is kept unless the operator says otherwise.
    pub const AUDIT_DAYS: u32 = 180;

    /// Opens the database, brings it to the newest version, and checks that
    /// every data key in it can be unwrapped.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let db = settings.database.open().await?;
        picard_store::migrate(&db).await?;
        check_keys(&db, &settings.keyring).await?;
        let metrics = Arc::new(ServerMetrics::default());
        Ok(Self {
            trail: Arc::new(Trail::new(db.clone(), Self::AUDIT_DAYS)),
            holder: Uuid::from_bytes(settings.entropy.bytes()),
            db,
            keys: Keys::new(settings.keyring, metrics.clone()),
            embedding: Embedding::new(settings.embedder, metrics.clone()),
            partitions: Partitions::new(settings.partition_bytes, metrics.clone()),
            bounds: Bounds::PRODUCT,
            metrics,
            checked: Checked::default(),
            shelf: Shelf::default(),
            passwords: Passwords::new(settings.entropy.clone()),
            watches: Watches::new(),
            clock: settings.clock,
            entropy: settings.entropy,
            fetch: Arc::new(NoFetch),
            failures: Failures::default(),
        })
    }

    /// Gives the use cases a way to fetch documents about clients. Without it a
    /// client that is known by a document only is not found.
    #[must_use]
    pub fn fetching(self, fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, ..self }
    }

    /// Ranks with other settings than the product does: for measuring them.
    #[must_use]
    pub fn with_ranking(self, ranking: Ranking) -> Self {
        Self {
            partitions: self.partitions.with_ranking(ranking),
            ..self
        }
    }

    /// Gives the use cases the models that may have made vectors before the present one:
    /// as long as memories have such vectors they are found by these models. Each is
    /// loaded only then.
    #[must_use]
    pub fn with_previous_models(self, models: Vec<LoadModel>) -> Self {
        Self {
            partitions: self.partitions.with_previous(models),
            ..self
        }
    }

    /// Writes what waits to be written, and closes the database cleanly.
    pub async fn close(&self) {
        if let Err(error) = self.trail.write().await {
            tracing::error!(%error, "the last reads are missing in the audit trail");
        }
        self.db.close().await;
    }

    /// Returns what is counted and measured here.
    pub fn metrics(&self) -> &Arc<ServerMetrics> {
        &self.metrics
    }

    /// Returns the state of everything that is counted and measured, as of now.
    pub fn observe(&self) -> Vec<Family> {
        self.embedding.tell();
        self.keys.tell();
        self.partitions.tell();
        let pools = self.db.pools().into_iter();
        self.metrics
            .connections(pools.map(|pool| DatabaseConnections {
                pool: pool.name,
                idle: pool.idle,
                used: pool.used,
                most: pool.most,
            }));
        self.metrics.families()
    }

    /// Returns the clock, to keep.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Returns the current instant.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the source of randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Returns the source of randomness, to keep.
    pub fn entropy_source(&self) -> Arc<dyn Entropy> {
        self.entropy.clone()
    }
}

/// Tells how often statements and transactions met another one and were run
/// again, in this process.
pub fn database_retries() -> u64 {
    picard_store::retries()
}

/// Brings a server's database to the newest version; returns how many steps that took.
pub async fn migrate(database: &Source) -> Result<usize, OpenError> {
    let db = database.open().await?;
    let migrated = picard_store::migrate(&db).await;
    db.close().await;
    Ok(migrated?)
}

/// Looks at a server's database without changing it: checks that its keys are
/// there, and returns how many steps it lacks to the newest version.
pub async fn inspect(database: &Source, keyring: &Keyring) -> Result<usize, OpenError> {
    let db = database.open().await?;
    let look = async {
        let lacks = picard_store::pending(&db).await?;
        if lacks < picard_store::SCHEMA.migrations.len() {
            check_keys(&db, keyring).await?;
        }
        Ok(lacks)
    };
    let looked = look.await;
    db.close().await;
    looked
}

async fn check_keys(db: &Db, keyring: &Keyring) -> Result<(), OpenError> {
    let known = keyring.key_ids();
    for id in users::key_ids_in_use(db).await? {
        let id: KeyId = id.parse()?;
        if !known.contains(&id) {
            return Err(OpenError::MissingKey(id));
        }
    }
    Ok(())
}
