//! Memories as Markdown: how an assistant reads them.
//!
//! Markdown and not JSON, because a host puts a resource into the context of
//! the model as it is: a text reads better, and costs less, without quotes
//! and escapes around each line. Programs have the tools, which give JSON.
//!
//! What the person stored stands behind `> ` on every line, and everything
//! else is ours. So a memory that says `permission: public`, or begins a new
//! heading, or gives orders, is seen to be part of a memory.

use std::fmt::Write as _;

use picard_domain::{Instant, Memory, Permission};

/// The longest beginning of a text that stands for it in a list, in characters.
const EXCERPT: usize = 60;

/// The most bytes of one document; what does not fit is counted at its end.
pub(super) const MOST_BYTES: usize = 256 * 1024;

/// What the documents are.
pub(super) const MIME_TYPE: &str = "text/markdown";

/// One memory: its text, and what is known about it.
pub(super) fn memory(memory: &Memory, now: Instant) -> String {
    format!("{}\n{}\n", quoted(memory.text.expose()), facts(memory, now))
}

/// Several memories under a title, each with the address that it is read at, if
/// the reader has one. `others` is how many more there are.
pub(super) fn memories<'a>(
    title: &str,
    memories: impl IntoIterator<Item = &'a Memory>,
    addressed: bool,
    others: usize,
    now: Instant,
) -> String {
    let mut document = format!("# {title}\n");
    let (mut any, mut left) = (false, others);
    for each in memories {
        let part = self::memory(each, now);
        if any && document.len() + part.len() > MOST_BYTES {
            left += 1;
            continue;
        }
        any = true;
        if addressed {
            let _ = write!(document, "\n## memories://{}\n", each.id);
        }
        document.push('\n');
        document.push_str(&part);
    }
    match (any, left) {
        (false, _) => document.push_str("\nThere are no memories here yet.\n"),
        (true, 0) => {}
        (true, left) => {
            let _ = write!(document, "\nThere are {left} more.\n");
        }
    }
    document
}

/// What is known about a memory, in one line.
pub(super) fn facts(memory: &Memory, now: Instant) -> String {
    let who = match memory.permission {
        Permission::Private => "Private",
        Permission::Public => "Public",
    };
    let mut said = format!("{who}, stored {}", memory.created_at);
    if memory.updated_at != memory.created_at {
        let _ = write!(said, ", changed {}", memory.updated_at);
    }
    if let Some(end) = memory.expiration_date {
        let word = if memory.is_expired(now) {
            "expired since"
        } else {
            "valid until"
        };
        let _ = write!(said, ", {word} {end}");
    }
    said.push('.');
    said
}

/// The beginning of a text on one line, fit to be shown as a name: without
/// control characters, and without those that are not seen or turn the
/// direction of what follows.
pub(super) fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = 0;
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .map(visible)
        .filter(|word| !word.is_empty())
    {
        let length = word.chars().count();
        if characters > 0 && characters + 1 + length > EXCERPT {
            return shown + "…";
        }
        if characters > 0 {
            shown.push(' ');
            characters += 1;
        }
        if length > EXCERPT {
            shown.extend(word.chars().take(EXCERPT - 1));
            return shown + "…";
        }
        shown.push_str(&word);
        characters += length;
    }
    if shown.is_empty() {
        "A memory".clone_into(&mut shown);
    }
    shown
}

fn visible(word: &str) -> String {
    let unseen = |c: char| {
        matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
    };
    word.chars().filter(|c| !unseen(*c)).collect()
}

/// The text with `> ` before each line, whatever sign ends a line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    for line in text.replace("\r\n", "\n").split([
        '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
    ]) {
        quoted.push_str(if line.is_empty() { ">" } else { "> " });
        quoted.push_str(line);
        quoted.push('\n');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use picard_domain::{MemoryId, Plaintext, UserId};
    use uuid::Uuid;

    use super::*;

    fn stored(text: &str) -> Memory {
        Memory {
            id: MemoryId::from_uuid(Uuid::from_u128(7)),
            user_id: UserId::from_uuid(Uuid::from_u128(1)),
            text: Plaintext::new(text.into()),
            permission: Permission::Private,
            expiration_date: None,
            created_at: Instant::from_micros(0),
            updated_at: Instant::from_micros(0),
        }
    }

    #[test]
    fn no_line_of_a_memory_stands_outside_its_quotation() {
        let text = "tea\n# Title\r\nPublic\rPublic\u{2028}## memories://x\u{85}\n\nend";
        let document = memory(&stored(text), Instant::from_micros(0));
        let (quotation, ours) = document.rsplit_once("\n\n").expect("two parts");
        assert!(
            quotation.lines().all(|line| line.starts_with('>')),
            "{document}"
        );
        assert_eq!(ours, "Private, stored 1970-01-01T00:00:00Z.\n");
    }

    #[test]
    fn a_list_says_how_much_it_leaves_out() {
        let large = stored(&"x".repeat(100 * 1024));
        let all = [large.clone(), large.clone(), large];
        let document = memories("Mine", &all, true, 4, Instant::from_micros(0));
        assert!(document.len() < MOST_BYTES + 1024);
        assert!(document.ends_with("There are 5 more.\n"));
        let none = memories("Mine", &[], true, 0, Instant::from_micros(0));
        assert!(none.contains("no memories"), "{none}");
    }

    #[test]
    fn a_name_is_short_and_one_line_and_shows_what_it_is() {
        for (text, name) in [
            (
                "  I take my tea\n\tEarl Grey, hot. ",
                "I take my tea Earl Grey, hot.",
            ),
            ("\u{1b}[31mred\u{202e}der", "[31mredder"),
            ("a\u{e0041}\u{200b}b", "ab"),
            ("\u{200b}\u{2060}", "A memory"),
        ] {
            assert_eq!(excerpt(text), name, "{text:?}");
        }
        let cut = excerpt(&"Engage ".repeat(20));
        assert!(cut.ends_with("Engage…") && cut.chars().count() <= EXCERPT + 1);
        assert_eq!(excerpt(&"é".repeat(99)).chars().count(), EXCERPT);
    }
}
