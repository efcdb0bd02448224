//! The text of a memory: a value that cannot be printed by accident.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Text that must not reach a log or a disk: it has no `Debug` that shows it,
/// no `Serialize`, and is overwritten when dropped.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Plaintext(String);

impl Plaintext {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Shows the text: every call is a place where plaintext leaves its wrapper.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

/// The text of a memory: 1 byte to 64 KiB of UTF-8 that holds more than
/// white space and no NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryText(Plaintext);

/// Why a text cannot be a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing but white space.
    #[error("is empty; write at least one character")]
    Empty,
    /// Over [`MemoryText::MAX_BYTES`].
    #[error(
        "is {bytes} bytes long; the most is {} (64 KiB)",
        MemoryText::MAX_BYTES
    )]
    TooLong {
        /// The length that was sent.
        bytes: usize,
    },
    /// A NUL character, which most databases and terminals cut a text at.
    #[error("contains a NUL character")]
    Nul,
}

impl MemoryText {
    /// The most bytes of UTF-8 in one memory: 64 KiB.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Checks the text; it is kept exactly as written.
    pub fn new(text: Plaintext) -> Result<Self, InvalidText> {
        let shown = text.expose();
        if shown.trim().is_empty() {
            Err(InvalidText::Empty)
        } else if shown.len() > Self::MAX_BYTES {
            Err(InvalidText::TooLong { bytes: shown.len() })
        } else if shown.contains('\0') {
            Err(InvalidText::Nul)
        } else {
            Ok(Self(text))
        }
    }

    /// Shows the text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Unwraps the text.
    pub fn into_plaintext(self) -> Plaintext {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), InvalidText> {
        MemoryText::new(Plaintext::new(text.into())).map(|_| ())
    }

    #[test]
    fn one_character_to_64_kib_is_a_memory() {
        assert_eq!(check("a"), Ok(()));
        assert_eq!(check(&"a".repeat(65_536)), Ok(()));
        assert_eq!(
            check(&"a".repeat(65_537)),
            Err(InvalidText::TooLong { bytes: 65_537 })
        );
        assert_eq!(check(""), Err(InvalidText::Empty));
        assert_eq!(check(" \n"), Err(InvalidText::Empty));
        assert_eq!(check("a\0b"), Err(InvalidText::Nul));
    }

    #[test]
    fn debug_does_not_show_the_text() {
        assert_eq!(
            format!("{:?}", Plaintext::new("secret".into())),
            "Plaintext(6 bytes)"
        );
    }
}
