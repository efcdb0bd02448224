//! What can be tuned about the order of hits.
//!
//! The defaults are what the product uses; [`Ranking::set`] is for measuring others.

/// The bound of all settings: they are shares, bonuses, factors and small numbers.
const HIGHEST: f32 = 1_000.0;

/// Declares [`Ranking`] with one documented field per setting, so that a setting
/// cannot be without a name.
macro_rules! settings {
    ($($(#[$doc:meta])+ $name:ident: $default:expr,)+) => {
        /// How much each thing that speaks for a memory counts.
        ///
        /// Every figure was measured: `docs/retrieval.md` says what each one brings.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Ranking {
            $($(#[$doc])+ pub $name: f32,)+
        }

        impl Default for Ranking {
            fn default() -> Self {
                Self::PRODUCT
            }
        }

        impl Ranking {
            /// What the product ranks by.
            pub const PRODUCT: Self = Self { $($name: $default,)+ };

            /// Returns the names that [`Self::set`] knows.
            pub fn names() -> &'static [&'static str] {
                &[$(stringify!($name),)+]
            }

            /// Returns the setting of a name.
            pub fn get(&self, name: &str) -> Option<f32> {
                match name {
                    $(stringify!($name) => Some(self.$name),)+
                    _ => None,
                }
            }

            fn get_mut(&mut self, name: &str) -> Option<&mut f32> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }
        }
    };
}

settings! {
    /// The share of the vectors in the mix, from 0 to 1; the rest is the keywords'.
    ///
    /// Anything from 0.55 to 0.7 measures about the same on conversations.
    dense_weight: 0.65,

    /// The share of the candidates' mean vector that is taken off the query before it is
    /// compared with them, from 0 to 1.
    centring: 0.5,

    /// How many memories make half of that share, thousands all of it: the mean of a
    /// few is more about them than about what all texts have in common.
    centring_prior: 80.0,

    /// The share of what questions in the query's language have in common that is taken
    /// off it besides, from 0 to 1. Of a model of which that is not known, it is taken
    /// off with [`Self::centring`].
    ///
    /// Without it a question finds memories of its own language first, and in another
    /// one those that look like questions. With both at 0.4 to 0.6 and 0.2 to 0.4
    /// conversations measure about the same.
    asking: 0.3,

    /// Words have their full say from this share of the best possible score on.
    ///
    /// A question of ten words that a memory shares one frequent word with would
    /// otherwise lift that memory as high as one that it shares a name with. Measured
    /// on questions in Chinese, where it lifts the mix back to what vectors find alone
    /// (R@1 75 to 95 percent) and costs conversations nothing.
    fair_match: 0.15,

    /// What holding the identifiers of a query (`ABC-1234`) adds to the mix: they are
    /// meant literally, and to a model two codes look alike.
    identifier_bonus: 0.35,

    /// What a memory gains that was written on the days which a query names (`in May`,
    /// `last week`), or that names them itself; less the further away it is.
    date_bonus: 0.4,

    /// After so many days the gain by a date has become less by the factor e. From 2 to
    /// 14 it measures about the same.
    date_fading: 7.0,

    /// What a memory that is itself a question loses: it resembles other questions more
    /// than the texts that answer them do.
    question_penalty: 0.1,

    /// What a short memory gains that begins with a word of the query: often it is said
    /// by whom the question is about, or is about them.
    opening_bonus: 0.07,

    /// What share of its value a memory lends the next one that was written soon after.
    lent_by_previous: 0.05,

    /// What share of its value a memory lends the one that was written shortly before.
    lent_by_next: 0.05,

    /// What a question lends the next memory instead: that is its answer.
    lent_by_question: 0.3,

    /// Memories are neighbours that were written within so many minutes, but not at the
    /// same instant.
    neighbour_minutes: 5.0,

    /// What share of the best value on an occasion all of that occasion gain: what was
    /// written together is about the same. From 0.4 to 1 it measures about the same.
    lent_by_occasion: 0.5,

    /// What all of an occasion gain when they, as one text, hold the words of the query;
    /// less the fewer of them. From 0.1 to 0.15 it measures about the same.
    words_of_occasion: 0.1,

    /// An occasion lasts until nothing is written for so many minutes.
    occasion_minutes: 30.0,

    /// The k₁ of BM25 (Robertson and Zaragoza 2009): how soon repeating a word stops to
    /// count. Memories are short: the usual values for short passages measure better
    /// than those for documents (1.2 and 0.75).
    bm25_k1: 0.9,

    /// The b of BM25, from 0 to 1: how much long texts are held back.
    bm25_b: 0.4,
}

/// Why a setting cannot be what was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RankingError {
    /// There is none of this name.
    #[error("the ranking has no setting {0:?}; it has: {known}", known = Ranking::names().join(", "))]
    Unknown(String),
    /// The value would make no order.
    #[error("a setting of the ranking is a number from 0 to {HIGHEST}, not {0}")]
    OutOfRange(f32),
}

impl Ranking {
    /// Changes the setting of a name.
    pub fn set(&mut self, name: &str, value: f32) -> Result<(), RankingError> {
        let setting = self
            .get_mut(name)
            .ok_or_else(|| RankingError::Unknown(name.to_owned()))?;
        if !(0.0..=HIGHEST).contains(&value) {
            return Err(RankingError::OutOfRange(value));
        }
        *setting = value;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_a_name_by_which_it_is_changed() {
        for name in Ranking::names() {
            let mut ranking = Ranking::default();
            assert_eq!(ranking.set(name, 0.125), Ok(()));
            assert_eq!(ranking.get(name), Some(0.125));
            let changed = |other: &&&str| ranking.get(other) != Ranking::default().get(other);
            assert_eq!(Ranking::names().iter().filter(changed).count(), 1, "{name}");
        }
    }

    #[test]
    fn what_is_no_setting_or_no_number_is_refused() {
        let mut ranking = Ranking::default();
        let unknown = RankingError::Unknown("luck".to_owned());
        assert_eq!(ranking.set("luck", 1.0), Err(unknown));
        for value in [-0.1, 1_001.0, f32::NAN, f32::INFINITY] {
            assert!(ranking.set("dense_weight", value).is_err(), "{value}");
        }
        assert_eq!(ranking, Ranking::default());
    }
}
