//! Makes the memories of one person, or of very many, sealed as the server would seal
//! them, and puts them into the database by the thousand.
//!
//! Embedding a million texts would take hours, so the vectors are made up: they lie in
//! the narrow cone of those of e5 (unrelated ones have a cosine of about 0.76) and
//! in clusters within it. Texts are as long as what people note down, with every other
//! word one of the few that all texts have, and the rest by Zipf's law.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use picard_client::Secret;
use picard_crypto::{DataKey, Keyring, Token, TokenKind, Wrapped, dummy_hash};
use picard_domain::{Clock as _, Entropy, Instant};
use picard_search::{Analysis, Stored, common_of_e5};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::{
    dice::{Dice, direction},
    system::{SystemClock, SystemEntropy},
};

/// Memories stored in one transaction.
const AT_ONCE: u32 = 10_000;

const MODEL: &str = "multilingual-e5-small/1";

const VOCABULARY: f64 = 200_000.0;
const TOPICS: usize = 512;
const HOUR: i64 = 3_600_000_000;

/// On so many different hours memories were written, at most.
const OCCASIONS: u32 = 10_000;

/// The words of English that every other word is one of.
const COMMON: [&str; 16] = [
    "the", "and", "to", "a", "of", "in", "is", "that", "it", "was", "for", "on", "with", "my",
    "at", "by",
];
const SYLLABLES: [&str; 20] = [
    "ba", "ce", "di", "fo", "gu", "ha", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu", "wa",
    "xe", "yi", "zo", "lan",
];

/// The database of a server on this machine.
pub(crate) struct Filling {
    connection: SqliteConnection,
    keyring: Keyring,
}

impl Filling {
    pub(crate) async fn open(database: &Path, keyring: &str) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(database)
            .busy_timeout(Duration::from_secs(30));
        let connection = SqliteConnection::connect_with(&options).await;
        Ok(Self {
            connection: connection.context("the server's database cannot be opened")?,
            keyring: Keyring::parse(keyring)?,
        })
    }

    /// Makes people with so many memories each, and an access token for each of them.
    #[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
    pub(crate) async fn people(&mut self, count: u32, each: u32) -> anyhow::Result<Vec<Secret>> {
        let grant = sqlx::query_as("SELECT client_id, scopes, resource FROM grants LIMIT 1");
        let grant: (Uuid, String, String) = grant.fetch_one(&mut self.connection).await?;
        let mut dice = Dice::new(u64::from(count));
        let space = Space::new(&mut dice);
        let mut tokens = Vec::with_capacity(count as usize);
        let together = (AT_ONCE / each).max(1);
        for start in (0..count).step_by(together as usize) {
            let mut tx = self.connection.begin().await?;
            for n in start..(start + together).min(count) {
                let person = Somebody::new(&self.keyring, n);
                person.store(each, &mut tx).await?;
                for n in 0..each {
                    let written = written(person.now, n, each);
                    let row = Row::new(&person.key, person.id, n, written, &space, &mut dice);
                    row.store(person.id, &mut tx).await?;
                }
                tokens.push(person.let_in(&grant, &mut tx).await?);
            }
            tx.commit().await?;
            eprint!("\r{} of {count} people", tokens.len());
        }
        eprintln!();
        self.settle().await?;
        Ok(tokens)
    }

    /// What was written stands in the log of the database until somebody moves it.
    async fn settle(&mut self) -> anyhow::Result<()> {
        let moved = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)");
        moved.execute(&mut self.connection).await?;
        Ok(())
    }

    /// Gives a person so many memories.
    #[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
    pub(crate) async fn fill(&mut self, handle: &str, memories: u32) -> anyhow::Result<()> {
        let user = sqlx::query_as("SELECT id, key_id, wrapped_key FROM users WHERE handle = $1");
        let (user, key_id, bytes): (Uuid, String, Vec<u8>) =
            user.bind(handle).fetch_one(&mut self.connection).await?;
        let key_id = key_id.parse()?;
        let key = self
            .keyring
            .unwrap(&Wrapped { key_id, bytes }, user.as_bytes())?;
        let mut dice = Dice::new(0x9e37_79b9_7f4a_7c15 ^ u64::from(memories));
        let space = Space::new(&mut dice);
        let now = SystemClock.now().micros();
        for start in (0..memories).step_by(AT_ONCE as usize) {
            let mut tx = self.connection.begin().await?;
            for n in start..(start + AT_ONCE).min(memories) {
                let written = written(now, n, memories);
                let row = Row::new(&key, user, n, written, &space, &mut dice);
                row.store(user, &mut tx).await?;
            }
            tx.commit().await?;
            eprint!("\r{} of {memories} memories", start + AT_ONCE);
        }
        eprintln!();
        let version = sqlx::query("UPDATE users SET version = $1 WHERE id = $2");
        let version = version.bind(i64::from(memories)).bind(user);
        version.execute(&mut self.connection).await?;
        self.settle().await
    }

    /// Reads all rows of a person's memories once, in the order of a load, and opens none.
    pub(crate) async fn read(&mut self, handle: &str) -> anyhow::Result<i64> {
        let read = sqlx::query_scalar(
            "SELECT SUM(LENGTH(ciphertext) + LENGTH(sealed)) FROM (
                 SELECT m.ciphertext, v.sealed FROM memories m
                 LEFT JOIN vectors v ON v.user_id = m.user_id AND v.memory_id = m.id
                 WHERE m.user_id = (SELECT id FROM users WHERE handle = $1) AND m.revision > 0
                 ORDER BY m.revision)",
        );
        Ok(read.bind(handle).fetch_one(&mut self.connection).await?)
    }
}

