//! The audit trail: what was done in a person's name or to their account, when,
//! and through what. Never what a memory says, and never what was asked.
//!
//! A change writes its note in its own transaction ([`write`]), so that there is
//! no change without a trail. What only reads is gathered by `app` and written
//! later in batches ([`record()`]).

use std::fmt;

use picard_domain::{ClientId, EventId, Handle, Instant, MemoryId, UserId};
use picard_sql::{Bind, Column, Error as SqlError, Row, Tx, Value, record, sql, transaction};

use crate::{Db, Error};

/// The most rows of a person that are kept of each sort: of what one application
/// changed, of what it read, of others who asked, and of everything else. So calls,
/// however many, never push out log-ins, nor what another application did; changes
/// never push out what was read; and no stranger pushes out anything of the person.
pub const MOST: i64 = 10_000;

macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident $word:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// Something that a newer version of this program wrote.
            Unknown,
        }

        impl $name {
            /// All that are written.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the word that is stored.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Unknown => "unknown",
                }
            }
        }

        impl Bind for $name {
            const NULL: Value = Value::Text(None);

            fn into_value(self) -> Value {
                self.as_str().into_value()
            }
        }

        impl Column for $name {
            fn read(row: &Row, at: usize) -> Result<Self, SqlError> {
                let word = String::read(row, at)?;
                let known = Self::ALL.iter().find(|known| known.as_str() == word);
                Ok(known.copied().unwrap_or(Self::Unknown))
            }
        }
    };
}

words! {
    /// What was done.
    pub enum Act {
        /// The account was made.
        SignedUp "signed-up",
        /// Somebody logged in.
        LoggedIn "logged-in",
        /// Somebody gave a wrong password; counted by the hour.
        LogInFailed "log-in-failed",
        /// Somebody logged out.
        LoggedOut "logged-out",
        /// A session was ended from another.
        SessionEnded "session-ended",
        /// The person changed their password.
        PasswordChanged "password-changed",
        /// Somebody else gave the account a new password.
        PasswordSet "password-set",
        /// The name that is shown was changed.
        Renamed "renamed",
        /// An application was allowed in.
        ConsentGiven "consent-given",
        /// An application was turned away.
        ConsentDenied "consent-denied",
        /// An application's access was taken away, or given back.
        AccessRevoked "access-revoked",
        /// An application fetched its first tokens.
        TokenIssued "token-issued",
        /// A refresh token came twice, and its family was revoked.
        TokenReused "token-reused",
        /// An authorization code came twice, and its tokens were revoked.
        CodeReused "code-reused",
        /// A tool, or another call that reaches memories.
        Called "called",
        /// Somebody else read the public memories.
        PersonaAsked "persona-asked",
        /// The account was locked.
        Disabled "disabled",
        /// The account was unlocked.
        Enabled "enabled",
        /// The person became an administrator.
        AdminGiven "admin-given",
        /// The person is no administrator any more.
        AdminTaken "admin-taken",
        /// An account was deleted by somebody else: in the trail of who did it.
        AccountDeleted "account-deleted",
        /// An application was made known, or changed, by an administrator.
        ClientRegistered "client-registered",
        /// An application was deleted by an administrator.
        ClientDeleted "client-deleted",
    }
}

words! {
    /// The way it came.
    pub enum Surface {
        /// The pages of this server.
        Page "page",
        /// The token endpoint and its neighbours, called by an application.
        OAuth "oauth",
        /// `POST /api/tools`.
        Rest "rest",
        /// MCP over HTTP.
        Mcp "mcp",
        /// MCP over standard input and output: an assistant on the server's machine.
        Stdio "stdio",
        /// A command on the server's machine.
        Command "command",
    }
}

/// Who did it, when it was not the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// An administrator. Their name stays in the note when their account goes,
    /// and what they did is in their own trail, too.
    Administrator(UserId, Handle),
    /// Another person, with the rights of anybody.
    Somebody(UserId),
}

/// What is to be noted, of one act or of several alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Names it in the trail of its person. A second note of the same name is
    /// counted into the first.
    pub id: EventId,
    /// What was done.
    pub act: Act,
    /// The way it came.
    pub surface: Surface,
    /// When it was first done.
    pub at: Instant,
    /// When it was last done.
    pub last_at: Instant,
    /// How often.
    pub times: i64,
    /// Through which application.
    pub client_id: Option<ClientId>,
    /// By which tool.
    pub tool: Option<&'static str>,
    /// How many memories it returned or brought in, all times together.
    pub memories: Option<i64>,
    /// The one memory that it was about.
    pub memory_id: Option<MemoryId>,
    /// Who did it; `None` for the person whose trail it is, or the operator.
    pub by: Option<By>,
    /// To whom it was done, when that is somebody else.
    pub subject: Option<UserId>,
    /// That person's handle, when it is to stay after their account.
    pub subject_name: Option<Handle>,
    /// In which browser: a name such as `Firefox on Linux`.
    pub browser: Option<String>,
    /// Whether it is written at all.
    pub kept: bool,
}

