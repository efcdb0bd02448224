//! Arithmetic on single vectors.

/// Scales a vector to length 1. A vector of zeros stays as it is: it is like nothing.
pub(crate) fn normalise(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 && length.is_finite() {
        for x in &mut vector {
            *x /= length;
        }
    } else {
        vector.fill(0.0);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_has_length_one_or_none() {
        assert_eq!(normalise(vec![3.0, -4.0]), [0.6, -0.8]);
        assert_eq!(normalise(vec![0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(normalise(vec![f32::NAN, 1.0]), [0.0, 0.0]);
    }
}