/// A person with a key, whose password nobody knows.
struct Somebody {
    id: Uuid,
    handle: String,
    key: DataKey,
    wrapped: Wrapped,
    now: i64,
}

impl Somebody {
    fn new(keyring: &Keyring, n: u32) -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let id = uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid();
        let key = DataKey::generate(entropy);
        Self {
            id,
            handle: format!("somebody{n}"),
            wrapped: keyring.wrap(entropy, &key, id.as_bytes()),
            key,
            now: SystemClock.now().micros(),
        }
    }

    async fn store(&self, memories: u32, to: &mut SqliteConnection) -> anyhow::Result<()> {
        let user = sqlx::query(
            "INSERT INTO users (id, handle, name, password_hash, key_id, wrapped_key, version,
                                is_admin, created_at, updated_at)
             VALUES ($1, $2, $2, $3, $4, $5, $6, FALSE, $7, $7)",
        );
        let user = user.bind(self.id).bind(&self.handle).bind(dummy_hash());
        let user = user.bind(self.wrapped.key_id.to_string());
        let user = user.bind(&self.wrapped.bytes).bind(i64::from(memories));
        user.bind(self.now).execute(&mut *to).await?;
        Ok(())
    }

    /// Lets an application in as somebody else did, and mints a token for it.
    async fn let_in(
        &self,
        (client, scopes, resource): &(Uuid, String, String),
        to: &mut SqliteConnection,
    ) -> anyhow::Result<Secret> {
        let id = uuid::Builder::from_random_bytes((&SystemEntropy as &dyn Entropy).bytes());
        let id = id.into_uuid();
        let grant = sqlx::query(
            "INSERT INTO grants (user_id, id, client_id, scopes, resource, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let grant = grant.bind(self.id).bind(id).bind(client);
        let grant = grant.bind(scopes).bind(resource).bind(self.now);
        grant.execute(&mut *to).await?;
        let access = Token::mint(TokenKind::Access, &SystemEntropy);
        let token = sqlx::query(
            "INSERT INTO access_tokens (digest, user_id, grant_id, client_id, scopes, created_at,
                                        expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let token = token.bind(&access.digest().as_bytes()[..]).bind(self.id);
        let token = token.bind(id).bind(client).bind(scopes).bind(self.now);
        // Filling takes its time, so they last longer than real ones.
        let token = token.bind(self.now + 24 * HOUR);
        token.execute(&mut *to).await?;
        Ok(Secret::new(access.expose().to_owned()))
    }
}

struct Row {
    id: Uuid,
    created_at: i64,
    revision: i64,
    ciphertext: String,
    sealed: Vec<u8>,
}

impl Row {
    fn new(
        key: &DataKey,
        user: Uuid,
        n: u32,
        created_at: i64,
        space: &Space,
        dice: &mut Dice,
    ) -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let millis = (created_at / 1000) as u64;
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &entropy.bytes()).into_uuid();
        // As `picard_app` binds a vector to its place: owner, then memory.
        let place = [*user.as_bytes(), *id.as_bytes()].concat();
        let text = text(dice);
        let analysis = Analysis::of(&text, Instant::from_micros(created_at));
        Self {
            id,
            created_at,
            revision: i64::from(n) + 1,
            ciphertext: key.fernet_encrypt(&text),
            sealed: key.seal(
                entropy,
                &place,
                &Stored::write(&[space.vector(dice)], &analysis),
            ),
        }
    }

    async fn store(self, user: Uuid, to: &mut SqliteConnection) -> anyhow::Result<()> {
        let memory = sqlx::query(
            "INSERT INTO memories (user_id, id, permission, expiration_date, created_at,
                                   updated_at, revision, ciphertext)
             VALUES ($1, $2, 'private', NULL, $3, $3, $4, $5)",
        );
        let memory = memory.bind(user).bind(self.id).bind(self.created_at);
        let memory = memory.bind(self.revision).bind(self.ciphertext);
        memory.execute(&mut *to).await?;
        let vectors = sqlx::query(
            "INSERT INTO vectors (user_id, memory_id, model, sealed) VALUES ($1, $2, $3, $4)",
        );
        let vectors = vectors
            .bind(user)
            .bind(self.id)
            .bind(MODEL)
            .bind(self.sealed);
        vectors.execute(&mut *to).await?;
        Ok(())
    }
}

