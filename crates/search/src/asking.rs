//! What questions of a language have in common.
//!
//! Two questions of one language resemble each other more than a question resembles
//! its answer in another one. So a question is close to memories of its own language,
//! and to those that happen to look like questions, whatever they are about. What is
//! about its language and not about its subject is the mean of many questions of that
//! language, so a share of that mean is taken off it. Which language a question is in,
//! its vector tells: the mean that is closest to it.

use std::sync::{Arc, LazyLock};

/// The mean of the vectors of some questions, for each of several languages.
pub(crate) struct Asking {
    means: Vec<Vec<f32>>,
}

/// The means of multilingual-e5-small, in steps of 10⁻³: of the questions in
/// `asking/questions.txt`, sixteen for each of fifteen languages, in their order.
const E5: &[u8] = include_bytes!("asking/e5.i8");

/// How long the vectors of that model are.
const DIMENSIONS: usize = 384;

impl Asking {
    pub(crate) fn new(means: Vec<Vec<f32>>) -> Self {
        Self { means }
    }

    /// Returns that of multilingual-e5-small.
    pub(crate) fn e5() -> Arc<Self> {
        static OF_E5: LazyLock<Arc<Asking>> = LazyLock::new(|| {
            let step = |code: &u8| f32::from(code.cast_signed()) * 1e-3;
            let means = E5.chunks(DIMENSIONS);
            Arc::new(Asking::new(
                means
                    .map(|codes| codes.iter().map(step).collect())
                    .collect(),
            ))
        });
        OF_E5.clone()
    }

    /// Returns what the questions of a question's language have in common.
    pub(crate) fn alike(&self, question: &[f32]) -> Option<&[f32]> {
        let fitting = self
            .means
            .iter()
            .filter(|mean| mean.len() == question.len());
        let cosine = |mean: &[f32]| dot(mean, question) / dot(mean, mean).sqrt();
        fitting
            .map(|mean| (cosine(mean), &mean[..]))
            .reduce(|best, other| if other.0 > best.0 { other } else { best })
            .map(|(_, mean)| mean)
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_a_question_is_the_one_whose_questions_it_resembles_most() {
        let asking = Asking::new(vec![vec![0.9, 0.1], vec![0.2, 0.3]]);
        assert_eq!(asking.alike(&[1.0, 0.3]), Some(&[0.9, 0.1][..]));
        assert_eq!(asking.alike(&[0.6, 0.8]), Some(&[0.2, 0.3][..]));
    }

    #[test]
    fn vectors_of_another_model_have_no_language() {
        assert_eq!(Asking::new(vec![vec![1.0; 3]]).alike(&[1.0; 2]), None);
        assert_eq!(Asking::new(Vec::new()).alike(&[1.0; 2]), None);
    }

    #[test]
    fn what_e5_has_in_common_is_most_of_a_vector_and_different_for_each_language() {
        let asking = Asking::e5();
        let questions = include_str!("asking/questions.txt");
        assert_eq!(asking.means.len(), questions.split("\n\n").count());
        for mean in &asking.means {
            assert_eq!(mean.len(), DIMENSIONS);
            assert!((0.85..0.95).contains(&dot(mean, mean).sqrt()));
            assert_eq!(asking.alike(mean), Some(&mean[..]));
        }
    }
}
