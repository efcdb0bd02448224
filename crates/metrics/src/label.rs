//! The values that labels can have, and counters by them.

use std::marker::PhantomData;

use prometheus::IntCounterVec;

/// A closed set of values of one label.
pub trait Label: Copy + 'static {
    /// Every value.
    const EVERY: &'static [Self];

    /// Returns the value as it is written.
    fn as_str(self) -> &'static str;
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $value:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$inner])* $value,)* }

        impl Label for $name {
            const EVERY: &'static [Self] = &[$(Self::$value,)*];

            fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }
        }
    )*};
}

labels! {
    /// Over what a tool was called.
    Surface {
        /// `POST /api/tools`.
        Rest = "rest",
        /// `/mcp`.
        Mcp = "mcp",
        /// `picard mcp`.
        Stdio = "stdio",
    }
    /// How a call of a tool ended.
    Outcome {
        /// With a result.
        Ok = "ok",
        /// With an error that the caller can mend.
        Rejected = "rejected",
        /// With an error that the operator can mend.
        Failed = "failed",
    }
    /// How an attempt to log in ended.
    LogIn {
        /// Somebody is in.
        Ok = "ok",
        /// The handle or the password is wrong, or the account is locked.
        Wrong = "wrong",
        /// Not tried: there were too many attempts.
        Limited = "limited",
    }
    /// Which limit was hit.
    Limit {
        /// Log-ins to one account.
        LogIn = "log_in",
        /// Log-ins from one address.
        LogInAddress = "log_in_address",
        /// New accounts from one address.
        SignUp = "sign_up",
        /// The password asked for again within a session.
        Password = "password",
        /// Applications that register themselves from one address.
        Registration = "registration",
        /// Documents about applications, fetched because of one address.
        Document = "document",
        /// Calls of one person's applications.
        Pace = "pace",
        /// What waits to be embedded of one person.
        Embedding = "embedding",
        /// What waits to be embedded of all.
        EmbeddingOfAll = "embedding_of_all",
    }
    /// What happens to codes and tokens.
    TokenEvent {
        /// A person allowed an application something.
        CodeIssued = "code_issued",
        /// A code was exchanged.
        Issued = "issued",
        /// A refresh token was exchanged.
        Refreshed = "refreshed",
        /// A client that missed an answer got it again.
        Repeated = "repeated",
        /// A refresh token came again after its successor was used.
        ReuseDetected = "reuse_detected",
        /// A code came a second time.
        CodeReplayed = "code_replayed",
        /// A grant was ended: by its client, its person, an administrator or reuse.
        Revoked = "revoked",
        /// A request for tokens was refused, for whatever reason.
        Refused = "refused",
    }
    /// How an application became known.
    RegisteredBy {
        /// It registered itself.
        Itself = "itself",
        /// It is described by a document.
        Document = "document",
        /// An administrator registered it.
        Administrator = "administrator",
    }
    /// Which texts get vectors.
    EmbeddedText {
        /// A question.
        Query = "query",
        /// A question whose vector was there, or on its way.
        Cached = "cached",
        /// A memory.
        Passage = "passage",
    }
    /// What waits to be embedded.
    WaitingText {
        /// A question.
        Query = "query",
        /// A memory.
        Passage = "passage",
    }
    /// What is done to a partition.
    PartitionWork {
        /// It was not in memory.
        Load = "load",
        /// It was behind.
        Refresh = "refresh",
    }
    /// How a data key was come by.
    DataKeyLookup {
        /// It was kept.
        Hit = "hit",
        /// It was unwrapped.
        Unwrapped = "unwrapped",
        /// It cannot be unwrapped.
        Failed = "failed",
    }
    /// How a turn of housekeeping ended.
    Turn {
        /// This node cleared what there was.
        Done = "done",
        /// Another node has it.
        Left = "left",
        /// It will be tried again.
        Failed = "failed",
    }
}

/// Counters by one label. All of them are there from the start, at nought: so
/// that the first event is seen as an increase.
#[derive(Debug, Clone)]
pub struct Counts<L>(IntCounterVec, PhantomData<fn(L)>);

impl<L: Label> Counts<L> {
    pub(crate) fn new(counters: IntCounterVec) -> Self {
        for value in L::EVERY {
            counters.with_label_values(&[value.as_str()]);
        }
        Self(counters, PhantomData)
    }

    /// Counts one.
    pub fn one(&self, value: L) {
        self.add(value, 1);
    }

    /// Counts several at once.
    pub fn add(&self, value: L, several: u64) {
        self.0.with_label_values(&[value.as_str()]).inc_by(several);
    }
}