/// When the n-th of so many memories was written: one after the other until now, on
/// [`OCCASIONS`] at most, an hour apart.
fn written(now: i64, n: u32, of: u32) -> i64 {
    let together = of.div_ceil(OCCASIONS);
    let (occasion, within) = (n / together, n % together);
    let hours = of.div_ceil(together) - occasion;
    now - i64::from(hours) * HOUR + i64::from(within) * (HOUR / 4 / i64::from(together))
}

/// Where vectors lie.
struct Space {
    common: Vec<f32>,
    topics: Vec<Vec<f32>>,
}

impl Space {
    fn new(dice: &mut Dice) -> Self {
        Self {
            common: direction(common_of_e5().collect()),
            topics: (0..TOPICS).map(|_| dice.direction()).collect(),
        }
    }

    fn vector(&self, dice: &mut Dice) -> Vec<f32> {
        let topic = &self.topics[dice.below(TOPICS)];
        let own = dice.direction();
        let parts = self.common.iter().zip(topic).zip(&own);
        parts
            .map(|((common, topic), own)| 0.87 * common + 0.33 * topic + 0.37 * own)
            .collect()
    }
}

/// Returns 12 to 36 words.
fn text(dice: &mut Dice) -> String {
    let words = 12 + dice.below(25);
    let mut text = String::new();
    for n in 0..words {
        if n > 0 {
            text.push(' ');
        }
        if n % 2 == 0 {
            word(dice, &mut text);
        } else {
            text.push_str(COMMON[dice.below(COMMON.len())]);
        }
    }
    text + "."
}

/// Adds a word: the n-th is n times rarer than the first.
fn word(dice: &mut Dice, to: &mut String) {
    let mut rank = VOCABULARY.powf(dice.unit()) as usize;
    to.push_str(SYLLABLES[rank % 19]);
    while rank > 0 {
        to.push_str(SYLLABLES[rank % SYLLABLES.len()]);
        rank /= SYLLABLES.len();
    }
}
