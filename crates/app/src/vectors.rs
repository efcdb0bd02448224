//! How the vectors of one memory are written before they are sealed: a byte that
//! says so, then chunk after chunk in the whole numbers that a search compares,
//! a byte for each dimension. Zeros fill it up to four bytes and one.
//!
//! Rows of earlier versions hold 32-bit floats, little-endian. Their length is a
//! multiple of four, which tells the two apart; they are rounded when they are read.

use picard_search::Codes;

/// In front of whole numbers.
const ROUNDED: u8 = 1;

/// Writes the vectors of a memory's chunks.
pub(crate) fn encode(vectors: &[Vec<f32>]) -> Vec<u8> {
    let dimensions = vectors.first().map_or(0, Vec::len);
    let codes = Codes::of(vectors, dimensions);
    let mut bytes = vec![ROUNDED];
    for row in codes.rows() {
        bytes.extend(row.iter().map(|code| code.cast_unsigned()));
        bytes.resize(1 + (bytes.len() - 1).next_multiple_of(4), 0);
    }
    bytes
}

/// Reads the vectors of a memory's chunks; `None` when they have other dimensions.
pub(crate) fn decode(bytes: &[u8], dimensions: usize) -> Option<Codes> {
    match bytes {
        [ROUNDED, rest @ ..] if rest.len().is_multiple_of(4) => rounded(rest, dimensions),
        floats => exact(floats, dimensions),
    }
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

/// What a sealed vector is bound to: its owner and its memory.
pub(crate) fn bound_to(user: picard_domain::UserId, memory: picard_domain::MemoryId) -> [u8; 32] {
    let mut bound = [0; 32];
    bound[..16].copy_from_slice(user.uuid().as_bytes());
    bound[16..].copy_from_slice(memory.uuid().as_bytes());
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors(dimensions: usize) -> Vec<Vec<f32>> {
        let vector = |n: usize| (0..dimensions).map(|at| (at + n) as f32 - 2.5).collect();
        vec![vector(0), vector(3), vec![0.0; dimensions]]
    }

    #[test]
    fn what_is_written_is_read_as_a_search_compares_it() {
        for dimensions in 1..10 {
            let vectors = vectors(dimensions);
            for vectors in [&vectors[..], &vectors[..1], &[]] {
                let written = encode(vectors);
                let expected = Codes::of(vectors, dimensions);
                let read = decode(&written, dimensions).expect("these dimensions");
                assert!(read.rows().eq(expected.rows()), "{dimensions}");
            }
        }
    }

    #[test]
    fn floats_that_an_earlier_version_wrote_are_read_as_the_same() {
        for dimensions in 1..10 {
            let vectors = vectors(dimensions);
            let floats = vectors.iter().flatten().flat_map(|x| x.to_le_bytes());
            let floats: Vec<u8> = floats.collect();
            let expected = Codes::of(&vectors, dimensions);
            assert_eq!(decode(&floats, dimensions), Some(expected));
        }
    }

    #[test]
    fn vectors_of_other_dimensions_are_none() {
        assert_eq!(decode(&[0; 7], 2), None);
        assert_eq!(decode(&encode(&vectors(8)), 16), None);
        assert_eq!(decode(&encode(&vectors(8)), 0), None);
    }

    #[test]
    fn a_vector_takes_a_byte_for_each_dimension() {
        assert_eq!(encode(&vectors(384)).len(), 1 + 3 * 384);
    }
}
