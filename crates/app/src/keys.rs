//! The data keys of users, unwrapped, for as long as they are in use; and the
//! keyring, which may be replaced while the server runs.
//!
//! A keyring that is kept in a file, or that a command prints, can be read
//! again. It is when a data key
//! names a master key that is not known here (`picard key rotate` put a new one
//! in front and has begun to wrap with it), and before and after a new data key
//! is wrapped: so no account is left with a key that was retired meanwhile.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use moka::sync::Cache;
use picard_crypto::{DataKey, KeyId, Keyring, Wrapped, sha256};
use picard_domain::{Entropy, UserId};
use picard_metrics::{DataKeyLookup, ServerMetrics};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::spawn_blocking,
};

use crate::{App, Cause, Error};

/// Unwrapped keys kept at most, and how long an unused one stays.
const KEPT: u64 = 10_000;
const IDLE: Duration = Duration::from_mins(10);

/// How often unknown keys lead to a reading at most: a key that is nowhere must
/// not cost one for each request.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Reads the keyring where it is kept. It may take as long as a command takes,
/// so it is called where waiting blocks nobody.
pub type ReadKeyring = dyn Fn() -> Result<Keyring, Cause> + Send + Sync;

/// The keyring, and the data keys that it opened.
pub(crate) struct Keys {
    keyring: Arc<RwLock<Arc<Keyring>>>,
    source: Option<Arc<ReadKeyring>>,
    /// Held while the keyring is read, so that an older state of it never follows
    /// a newer one, and only one reading runs at a time.
    readings: Arc<Mutex<Readings>>,
    /// By the wrapped form, so that another wrapping can never give a stale key.
    opened: Cache<[u8; 32], Arc<DataKey>>,
    metrics: Arc<ServerMetrics>,
}

/// When the keyring was read.
#[derive(Default)]
struct Readings {
    /// When the last reading began.
    last: Option<Instant>,
    /// When one ended that was made for a key and did not bring it.
    in_vain: Option<Instant>,
}

/// A new data key, and how it is to be stored.
pub(crate) struct NewKey {
    pub(crate) wrapped: Wrapped,
    key: DataKey,
}

impl App {
    /// Lets the keyring be read again from where it is kept, so that a key
    /// rotation needs no restart.
    #[must_use]
    pub fn reading_keys_by(mut self, source: Box<ReadKeyring>) -> Self {
        self.keys.source = Some(source.into());
        self
    }
}

impl Keys {
    pub(crate) fn new(keyring: Keyring, metrics: Arc<ServerMetrics>) -> Self {
        Self {
            keyring: Arc::new(RwLock::new(Arc::new(keyring))),
            source: None,
            readings: Arc::default(),
            opened: Cache::builder()
                .max_capacity(KEPT)
                .time_to_idle(IDLE)
                .build(),
            metrics,
        }
    }

    /// Makes a data key for a new user, wrapped by the key that is first now.
    pub(crate) async fn make(&self, user: UserId, entropy: &dyn Entropy) -> NewKey {
        let key = DataKey::generate(entropy);
        let keyring = self.read_again().await;
        NewKey {
            wrapped: keyring.wrap(entropy, &key, user.uuid().as_bytes()),
            key,
        }
    }

    /// Returns how a new data key has to be stored instead, when the key that
    /// wraps it was retired while the account was made.
    pub(crate) async fn anew(
        &self,
        user: UserId,
        new: &NewKey,
        entropy: &dyn Entropy,
    ) -> Option<Wrapped> {
        let keyring = self.read_again().await;
        let retired = !keyring.key_ids().contains(&new.wrapped.key_id);
        retired.then(|| keyring.wrap(entropy, &new.key, user.uuid().as_bytes()))
    }

    /// Opens a user's data key as their row has it.
    pub(crate) async fn open_stored(
        &self,
        user: UserId,
        key_id: &str,
        wrapped_key: Vec<u8>,
    ) -> Result<Arc<DataKey>, Error> {
        let wrapped = Wrapped {
            key_id: key_id.parse().map_err(Error::internal)?,
            bytes: wrapped_key,
        };
        self.open(user, &wrapped).await
    }

