//! Administration of a server: people and applications, never what people keep.
//!
//! [`Administration`] holds a database and no keys. So what is done through it
//! cannot read a memory, whoever asks: an administrator sees that somebody
//! keeps memories and how many, not what is in them. It is made for an
//! administrator with a live session, or for the operator, who holds the
//! database anyway.

mod acts;
mod applications;
mod overview;
mod people;

use std::sync::Arc;

use picard_domain::{Clock, Entropy, Handle, Instant, Span, UserId};
use picard_metrics::ServerMetrics;
use picard_store::{Db, Source};

use crate::{App, Error, OpenError, Person};

pub use acts::AdminAct;
pub use applications::{Application, Kept, NewApplication};
pub use overview::{Health, KeyUse, Overview};
pub use people::{AdminError, PersonDetails};
pub use picard_store::{
    clients::Registered,
    people::{Listed, Tally},
};

/// The right to administer a server.
pub struct Administration {
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: Arc<ServerMetrics>,
    by: Actor,
    /// Whether acts leave notes.
    notes: bool,
}

/// Who administers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person with the right to.
    Administrator {
        /// Who.
        id: UserId,
        /// Their handle at the time.
        handle: Handle,
    },
    /// Whoever holds the database: the command line.
    Operator,
}

impl Actor {
    /// Returns who it is without a name.
    fn for_log(&self) -> String {
        match self {
            Self::Administrator { id, .. } => id.to_string(),
            Self::Operator => "the operator".to_owned(),
        }
    }
}

impl App {
    /// How long after a log-in an administrator may change something without
    /// the password being asked for again.
    pub const CONFIRMED: Span = Span::minutes(15);

    /// Lets an administrator administer; `None` for everybody else.
    pub fn administration(&self, person: &Person) -> Option<Administration> {
        person.is_admin.then(|| {
            self.administration_by(Actor::Administrator {
                id: person.id,
                handle: person.handle.clone(),
            })
        })
    }

    /// Lets whoever runs this process administer.
    pub fn administration_of_operator(&self) -> Administration {
        self.administration_by(Actor::Operator)
    }

    fn administration_by(&self, by: Actor) -> Administration {
        Administration {
            db: self.db.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            metrics: self.metrics.clone(),
            by,
            notes: self.trail.kept().is_some(),
        }
    }

    /// Tells whether a person has given their password a short while ago.
    pub fn is_confirmed(&self, person: &Person) -> bool {
        self.now() < person.logged_in_at + Self::CONFIRMED
    }
}

impl Administration {
    /// Opens a server's database for its operator and brings it to the newest version.
    pub async fn open(
        database: &Source,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let db = database.open().await?;
        picard_store::migrate(&db).await?;
        Ok(Self {
            db,
            clock,
            entropy,
            // Of a command nobody asks for them.
            metrics: Arc::default(),
            by: Actor::Operator,
            // Where none are kept, the next housekeeping clears it.
            notes: true,
        })
    }

    /// Closes the database cleanly.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Returns who administers.
    pub fn actor(&self) -> &Actor {
        &self.by
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    async fn user(&self, handle: &Handle) -> Result<picard_store::users::User, Error> {
        let found = picard_store::users::find_by_handle(&self.db, handle).await?;
        found.ok_or(Error::NotFound("account"))
    }
}
