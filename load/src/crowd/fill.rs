//! Makes the rows of people, sealed as the server would seal them.

use std::{ops::Range, sync::Arc};

use anyhow::{Context as _, ensure};
use picard_client::Secret;
use picard_crypto::{DataKey, Keyring, Token, TokenKind, dummy_hash};
use picard_domain::{Clock as _, Entropy, Instant};
use picard_search::{Analysis, Stored};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    Member,
    copy::{Column, Rows},
};
use crate::{
    dice::Dice,
    postgres::Database,
    system::{SystemClock, SystemEntropy},
};

/// How many memories one COPY takes.
const AT_ONCE: u32 = 20_000;

/// How many connections fill at the same time.
const CONNECTIONS: u32 = 3;

const MODEL: &str = "multilingual-e5-small/1";
const HOUR: i64 = 3_600_000_000;

/// What all rows have in common.
#[derive(Clone)]
pub(crate) struct Filling {
    url: String,
    keyring: Arc<Keyring>,
    client: Uuid,
    scopes: String,
    resource: String,
    now: i64,
}

/// Returns the code in the n-th memory of a person. No two memories have the same.
pub(crate) fn code(person: u32, n: u32) -> String {
    format!("RC-{n}-{person}")
}

impl Filling {
    /// Looks at the grant that a real person gave.
    pub(crate) async fn prepare(database: &Database, keyring: &str) -> anyhow::Result<Self> {
        let grant = sqlx::query_as("SELECT client_id, scopes, resource FROM grants LIMIT 1");
        let (client, scopes, resource) = grant.fetch_one(&mut database.connect().await?).await?;
        Ok(Self {
            url: database.url.clone(),
            keyring: Arc::new(Keyring::parse(keyring)?),
            client,
            scopes,
            resource,
            now: SystemClock.now().micros(),
        })
    }

    /// Stores people with so many memories each, and tokens for the first of them.
    #[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
    pub(crate) async fn people(
        &self,
        range: Range<u32>,
        memories: u32,
        members: u32,
    ) -> anyhow::Result<Vec<Member>> {
        let with_tokens = range.start..range.start + members;
        let together = (AT_ONCE / memories.max(1)).max(1);
        let starts: Vec<u32> = range.clone().step_by(together as usize).collect();
        let mut workers = JoinSet::new();
        for worker in 0..CONNECTIONS {
            let (filling, range, with_tokens) = (self.clone(), range.clone(), with_tokens.clone());
            let starts: Vec<u32> = starts
                .iter()
                .copied()
                .skip(worker as usize)
                .step_by(CONNECTIONS as usize)
                .collect();
            workers.spawn(async move {
                let mut connection = PgConnection::connect(&filling.url).await?;
                let mut members = Vec::new();
                for start in starts {
                    let people = start..(start + together).min(range.end);
                    let batch = filling.batch(people.clone(), memories, &with_tokens);
                    let (rows, tokens) = tokio::task::spawn_blocking(batch).await?;
                    for rows in rows {
                        rows.send(&mut connection).await?;
                    }
                    members.extend(tokens);
                    if (start / together).is_multiple_of(100) {
                        eprintln!("{} of {} people", people.end, range.end);
                    }
                }
                anyhow::Ok(members)
            });
        }
        let mut all = Vec::new();
        while let Some(members) = workers.join_next().await {
            all.extend(members??);
        }
        ensure!(
            all.len() == members as usize,
            "everybody who asks has a token"
        );
        Ok(all)
    }

    /// Lets PostgreSQL look at what it has, as it would in time.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let vacuum = sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection);
        vacuum.await.context("the database cannot be analysed")?;
        Ok(())
    }

    fn batch(
        &self,
        people: Range<u32>,
        memories: u32,
        with_tokens: &Range<u32>,
    ) -> impl FnOnce() -> (Vec<Rows>, Vec<Member>) + Send + 'static {
        let (filling, with_tokens) = (self.clone(), with_tokens.clone());
        move || {
            let mut tables = Tables::new();
            let mut members = Vec::new();
            let mut dice = Dice::new(u64::from(people.start) + 1);
            for person in people {
                let user = tables.person(&filling, person, memories, &mut dice);
                if with_tokens.contains(&person) {
                    let access = tables.token(&filling, user);
                    members.push(Member {
                        number: person,
                        access,
                        memories,
                    });
                }
            }
            (tables.0.into(), members)
        }
    }
}

