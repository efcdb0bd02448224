//! An embedder that knows words and no meaning.

use picard_embed::{Embedder, Error, Window};

/// A bag of hashed words in 64 dimensions: texts are close when they share words.
///
/// For tests whose subject is not meaning: it needs no model and takes
/// microseconds. A long text has one vector for each hundred words.
#[derive(Debug, Default)]
pub struct HashEmbedder(());

const DIMENSIONS: usize = 64;
const WINDOW: usize = 100;

impl Embedder for HashEmbedder {
    fn model(&self) -> &'static str {
        "hashed-words-64"
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        let words = words(text);
        Ok(bag(&words
            .iter()
            .map(|word| token(word))
            .collect::<Vec<_>>()))
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        Ok(question.len())
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        let words = words(text);
        let windows = words.chunks(WINDOW);
        Ok(windows
            .map(|words| Window::new(words.iter().map(|word| token(word)).collect()))
            .collect())
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        Ok(bag(window.tokens()))
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn bag(tokens: &[u32]) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    for token in tokens {
        let sign = if token >> 31 == 0 { 1.0 } else { -1.0 };
        vector[*token as usize % DIMENSIONS] += sign;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for x in &mut vector {
            *x /= length;
        }
    }
    vector
}

/// A dimension in the lowest bits, and a sign in the highest.
fn token(word: &str) -> u32 {
    let hash = fnv1a(word);
    ((hash >> 63 << 31) | (hash % DIMENSIONS as u64)) as u32
}

/// FNV-1a with a last mixing step: the same in every build, unlike the hasher of
/// the standard library.
fn fnv1a(word: &str) -> u64 {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(query: &str, passage: &str) -> f32 {
        let query = HashEmbedder(())
            .embed_query(query)
            .expect("any text has a vector");
        let passage = HashEmbedder(())
            .embed_passage(passage)
            .expect("any text has a vector");
        query.iter().zip(&passage[0]).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_are_close_when_they_share_words() {
        assert!((likeness("Earl Grey, hot", "hot earl grey") - 1.0).abs() < 1e-6);
        assert!(likeness("earl grey", "tea: earl grey, hot") > likeness("earl grey", "warp core"));
    }

    #[test]
    fn a_long_text_has_several_vectors_and_no_text_none() {
        let count = |text: &str| HashEmbedder(()).embed_passage(text).expect("vectors").len();
        assert_eq!(count(""), 0);
        assert_eq!(count(&"word ".repeat(250)), 3);
    }
}
