//! What the memory use cases take and give.

use picard_domain::{
    DisplayName, Handle, Instant, Memory, MemoryFilter, MemoryId, MemoryText, PageSize, Permission,
    UserId,
};

use picard_search::ParsedQuery;

use crate::Notice;

/// Something to remember.
pub struct NewMemory {
    /// What.
    pub text: MemoryText,
    /// Who may read it.
    pub permission: Permission,
    /// Until when it holds; not in the past.
    pub expiration_date: Option<Instant>,
}

/// A change of one memory; what is `None` stays.
pub struct MemoryChange {
    /// Which.
    pub memory_id: MemoryId,
    /// The new text.
    pub text: Option<MemoryText>,
    /// Who may read it from now on.
    pub permission: Option<Permission>,
    /// Until when it holds from now on.
    pub expiration_date: ExpirationChange,
    /// Refuses the change when the memory was changed since this instant.
    pub expected_updated_at: Option<Instant>,
}

/// What becomes of an expiration date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExpirationChange {
    /// It stays as it is.
    #[default]
    Keep,
    /// The memory holds without end.
    Clear,
    /// The memory holds until then; an instant in the past ends it now.
    Set(Instant),
}

impl ExpirationChange {
    /// Returns the date after the change.
    pub fn applied_to(self, date: Option<Instant>) -> Option<Instant> {
        match self {
            Self::Keep => date,
            Self::Clear => None,
            Self::Set(date) => Some(date),
        }
    }
}

/// A person as named by a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By handle.
    Handle(Handle),
}

/// A page of memories wanted, the newest first.
pub struct ListMemories {
    /// Whose; `None` for the caller's own. Of others only public ones are shown.
    pub of: Option<UserRef>,
    /// Which of them.
    pub filter: MemoryFilter,
    /// How many at most.
    pub limit: PageSize<200>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// A page of memories.
pub struct MemoryPage {
    /// The memories, the newest first.
    pub memories: Vec<Memory>,
    /// Gives the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// A search by meaning among one's own memories.
pub struct Recall {
    /// What to look for.
    pub query: ParsedQuery,
    /// How many at most.
    pub limit: PageSize<100>,
    /// Which memories are considered. Expired ones never are.
    pub filter: MemoryFilter,
}

/// A memory that was found.
pub struct Found {
    /// The memory.
    pub memory: Memory,
    /// How close it is, 0 to 1; `None` when nothing was asked.
    pub score: Option<f32>,
}

/// What a search found.
pub struct Recalled {
    /// The memories that fit best, the best first.
    pub memories: Vec<Found>,
    /// What to know about how they were found.
    pub notices: Vec<Notice>,
}

/// A question to a persona.
pub struct AskPersona {
    /// Whose.
    pub of: UserRef,
    /// The question; without it, and with a limit, those come that tell most about the
    /// person.
    pub prompt: Option<ParsedQuery>,
    /// How many at most; without it all.
    pub limit: Option<PageSize<1000>>,
}

/// A person as others may see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUser {
    /// Their id.
    pub id: UserId,
    /// Their unique name.
    pub handle: Handle,
    /// Their name as shown.
    pub name: DisplayName,
}

/// A persona's answer.
pub struct Persona {
    /// Whose it is.
    pub user: PublicUser,
    /// The memories that the caller may see, none of them expired.
    pub memories: Vec<Found>,
    /// How many the caller could see without a limit.
    pub total: usize,
    /// What to know about how they were found.
    pub notices: Vec<Notice>,
}
