//! Names that are shown: of people, and of applications that say what they like.
//!
//! A name stands next to what the page itself says, so it must not look empty,
//! turn the direction of what follows, or hide characters.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The name of a person or an application as it is shown: 1 to 80 characters
/// without control characters, at least one of them visible. Characters that
/// show nothing are left out, except where scripts and emoji need them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DisplayName(String);

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 80 characters that can be seen, none of them a control character")]
pub struct InvalidName;

impl DisplayName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.chars().any(leads_astray) {
            return Err(InvalidName);
        }
        let name = without_idle(text);
        let name = name.trim();
        let fits = (1..=80).contains(&name.chars().count());
        if fits && name.chars().any(is_visible) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidName)
        }
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What begins a new line, or makes one name look like another: overrides and
/// isolates of the direction.
fn leads_astray(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Leaves out the characters that show nothing and change nothing where they stand.
fn without_idle(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        let before = kept.chars().next_back();
        let is_needed = match c {
            // Joiners: Persian and the scripts of India spell with them, and they
            // make one emoji of several. One is enough, after something to join.
            '\u{200c}' | '\u{200d}' => before.is_some_and(|b| is_visible(b) || is_selector(b)),
            _ if is_selector(c) => before.is_some_and(is_visible),
            // Tags spell the flag of a region, after a black flag.
            '\u{e0020}'..='\u{e007f}' => before.is_some_and(|b| b == '\u{1f3f4}' || is_tag(b)),
            _ => !is_ignorable(c),
        };
        if is_needed {
            kept.push(c);
        }
    }
    kept
}

/// Chooses a variant of the character before it: emoji or text, the forms of a
/// Mongolian letter or of an ideograph, which matter in names.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0100}'..='\u{e01ef}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

fn is_visible(c: char) -> bool {
    // A Braille pattern without dots is blank, though no space.
    !c.is_whitespace() && !is_ignorable(c) && c != '\u{2800}'
}

/// `Default_Ignorable_Code_Point` of Unicode 17 (`DerivedCoreProperties`), and the
/// marks of annotations between lines, which show nothing either.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}'
        | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<String, InvalidName> {
        text.parse().map(|name: DisplayName| name.to_string())
    }

    #[test]
    fn a_name_has_no_control_characters_or_overrides() {
        assert!(name("Ünal Ö.").is_ok());
        for text in ["", "a\nb", "a\u{202e}b", "a\u{2068}b", "a\u{2028}b"] {
            assert_eq!(name(text), Err(InvalidName), "{text:?}");
        }
    }

    #[test]
    fn a_name_has_something_to_see() {
        for text in [
            " ",
            "\u{200b}",
            "\u{ad}\u{feff}",
            "\u{3164}",
            "\u{2800}\u{2800}",
            "\u{200d}\u{fe0f}",
            "\u{e0061}\u{e007f}",
            "\u{a0}\u{2060} \u{115f}",
        ] {
            assert_eq!(name(text), Err(InvalidName), "{text:?}");
        }
    }

    #[test]
    fn what_shows_nothing_is_left_out() {
        for text in [
            "\u{feff}Claude\u{200b}",
            "Cl\u{ad}au\u{2060}de",
            "\u{200d}Claude \u{200d}\u{fe0f}",
            "Claude\u{e0041}\u{e007f}",
            "\u{200e}Claude\u{200f}",
        ] {
            assert_eq!(name(text), Ok("Claude".into()), "{text:?}");
        }
        assert_eq!(name("a\u{200d}\u{200d}\u{200c}b"), Ok("a\u{200d}b".into()));
        let padded = format!("a{}", "\u{200b}".repeat(100));
        assert_eq!(name(&padded), Ok("a".into()), "counted as it is shown");
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        for text in [
            "می\u{200c}خواهم",
            "ශ\u{dca}\u{200d}රී",
            "അവന\u{d4d}\u{200d}",
            "👩\u{200d}💻",
            "❤\u{fe0f}\u{200d}🔥",
            "👨\u{200d}👩\u{200d}👧",
            "1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "葛\u{e0100}城",
        ] {
            assert_eq!(name(text), Ok(text.into()), "{text:?}");
        }
    }
}
