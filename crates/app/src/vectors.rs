//! How the vectors of one memory are written before they are sealed: 32-bit
//! floats, little-endian, chunk after chunk.

/// Writes the vectors of a memory's chunks.
pub(crate) fn encode(vectors: &[Vec<f32>]) -> Vec<u8> {
    vectors
        .iter()
        .flatten()
        .flat_map(|x| x.to_le_bytes())
        .collect()
}

/// Reads the vectors of a memory's chunks; `None` when they have other dimensions.
pub(crate) fn decode(bytes: &[u8], dimensions: usize) -> Option<Vec<Vec<f32>>> {
    let row = dimensions * size_of::<f32>();
    if row == 0 || !bytes.len().is_multiple_of(row) {
        return None;
    }
    let float = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    Some(
        bytes
            .chunks_exact(row)
            .map(|row| row.chunks_exact(4).map(float).collect())
            .collect(),
    )
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

    #[test]
    fn what_is_written_is_read_again() {
        let vectors = vec![vec![0.5, -1.0], vec![f32::MIN_POSITIVE, 3.25]];
        assert_eq!(decode(&encode(&vectors), 2), Some(vectors));
        assert_eq!(decode(&[0; 7], 2), None);
    }
}