    async fn open(&self, user: UserId, wrapped: &Wrapped) -> Result<Arc<DataKey>, Error> {
        let name = sha256(&[user.uuid().as_bytes(), wrapped.bytes.as_slice()].concat());
        if let Some(key) = self.opened.get(&name) {
            self.metrics.data_keys.one(DataKeyLookup::Hit);
            return Ok(key);
        }
        let mut keyring = self.current();
        if !keyring.key_ids().contains(&wrapped.key_id) {
            keyring = self.look_for(wrapped.key_id).await;
        }
        let opened = keyring.unwrap(wrapped, user.uuid().as_bytes());
        self.metrics.data_keys.one(match &opened {
            Ok(_) => DataKeyLookup::Unwrapped,
            Err(_) => DataKeyLookup::Failed,
        });
        let key = Arc::new(opened?);
        self.opened.insert(name, key.clone());
        Ok(key)
    }

    /// Tells whether this process has, or can get, the master key of this name.
    pub(crate) async fn knows(&self, id: KeyId) -> bool {
        let has = |keyring: Arc<Keyring>| keyring.key_ids().contains(&id);
        has(self.current()) || has(self.look_for(id).await)
    }

    /// Takes over into the metrics how many keys are kept.
    pub(crate) fn tell(&self) {
        self.metrics.data_keys_cached(self.opened.entry_count());
    }

    /// Returns the names of the master keys, the one that wraps new data keys first.
    pub(crate) fn ids(&self) -> Vec<KeyId> {
        self.current().key_ids()
    }

    /// Forgets every unwrapped key: after an account was deleted its key must not linger.
    pub(crate) fn forget_all(&self) {
        self.opened.invalidate_all();
    }

    fn current(&self) -> Arc<Keyring> {
        current(&self.keyring)
    }

    /// Reads the keyring again for a key that is not known, unless that was in
    /// vain a moment ago.
    async fn look_for(&self, id: KeyId) -> Arc<Keyring> {
        let readings = self.readings.clone().lock_owned().await;
        let known = self.current();
        // Whoever had the lock may have found it.
        let found = known.key_ids().contains(&id);
        if !found && readings.in_vain.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) {
            return self.read(readings, Some(id)).await;
        }
        known
    }

    /// Returns the keyring as it is kept at some moment after this call. One
    /// reading serves everybody who asked before it began.
    async fn read_again(&self) -> Arc<Keyring> {
        let asked = Instant::now();
        let readings = self.readings.clone().lock_owned().await;
        if readings.last.is_none_or(|began| began < asked) {
            return self.read(readings, None).await;
        }
        self.current()
    }

    /// Takes over the keyring from where it is kept, maybe for a key. In a task of
    /// its own that holds the lock to the end: when the caller hangs up, the
    /// reading goes on, and the next caller waits for it instead of beginning another.
    async fn read(
        &self,
        mut readings: OwnedMutexGuard<Readings>,
        wanted: Option<KeyId>,
    ) -> Arc<Keyring> {
        if let Some(source) = self.source.clone() {
            let keyring = self.keyring.clone();
            let reading = tokio::spawn(async move {
                readings.last = Some(Instant::now());
                take_over(&keyring, source).await;
                if let Some(id) = wanted {
                    let found = current(&keyring).key_ids().contains(&id);
                    readings.in_vain = (!found).then(Instant::now);
                    tracing::info!(%id, found, "read the keyring again for a new master key");
                }
            });
            if let Err(error) = reading.await {
                tracing::error!(%error, "the keyring was not read again");
            }
        }
        self.current()
    }
}

fn current(keyring: &RwLock<Arc<Keyring>>) -> Arc<Keyring> {
    let keyring = keyring.read().unwrap_or_else(PoisonError::into_inner);
    keyring.clone()
}

