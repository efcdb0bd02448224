//! What is stored of a memory so that it is found: its vectors and the analysis of its
//! text, in one value that is sealed before it leaves the process.
//!
//! A byte that says so, the length of the analysis (`u32`, little-endian), the analysis,
//! then chunk after chunk in the whole numbers that a search compares, a byte for each
//! dimension. Zeros fill up the analysis and each chunk to four bytes.
//!
//! Earlier versions wrote vectors alone: whole numbers behind another byte, and before
//! that 32-bit floats, little-endian, which are rounded when they are read. The length
//! of those is a multiple of four, which tells them from the others.

use zeroize::Zeroizing;

use crate::{Analysis, Codes};

/// In front of whole numbers alone.
const ROUNDED: u8 = 1;
/// In front of an analysis.
const ANALYSED: u8 = 2;

/// What was stored of a memory so that it is found.
#[derive(Debug, Default, PartialEq)]
pub struct Stored<'a> {
    /// Its vectors; `None` when they have other dimensions.
    pub codes: Option<Codes>,
    /// The bytes of its [`Analysis`], if there are any.
    pub analysis: Option<&'a [u8]>,
}

impl<'a> Stored<'a> {
    /// Writes the vectors of a memory's chunks and the analysis of its text.
    pub fn write(vectors: &[Vec<f32>], analysis: &Analysis) -> Zeroizing<Vec<u8>> {
        let dimensions = vectors.first().map_or(0, Vec::len);
        let codes = Codes::of(vectors, dimensions);
        let analysis = analysis.as_bytes();
        let row = dimensions.next_multiple_of(4);
        // A vector that grows leaves a copy behind.
        let length = 5 + analysis.len().next_multiple_of(4) + codes.rows().len() * row;
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.push(ANALYSED);
        bytes.extend((analysis.len() as u32).to_le_bytes());
        bytes.extend(analysis);
        fill_up(&mut bytes);
        for row in codes.rows() {
            bytes.extend(row.iter().map(|code| code.cast_unsigned()));
            fill_up(&mut bytes);
        }
        bytes
    }

    /// Reads what was stored, with vectors of so many dimensions.
    pub fn read(bytes: &'a [u8], dimensions: usize) -> Self {
        match bytes {
            [ANALYSED, rest @ ..] if rest.len().is_multiple_of(4) => {
                Self::analysed(rest, dimensions).unwrap_or_default()
            }
            [ROUNDED, rest @ ..] if rest.len().is_multiple_of(4) => Self {
                codes: rounded(rest, dimensions),
                analysis: None,
            },
            floats => Self {
                codes: exact(floats, dimensions),
                analysis: None,
            },
        }
    }

    fn analysed(mut bytes: &'a [u8], dimensions: usize) -> Option<Self> {
        let length = bytes.split_off(..4)?.try_into().ok()?;
        let length = u32::from_le_bytes(length) as usize;
        let analysis = bytes.split_off(..length.next_multiple_of(4))?;
        Some(Self {
            codes: rounded(bytes, dimensions),
            analysis: Some(&analysis[..length]),
        })
    }
}

/// Fills up to four bytes and one.
fn fill_up(bytes: &mut Vec<u8>) {
    bytes.resize(1 + (bytes.len() - 1).next_multiple_of(4), 0);
}

fn rounded(bytes: &[u8], dimensions: usize) -> Option<Codes> {
    let row = dimensions.next_multiple_of(4);
    if row == 0 || !bytes.len().is_multiple_of(row) {
        return None;
    }
    let mut codes = Vec::with_capacity(bytes.len() / row * dimensions);
    for row in bytes.chunks_exact(row) {
        codes.extend(row[..dimensions].iter().map(|code| code.cast_signed()));
    }
    Some(Codes::from_rounded(codes, dimensions))
}

fn exact(bytes: &[u8], dimensions: usize) -> Option<Codes> {
    let row = dimensions * size_of::<f32>();
    if row == 0 || !bytes.len().is_multiple_of(row) {
        return None;
    }
    let float = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    let vectors: Vec<Vec<f32>> = bytes
        .chunks_exact(row)
        .map(|row| row.chunks_exact(4).map(float).collect())
        .collect();
    Some(Codes::of(&vectors, dimensions))
}

#[cfg(test)]
mod tests {
    use picard_domain::Instant;
    use proptest::prelude::*;

    use super::*;

    fn vectors(dimensions: usize) -> Vec<Vec<f32>> {
        let vector = |n: usize| (0..dimensions).map(|at| (at + n) as f32 - 2.5).collect();
        vec![vector(0), vector(3), vec![0.0; dimensions]]
    }

    #[test]
    fn what_is_written_is_read_as_a_search_compares_it() {
        for text in ["", "tea", "Tea, Earl Grey, hot.", "I met Q on 7 May 2023."] {
            let analysis = Analysis::of(text, Instant::from_micros(0));
            for dimensions in 1..10 {
                let vectors = vectors(dimensions);
                for vectors in [&vectors[..], &vectors[..1], &[]] {
                    let written = Stored::write(vectors, &analysis);
                    let read = Stored::read(&written, dimensions);
                    let codes = read.codes.expect("these dimensions");
                    assert!(codes.rows().eq(Codes::of(vectors, dimensions).rows()));
                    assert_eq!(read.analysis, Some(analysis.as_bytes()));
                }
            }
        }
    }

    #[test]
    fn vectors_that_earlier_versions_wrote_are_read_as_the_same() {
        for dimensions in 1..10 {
            let vectors = vectors(dimensions);
            let codes = Codes::of(&vectors, dimensions);
            let floats = vectors.iter().flatten().flat_map(|x| x.to_le_bytes());
            let floats: Vec<u8> = floats.collect();
            let mut whole = vec![ROUNDED];
            for row in codes.rows() {
                whole.extend(row.iter().map(|code| code.cast_unsigned()));
                fill_up(&mut whole);
            }
            for bytes in [floats, whole] {
                let read = Stored::read(&bytes, dimensions);
                assert_eq!((read.codes, read.analysis), (Some(codes.clone()), None));
            }
        }
    }

    #[test]
    fn vectors_of_other_dimensions_are_none_and_the_words_are_there() {
        let analysis = Analysis::of("tea", Instant::from_micros(0));
        let written = Stored::write(&vectors(8), &analysis);
        for dimensions in [0, 16] {
            let read = Stored::read(&written, dimensions);
            assert_eq!(read.codes, None);
            assert_eq!(read.analysis, Some(analysis.as_bytes()));
        }
    }

    #[test]
    fn a_vector_takes_a_byte_for_each_dimension() {
        let analysis = Analysis::of("", Instant::from_micros(0));
        let none = Stored::write(&[], &analysis).len();
        assert_eq!(
            Stored::write(&vectors(384), &analysis).len(),
            none + 3 * 384
        );
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_is_a_reason_to_panic(bytes: Vec<u8>, dimensions in 0..9_usize) {
            Stored::read(&bytes, dimensions);
        }
    }
}
