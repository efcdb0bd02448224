//! The token table: one row of 384 weights for each of 250,002 tokens, four bits a weight.
//!
//! It stays out of the encoder's graph because only the rows of a text are ever needed: in the
//! graph it would be 380 MB of f32. The format is `Q4_0` in two files (`scripts/model/build.py`): a
//! block of 32 weights is 16 bytes in the one, where byte `j` holds weight `j` in its low half and
//! weight `j + 16` in its high half, and an f16 scale in the other; a weight is
//! `(half byte - 8) * scale`.

use crate::Error;
use crate::e5::files;
use crate::reader::{Bytes, Reader};

const BLOCK: usize = 32;

pub(crate) struct TokenTable {
    nibbles: Bytes,
    scales: Bytes,
    rows: usize,
    columns: usize,
}

/// Magic, rows, columns.
const HEADER: usize = 16;

impl TokenTable {
    pub(crate) fn new(nibbles: Bytes, scales: Bytes) -> Result<Self, Error> {
        let (rows, columns) = sizes(files::TOKENS, &nibbles, *b"PICTOKQ4", BLOCK / 2)?;
        if sizes(files::SCALES, &scales, *b"PICTOKSC", 2)? != (rows, columns) {
            let what = "it belongs to another token table";
            return Err(Error::Damaged {
                file: files::SCALES,
                what,
            });
        }
        Ok(Self {
            nibbles,
            scales,
            rows,
            columns,
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Appends the weights of a token. The id must be below [`Self::rows`].
    pub(crate) fn push_row(&self, id: u32, out: &mut Vec<f32>) {
        let blocks = self.columns / BLOCK;
        let row = id as usize * blocks;
        let nibbles = self.nibbles[HEADER..][row * BLOCK / 2..].chunks_exact(BLOCK / 2);
        let scales = self.scales[HEADER..][row * 2..].chunks_exact(2);
        for (nibbles, scale) in nibbles.zip(scales).take(blocks) {
            let scale = f32_from_f16(u16::from_le_bytes([scale[0], scale[1]]));
            let weight = |nibble: u8| (f32::from(nibble) - 8.0) * scale;
            out.extend(nibbles.iter().map(|byte| weight(byte & 15)));
            out.extend(nibbles.iter().map(|byte| weight(byte >> 4)));
        }
    }
}

/// Reads the header and checks the length; `block_bytes` is what a block takes in this file.
fn sizes(
    file: &'static str,
    bytes: &[u8],
    magic: [u8; 8],
    block_bytes: usize,
) -> Result<(usize, usize), Error> {
    let mut reader = Reader::open(file, bytes, magic)?;
    let (rows, columns) = (reader.u32()? as usize, reader.u32()? as usize);
    if columns == 0 || columns % BLOCK != 0 {
        return Err(Error::Damaged {
            file,
            what: "a row is not a whole number of blocks",
        });
    }
    reader.section(
        rows.saturating_mul(columns / BLOCK)
            .saturating_mul(block_bytes),
    )?;
    reader.finish()?;
    Ok((rows, columns))
}

/// Decodes IEEE 754 half precision (scales are finite, so infinities may become large numbers).
fn f32_from_f16(half: u16) -> f32 {
    let (sign, magnitude) = (u32::from(half >> 15) << 31, u32::from(half & 0x7fff));
    // Shifted into place the exponent is too small by 127 - 15; a multiplication puts that right,
    // for subnormal numbers too.
    let value = f32::from_bits(magnitude << 13) * f32::from_bits((127 + 127 - 15) << 23);
    f32::from_bits(value.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_decoded_exactly() {
        for (half, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x8400, -6.103_515_6e-5),
            (0x2e66, 0.099_975_586),
        ] {
            assert_eq!(
                f32_from_f16(half).to_bits(),
                f32::to_bits(value),
                "{half:#06x}"
            );
        }
    }

    #[test]
    fn a_block_keeps_its_low_halves_before_its_high_halves() {
        let header = [1u32.to_le_bytes(), 32u32.to_le_bytes()].concat();
        let nibbles: Vec<u8> = (0..16).map(|low| low | (15 - low) << 4).collect();
        let tokens = [b"PICTOKQ4".as_slice(), &header, &nibbles].concat();
        let scales = [b"PICTOKSC".as_slice(), &header, &0x3c00u16.to_le_bytes()].concat();
        let table = TokenTable::new(tokens.into(), scales.clone().into()).expect("a small table");
        let mut row = Vec::new();
        table.push_row(0, &mut row);
        let expected: Vec<f32> = (-8i8..8).chain((-8..8).rev()).map(f32::from).collect();
        assert_eq!(row, expected);
        assert!(
            TokenTable::new(scales.clone().into(), scales.into()).is_err(),
            "wrong magic"
        );
    }
}