/// Reads a keyring, and puts it in the place of the one that is known. One that
/// cannot be read changes nothing: the known keys still open what they did.
async fn take_over(keyring: &RwLock<Arc<Keyring>>, source: Arc<ReadKeyring>) {
    let read = match spawn_blocking(move || source()).await {
        Ok(read) => read,
        Err(ended) => Err(ended.into()),
    };
    match read {
        Ok(read) => {
            let mut keyring = keyring.write().unwrap_or_else(PoisonError::into_inner);
            *keyring = Arc::new(read);
        }
        Err(error) => tracing::error!(%error, "the keyring cannot be read again"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    };

    use super::*;

    /// Different bytes at each call.
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A file that holds a keyring, and how often it was read.
    #[derive(Clone)]
    struct File(Arc<(Mutex<Keyring>, AtomicUsize)>);

    impl File {
        fn with(keyring: &Keyring) -> Self {
            Self(Arc::new((Mutex::new(keyring.clone()), AtomicUsize::new(0))))
        }

        fn replace(&self, keyring: &Keyring) {
            *self.0.0.lock().expect("unpoisoned") = keyring.clone();
        }

        fn reads(&self) -> usize {
            self.0.1.load(Ordering::Relaxed)
        }

        fn keys(&self) -> Keys {
            let mut keys = Keys::new(self.0.0.lock().expect("unpoisoned").clone(), Arc::default());
            let file = self.0.clone();
            keys.source = Some(Arc::new(move || {
                file.1.fetch_add(1, Ordering::Relaxed);
                Ok(file.0.lock().expect("unpoisoned").clone())
            }));
            keys
        }
    }

    #[tokio::test]
    async fn a_master_key_that_is_new_in_the_file_is_found_and_one_that_is_not_is_not_looked_for_always()
     {
        let entropy = Counting(AtomicU8::new(0));
        let user = UserId::random(&entropy);
        let old = Keyring::generate(&entropy);
        let file = File::with(&old);
        let keys = file.keys();
        let new = old.rotated(&entropy);
        let data_key = DataKey::generate(&entropy);
        let wrapped = new.wrap(&entropy, &data_key, user.uuid().as_bytes());
        file.replace(&new);
        let opened = keys
            .open(user, &wrapped)
            .await
            .expect("the file has its key");
        assert_eq!(*opened.to_fernet_key(), *data_key.to_fernet_key());

        let stranger = Keyring::generate(&entropy);
        let wrapped = stranger.wrap(&entropy, &data_key, user.uuid().as_bytes());
        let before = file.reads();
        for _ in 0..100 {
            assert!(keys.open(user, &wrapped).await.is_err());
        }
        assert!(file.reads() - before < 100, "a look for each request");
    }

    #[tokio::test]
    async fn a_reading_that_nobody_waits_for_any_more_goes_on_alone_and_counts() {
        let entropy = Counting(AtomicU8::new(0));
        let old = Keyring::generate(&entropy);
        let new = old.rotated(&entropy);
        let mut keys = Keys::new(old, Arc::default());
        let (begun, mut began) = tokio::sync::mpsc::unbounded_channel();
        let (release, released) = std::sync::mpsc::channel();
        let (kept, released) = (new.clone(), Mutex::new(released));
        keys.source = Some(Arc::new(move || {
            begun.send(())?;
            released.lock().expect("unpoisoned").recv()?;
            Ok(kept.clone())
        }));
        let keys = Arc::new(keys);
        let stranger = Keyring::generate(&entropy).active();
        for n in 0..20 {
            let asker = keys.clone();
            let asker = tokio::spawn(async move { asker.knows(stranger).await });
            if n == 0 {
                began.recv().await.expect("the first one reads");
            } else {
                tokio::task::yield_now().await;
            }
            // The client hangs up.
            asker.abort();
            assert!(asker.await.is_err());
        }
        assert!(began.is_empty(), "one runs, and nobody began another");
        release.send(()).expect("it waits");
        assert!(!keys.knows(stranger).await);
        assert!(keys.knows(new.active()).await, "its result was taken over");
        assert!(began.is_empty(), "what it did not find is remembered");
    }

    #[tokio::test]
    async fn no_new_account_is_left_with_a_key_that_was_retired_while_it_was_made() {
        let entropy = Counting(AtomicU8::new(0));
        let user = UserId::random(&entropy);
        let old = Keyring::generate(&entropy);
        let file = File::with(&old);
        let keys = file.keys();
        let rotated = old.rotated(&entropy);

        let made = keys.make(user, &entropy).await;
        assert_eq!(made.wrapped.key_id, old.active());
        file.replace(&rotated);
        assert!(
            keys.anew(user, &made, &entropy).await.is_none(),
            "both open it"
        );
        file.replace(&rotated.active_only());
        let anew = keys
            .anew(user, &made, &entropy)
            .await
            .expect("it was retired");
        assert_eq!(anew.key_id, rotated.active());
        let opened = keys.open(user, &anew).await.expect("it is known");
        assert_eq!(*opened.to_fernet_key(), *made.key.to_fernet_key());
        let next = keys.make(user, &entropy).await;
        assert_eq!(next.wrapped.key_id, rotated.active());
    }
}
