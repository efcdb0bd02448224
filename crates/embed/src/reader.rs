//! Reading little-endian files in place: a cursor over sections and arrays of numbers that are
//! decoded when they are looked at. Nothing is copied, so a file inside the executable costs no
//! memory but the pages that are used.

use std::borrow::Cow;
use std::ops::Range;

use crate::Error;

/// Bytes that live in the executable, or that were read from a folder.
pub(crate) type Bytes = Cow<'static, [u8]>;

/// Walks through the sections of one file.
pub(crate) struct Reader<'a> {
    file: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Begins behind the 8 bytes of magic.
    pub(crate) fn open(file: &'static str, bytes: &'a [u8], magic: [u8; 8]) -> Result<Self, Error> {
        if bytes.starts_with(&magic) {
            Ok(Self { file, bytes, at: 8 })
        } else {
            Err(Error::Damaged {
                file,
                what: "it does not begin with the magic of its format",
            })
        }
    }

    /// Passes over `len` bytes and gives where they are.
    pub(crate) fn section(&mut self, len: usize) -> Result<Range<usize>, Error> {
        let end = self
            .at
            .checked_add(len)
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Error::Damaged {
            file: self.file,
            what: "it is too short",
        })?;
        let section = self.at..end;
        self.at = end;
        Ok(section)
    }

    /// Passes over `len` numbers of four bytes.
    pub(crate) fn numbers(&mut self, len: usize) -> Result<Numbers, Error> {
        let bytes = len.saturating_mul(4);
        Ok(Numbers {
            begin: self.section(bytes)?.start,
            len,
        })
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        let section = self.section(4)?;
        Ok(number(self.bytes, section.start))
    }

    pub(crate) fn f32(&mut self) -> Result<f32, Error> {
        self.u32().map(f32::from_bits)
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(Error::Damaged {
                file: self.file,
                what: "it is too long",
            })
        }
    }
}

/// Where an array of `u32` or `f32` lies in its file.
#[derive(Clone, Copy)]
pub(crate) struct Numbers {
    begin: usize,
    pub(crate) len: usize,
}

impl Numbers {
    pub(crate) fn u32(self, file: &[u8], index: usize) -> u32 {
        debug_assert!(index < self.len);
        number(file, self.begin + 4 * index)
    }

    pub(crate) fn f32(self, file: &[u8], index: usize) -> f32 {
        f32::from_bits(self.u32(file, index))
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..at + 4]
        .try_into()
        .expect("a range of four is four bytes");
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_off_is_an_error_and_not_a_panic() {
        let mut reader = Reader::open("f", b"12345678\x01\0\0\0\x02", *b"12345678").expect("magic");
        assert_eq!(reader.u32().expect("four bytes are left"), 1);
        assert!(matches!(
            reader.u32(),
            Err(Error::Damaged {
                what: "it is too short",
                ..
            })
        ));
        assert!(reader.numbers(usize::MAX).is_err());
        assert!(matches!(
            reader.finish(),
            Err(Error::Damaged {
                what: "it is too long",
                ..
            })
        ));
        assert!(Reader::open("f", b"1234", *b"12345678").is_err());
    }
}