impl Note {
    /// Notes one act.
    pub fn new(id: EventId, act: Act, surface: Surface, at: Instant) -> Self {
        Self {
            id,
            act,
            surface,
            at,
            last_at: at,
            times: 1,
            client_id: None,
            tool: None,
            memories: None,
            memory_id: None,
            by: None,
            subject: None,
            subject_name: None,
            browser: None,
            kept: true,
        }
    }

    /// Says through which application it was done.
    #[must_use]
    pub fn through(self, client: ClientId) -> Self {
        let client_id = Some(client);
        Self { client_id, ..self }
    }

    /// Says in which browser.
    #[must_use]
    pub fn in_browser(self, name: impl Into<String>) -> Self {
        let browser = Some(name.into());
        Self { browser, ..self }
    }

    /// Says who did it, when it was not the person.
    #[must_use]
    pub fn by(self, by: Option<By>) -> Self {
        Self { by, ..self }
    }

    /// Says to whom it was done.
    #[must_use]
    pub fn of(self, subject: UserId, name: Handle) -> Self {
        Self {
            subject: Some(subject),
            subject_name: Some(name),
            ..self
        }
    }
}

record! {
    /// An entry of a person's trail.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Entry {
        /// Names it.
        pub id: EventId,
        /// What was done.
        pub act: Act,
        /// The way it came.
        pub surface: Surface,
        /// When it was first done.
        pub at: Instant,
        /// When it was last done.
        pub last_at: Instant,
        /// How often.
        pub times: i64,
        /// Through which application.
        pub client_id: Option<ClientId>,
        /// What that application was called then.
        pub client_name: Option<String>,
        /// By which tool.
        pub tool: Option<String>,
        /// How many memories it returned or brought in, all times together.
        pub memories: Option<i64>,
        /// The one memory that it was about.
        pub memory_id: Option<MemoryId>,
        /// Who did it, when it was not the person.
        pub actor_id: Option<UserId>,
        /// That administrator's handle.
        pub actor_name: Option<String>,
        /// To whom it was done, when that is somebody else.
        pub subject_id: Option<UserId>,
        /// That person's handle, where it was to stay.
        pub subject_name: Option<String>,
        /// In which browser.
        pub browser: Option<String>,
    }
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Only those through this application.
    pub client: Option<ClientId>,
    /// Only those that lasted to this instant or later.
    pub since: Option<Instant>,
    /// Only those before this one.
    pub before: Option<Bookmark>,
}

/// Where a page of a trail ended. What is counted on meanwhile goes to the front:
/// it is not on a later page a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bookmark {
    last_at: Instant,
    id: EventId,
}

impl Entry {
    /// Returns its place in the trail.
    pub fn bookmark(&self) -> Bookmark {
        Bookmark {
            last_at: self.last_at,
            id: self.id,
        }
    }
}

impl Bookmark {
    /// Reads what it was written as; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (micros, id) = text.split_once('.')?;
        Some(Self {
            last_at: Instant::from_micros(micros.parse().ok()?),
            id: id.parse().ok()?,
        })
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.last_at.micros(), self.id)
    }
}

/// Returns up to `limit` entries of a person's trail, the newest first: by when
/// each was last done.
pub async fn list(
    db: &Db,
    user: UserId,
    wanted: Wanted,
    limit: usize,
) -> Result<Vec<Entry>, Error> {
    let before = wanted.before.unwrap_or(Bookmark {
        last_at: Instant::from_micros(i64::MAX),
        id: EventId::from_uuid(uuid::Uuid::max()),
    });
    db.all(sql!(
        "SELECT id, act, surface, at, last_at, times, client_id, client_name, tool, memories,
                memory_id, actor_id, actor_name, subject_id, subject_name, browser
         FROM audit
         WHERE user_id = $1 AND (last_at, id) < ($2, $3) AND last_at >= $4
           AND ($5 IS NULL OR client_id = $5)
         ORDER BY last_at DESC, id DESC LIMIT $6",
        user,
        before.last_at,
        before.id,
        wanted.since.unwrap_or(Instant::from_micros(i64::MIN)),
        wanted.client,
        limit as i64,
    ))
    .await
}

/// Returns up to `limit` entries of what an administrator did as one, the newest
/// first: to people, themselves among them, and to applications.
pub async fn acts(
    db: &Db,
    administrator: UserId,
    before: Option<EventId>,
    limit: usize,
) -> Result<Vec<Entry>, Error> {
    let last = EventId::from_uuid(uuid::Uuid::max());
    db.all(sql!(
        "SELECT id, act, surface, at, last_at, times, client_id, client_name, tool, memories,
                memory_id, actor_id, actor_name, subject_id, subject_name, browser
         FROM audit
         WHERE user_id = $1 AND id < $2
           AND (act IN ('client-registered', 'client-deleted')
                OR (act NOT IN ('called', 'persona-asked')
                    AND (subject_id IS NOT NULL OR actor_id = $1)))
         ORDER BY id DESC LIMIT $3",
        administrator,
        before.unwrap_or(last),
        limit as i64,
    ))
    .await
}