/// Users, memories, vectors, grants, access tokens.
struct Tables([Rows; 5]);

impl Tables {
    fn new() -> Self {
        let users = [
            "id",
            "handle",
            "name",
            "password_hash",
            "key_id",
            "wrapped_key",
            "version",
            "is_admin",
            "created_at",
            "updated_at",
        ];
        let memories = [
            "user_id",
            "id",
            "permission",
            "expiration_date",
            "created_at",
            "updated_at",
            "revision",
            "ciphertext",
        ];
        let vectors = ["user_id", "memory_id", "model", "sealed"];
        let grants = [
            "user_id",
            "id",
            "client_id",
            "scopes",
            "resource",
            "created_at",
        ];
        let tokens = [
            "digest",
            "user_id",
            "grant_id",
            "client_id",
            "scopes",
            "created_at",
            "expires_at",
        ];
        Self([
            Rows::of("users", &users),
            Rows::of("memories", &memories),
            Rows::of("vectors", &vectors),
            Rows::of("grants", &grants),
            Rows::of("access_tokens", &tokens),
        ])
    }

    fn person(&mut self, filling: &Filling, number: u32, memories: u32, dice: &mut Dice) -> Uuid {
        let entropy: &dyn Entropy = &SystemEntropy;
        let user = Uuid::from_bytes(entropy.bytes());
        let user = uuid::Builder::from_random_bytes(user.into_bytes()).into_uuid();
        let key = DataKey::generate(entropy);
        let wrapped = filling.keyring.wrap(entropy, &key, user.as_bytes());
        let Self([users, rows, vectors, ..]) = self;
        users.push(&[
            Column::Uuid(user),
            Column::Text(&format!("crowd{number}")),
            Column::Text(&format!("Crowd {number}")),
            Column::Text(dummy_hash()),
            Column::Text(&wrapped.key_id.to_string()),
            Column::Bytes(&wrapped.bytes),
            Column::Number(i64::from(memories)),
            Column::Bool(false),
            Column::Number(filling.now),
            Column::Number(filling.now),
        ]);
        for n in 0..memories {
            let created_at = filling.now - i64::from(memories - n) * HOUR;
            let id = uuid_v7(created_at, entropy);
            let text = format!(
                "I left {} with the neighbours, the number on the receipt is {}.",
                THINGS[dice.below(THINGS.len())],
                code(number, n)
            );
            rows.push(&[
                Column::Uuid(user),
                Column::Uuid(id),
                Column::Text("private"),
                Column::Null,
                Column::Number(created_at),
                Column::Number(created_at),
                Column::Number(i64::from(n) + 1),
                Column::Text(&key.fernet_encrypt(&text)),
            ]);
            // As `picard_app` binds a vector to its place: owner, then memory.
            let place = [*user.as_bytes(), *id.as_bytes()].concat();
            let analysis = Analysis::of(&text, Instant::from_micros(created_at));
            let stored = Stored::write(&[dice.direction()], &analysis);
            vectors.push(&[
                Column::Uuid(user),
                Column::Uuid(id),
                Column::Text(MODEL),
                Column::Bytes(&key.seal(entropy, &place, &stored)),
            ]);
        }
        user
    }

    fn token(&mut self, filling: &Filling, user: Uuid) -> Secret {
        let Self([.., grants, tokens]) = self;
        let grant = uuid_v7(filling.now, &SystemEntropy);
        grants.push(&[
            Column::Uuid(user),
            Column::Uuid(grant),
            Column::Uuid(filling.client),
            Column::Text(&filling.scopes),
            Column::Text(&filling.resource),
            Column::Number(filling.now),
        ]);
        let token = Token::mint(TokenKind::Access, &SystemEntropy);
        tokens.push(&[
            Column::Bytes(token.digest().as_bytes()),
            Column::Uuid(user),
            Column::Uuid(grant),
            Column::Uuid(filling.client),
            Column::Text(&filling.scopes),
            Column::Number(filling.now),
            // Filling takes its time, so they last longer than real ones.
            Column::Number(filling.now + 24 * HOUR),
        ]);
        Secret::new(token.expose().to_owned())
    }
}

const THINGS: [&str; 8] = [
    "the red bicycle",
    "an old camera",
    "two tickets",
    "the kayak",
    "a chess set",
    "the telescope",
    "a tent for four",
    "the sewing machine",
];

fn uuid_v7(micros: i64, entropy: &dyn Entropy) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis((micros / 1000) as u64, &entropy.bytes()).into_uuid()
}
