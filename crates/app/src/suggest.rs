//! What to offer somebody who is in the middle of typing: memories, people.
//!
//! A suggestion must tell nothing that the person could not read anyway. For
//! one's own memories that is plain. For people it is not: whoever knows a
//! handle may ask its persona, but nobody can go through all handles. So
//! only those are suggested who show something to everybody (a public memory
//! that has not expired), a few at a time, and not before three characters were
//! typed; and always oneself.

use picard_domain::{Handle, MemoryFilter, MemoryId, Permission};
use picard_store::{memories, users};
use uuid::Uuid;

use crate::{App, Authorized, Error, Read};

/// Suggestions at once.
const MOST: usize = 10;

/// Characters typed before other people are suggested.
const LEAST_TYPED: usize = 3;

/// People looked at for one suggestion: each costs a query.
const CANDIDATES: usize = 20;

impl App {
    /// Suggests handles that begin with what was typed.
    pub async fn suggest_handles(
        &self,
        caller: &Authorized<Read>,
        typed: &str,
    ) -> Result<Vec<Handle>, Error> {
        let typed = typed.trim_start_matches('@').to_ascii_lowercase();
        let mut found = Vec::new();
        if caller.handle.as_str().starts_with(&typed) {
            found.push(caller.handle.clone());
        }
        // Nothing longer than a handle begins one.
        if !(LEAST_TYPED..=32).contains(&typed.len()) {
            return Ok(found);
        }
        for (user, handle) in users::by_prefix(&self.db, &typed, CANDIDATES).await? {
            if found.len() == MOST {
                break;
            }
            if user == caller.user_id {
                continue;
            }
            let shown = MemoryFilter {
                permission: Some(Permission::Public),
                ..MemoryFilter::default()
            };
            let any = memories::list(&self.db, user, &shown, self.now(), None, 1).await?;
            if !any.is_empty() {
                found.push(handle);
            }
        }
        Ok(found)
    }

    /// Suggests the caller's memories whose id begins with what was typed, the
    /// newest first; `None` when that cannot be the beginning of an id.
    pub async fn suggest_memories(
        &self,
        caller: &Authorized<Read>,
        typed: &str,
    ) -> Result<Option<Vec<MemoryId>>, Error> {
        let Some((first, last)) = bounds(typed) else {
            return Ok(None);
        };
        let ids = memories::ids_between(&self.db, caller.user_id, first, last, MOST).await?;
        Ok(Some(ids))
    }
}

/// The lowest and the highest id that begin with this text.
fn bounds(typed: &str) -> Option<(MemoryId, MemoryId)> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let well_formed = typed.len() <= 36
        && typed.bytes().enumerate().all(|(at, byte)| {
            if DASHES.contains(&at) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        });
    if !well_formed {
        return None;
    }
    let filled = |digit: &str| {
        let digits = typed.replace('-', "");
        let rest = digit.repeat(32 - digits.len());
        let id = u128::from_str_radix(&format!("{digits}{rest}"), 16).ok()?;
        Some(MemoryId::from_uuid(Uuid::from_u128(id)))
    };
    Some((filled("0")?, filled("f")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_bounds_it() {
        let id = "0198c0de-0000-7abc-8def-0123456789ab";
        let whole: MemoryId = id.parse().expect("an id");
        for end in 0..=id.len() {
            let (first, last) = bounds(&id[..end]).expect("a beginning");
            assert!(first <= whole && whole <= last, "{end}");
        }
        assert_eq!(bounds(id), Some((whole, whole)));
        let upper = bounds("0198C0").expect("a beginning");
        assert!(upper.0 <= whole && whole <= upper.1);
    }

    #[test]
    fn what_begins_no_id_has_no_bounds() {
        let long = "0".repeat(37);
        for text in [
            "tea",
            "0198c0de0",
            "-",
            "0198c0de-0000-7abc-8def-0123456789abc",
            &long,
            "é",
        ] {
            assert_eq!(bounds(text), None, "{text}");
        }
    }
}