/// Writes notes on their own, those of people that are gone left out. Notes of one
/// person stand together.
///
/// When it fails as unavailable, it may have been done all the same.
pub async fn record(db: &Db, notes: &[(UserId, Note)]) -> Result<(), Error> {
    transaction!(db, |tx| {
        for of_one in notes.chunk_by(|(one, _), (other, _)| one == other) {
            let user = of_one[0].0;
            // It changes nothing and holds the row: else a note could be written right after
            // the account was deleted, with all that belonged to it.
            let hold = sql!("UPDATE users SET version = version WHERE id = $1", user);
            if tx.execute(hold).await? == 0 {
                continue;
            }
            for (_, note) in of_one {
                write(tx, user, note).await?;
            }
        }
    })
}

/// Writes a note within the transaction of what it is about. What an
/// administrator did to another is noted in both trails.
pub(crate) async fn write(tx: &mut Tx, user: UserId, note: &Note) -> Result<(), Error> {
    if !note.kept {
        return Ok(());
    }
    put(tx, user, note).await?;
    match &note.by {
        Some(By::Administrator(actor, _)) if *actor != user => {
            let whose = sql!("SELECT handle FROM users WHERE id = $1", user);
            let whose = tx.optional::<(Handle,)>(whose).await?;
            let own = Note {
                by: None,
                subject: Some(user),
                subject_name: whose.map(|(handle,)| handle),
                ..note.clone()
            };
            put(tx, *actor, &own).await
        }
        _ => Ok(()),
    }
}

async fn put(tx: &mut Tx, user: UserId, note: &Note) -> Result<(), Error> {
    let (actor, actor_name) = match &note.by {
        None => (None, None),
        Some(By::Administrator(id, handle)) => (Some(*id), Some(handle)),
        Some(By::Somebody(id)) => (Some(*id), None),
    };
    let put = sql!(
        "INSERT INTO audit (user_id, id, act, surface, at, last_at, times, client_id, client_name,
                            tool, memories, memory_id, actor_id, actor_name, subject_id,
                            subject_name, browser)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, (SELECT name FROM clients WHERE id = $8),
                 $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (user_id, id) DO UPDATE SET
            at = CASE WHEN excluded.at < audit.at THEN excluded.at ELSE audit.at END,
            last_at = CASE WHEN excluded.last_at > audit.last_at
                      THEN excluded.last_at ELSE audit.last_at END,
            times = audit.times + excluded.times,
            memories = audit.memories + excluded.memories,
            memory_id = CASE WHEN audit.memory_id = excluded.memory_id
                        THEN audit.memory_id ELSE NULL END",
        user,
        note.id,
        note.act,
        note.surface,
        note.at,
        note.last_at,
        note.times,
        note.client_id,
        note.tool,
        note.memories,
        note.memory_id,
        actor,
        actor_name,
        note.subject,
        note.subject_name.as_ref(),
        note.browser.as_deref(),
    );
    tx.execute(put).await?;
    // One in 256, which ids make random: looking at each note costs more than a few too many.
    if note.id.uuid().as_bytes()[15] == 0 {
        trim(tx, user, note, MOST).await?;
    }
    Ok(())
}

/// The statement that deletes what a person (`$1`) has beyond the newest rows (`$2`)
/// for which a condition holds.
macro_rules! trim {
    ($sort:literal, $user:expr, $most:expr $(, $value:expr)* $(,)?) => {
        sql!(
            concat!(
                "DELETE FROM audit WHERE user_id = $1 AND id <
                    (SELECT id FROM
                        (SELECT id FROM audit WHERE user_id = $1 AND ", $sort, "
                         ORDER BY id DESC LIMIT $2) AS newest
                     ORDER BY id LIMIT 1)
                 AND ", $sort
            ),
            $user,
            $most,
            $($value,)*
        )
    };
}

/// Deletes what a person has beyond the newest `most` rows of the sort of this note.
async fn trim(tx: &mut Tx, user: UserId, note: &Note, most: i64) -> Result<(), Error> {
    let trim = match note.act {
        Act::Called => trim!(
            "act = 'called' AND (memories IS NULL) = $3
             AND (client_id = $4 OR ($4 IS NULL AND client_id IS NULL))",
            user,
            most,
            note.memories.is_none(),
            note.client_id,
        ),
        Act::PersonaAsked => trim!("act = 'persona-asked'", user, most),
        _ => trim!("act NOT IN ('called', 'persona-asked')", user, most),
    };
    tx.execute(trim).await.map(drop)
}

/// Deletes all of a person's trail, and returns how many rows it had.
pub async fn delete_all(db: &Db, user: UserId) -> Result<u64, Error> {
    db.execute(sql!("DELETE FROM audit WHERE user_id = $1", user))
        .await
}

/// Deletes up to `limit` entries that began at or before `before`, and returns how many.
pub async fn delete_expired(db: &Db, before: Instant, limit: i64) -> Result<u64, Error> {
    db.execute(sql!(
        "DELETE FROM audit WHERE (user_id, id) IN
         (SELECT user_id, id FROM audit WHERE at <= $1 LIMIT $2)",
        before,
        limit,
    ))
    .await
}
