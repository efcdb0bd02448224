//! The addresses of resources, read strictly.
//!
//! There are three forms, and a text is one of them or nothing: no percent
//! encoding is undone, no path is walked, no other scheme is looked at. So
//! there is nothing to climb out of (attack row M34).

use picard_app::UserRef;
use picard_domain::{Handle, MemoryId, UserId};

/// The newest memories.
pub(super) const RECENT: &str = "memories://recent";
/// One memory.
pub(super) const MEMORY: &str = "memories://{memory_id}";
/// A persona.
pub(super) const PERSONA: &str = "users://{user_id}/memories";

/// What an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResourceUri {
    /// The caller's newest memories.
    Recent,
    /// One of the caller's own memories.
    Memory(MemoryId),
    /// What the caller may see of a person's memories.
    Persona(UserRef),
}

impl ResourceUri {
    /// Reads an address; `None` when it is none of ours.
    pub(super) fn parse(uri: &str) -> Option<Self> {
        if uri == RECENT {
            return Some(Self::Recent);
        }
        if let Some(id) = uri.strip_prefix("memories://") {
            return id
                .parse()
                .ok()
                .filter(|read: &MemoryId| read.to_string().eq_ignore_ascii_case(id))
                .map(Self::Memory);
        }
        let person = uri.strip_prefix("users://")?.strip_suffix("/memories")?;
        self::person(person).map(Self::Persona)
    }
}

/// Reads who is meant by an id or a handle, exactly as written but for case.
fn person(text: &str) -> Option<UserRef> {
    let same = |read: &str| read.eq_ignore_ascii_case(text);
    if let Ok(id) = text.parse::<UserId>() {
        return same(&id.to_string()).then_some(UserRef::Id(id));
    }
    let handle: Handle = text.parse().ok()?;
    same(handle.as_str()).then_some(UserRef::Handle(handle))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7abc-8def-0123456789ab";

    #[test]
    fn the_three_forms_are_read() {
        let id: MemoryId = ID.parse().expect("an id");
        let user = UserRef::Id(ID.parse().expect("an id"));
        let handle = UserRef::Handle("jean-luc".parse().expect("a handle"));
        for (uri, means) in [
            (RECENT.to_owned(), ResourceUri::Recent),
            (format!("memories://{ID}"), ResourceUri::Memory(id)),
            (
                format!("memories://{}", ID.to_uppercase()),
                ResourceUri::Memory(id),
            ),
            (format!("users://{ID}/memories"), ResourceUri::Persona(user)),
            (
                "users://Jean-Luc/memories".to_owned(),
                ResourceUri::Persona(handle),
            ),
        ] {
            assert_eq!(ResourceUri::parse(&uri), Some(means), "{uri}");
        }
    }

    #[test]
    fn everything_else_is_nothing() {
        for uri in [
            "",
            "memories://",
            "memories:",
            "memories:///",
            "memories://recent/",
            "memories://recent?limit=9",
            "memories://recent#x",
            "memories://..%2f..%2f",
            "memories://%2e%2e/recent",
            "memories://{memory_id}",
            "memories://0198c0de00007abc8def0123456789ab",
            "memories://{0198c0de-0000-7abc-8def-0123456789ab}",
            "memories://urn:uuid:0198c0de-0000-7abc-8def-0123456789ab",
            "memories://0198c0de-0000-7abc-8def-0123456789ab/",
            "memories://0198c0de-0000-7abc-8def-0123456789ab@evil.example",
            "memories://user:pass@recent",
            " memories://recent",
            "memories://recent\n",
            "MEMORIES://recent",
            "picard://memory/..%2f..%2f",
            "file:///etc/passwd",
            "file://localhost/etc/passwd",
            "http://169.254.169.254/latest/meta-data",
            "data:text/plain,x",
            "users://",
            "users:///memories",
            "users://jean-luc",
            "users://jean-luc/memories/",
            "users://jean-luc/memories/../../x",
            "users://../memories",
            "users://@jean-luc/memories",
            "users:// jean-luc/memories",
            "users://jean-luc /memories",
            "users://jean%2dluc/memories",
            "users://jean-luc/secrets",
            "users://jean-luc@evil.example/memories",
            "users://j\u{443}an/memories",
            "test://static-text",
        ] {
            assert_eq!(ResourceUri::parse(uri), None, "{uri:?}");
        }
    }
}
