//! Settings that are tried: named values, grids of them, and what a choice brings on
//! conversations that it was not made on.

use std::{fmt, str::FromStr};

use picard_search::{Ranking, RankingError};
use serde::{Serialize, Serializer};

use crate::{
    Measure, Run,
    metrics::{Scores, round},
    report::in_order,
};

/// A setting of the ranking with the value that it is to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name, one of [`Ranking::names`].
    pub name: String,
    /// The value.
    pub value: f32,
}

/// A setting with the values that are tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Tries {
    /// Its name.
    pub name: String,
    /// The values.
    pub values: Vec<f32>,
}

/// Settings that differ from those of the product.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings(pub Vec<Setting>);

/// A text that is no setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// It is not of the form `name=value`.
    #[error("is not of the form name=value with a number")]
    Form,
    /// It has no values to try.
    #[error("is not of the form name=value,value with numbers")]
    Values,
}

impl FromStr for Setting {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let (name, value) = text.split_once('=').ok_or(InvalidSetting::Form)?;
        Ok(Self {
            name: name.trim().to_owned(),
            value: value.trim().parse().map_err(|_| InvalidSetting::Form)?,
        })
    }
}

impl FromStr for Tries {
    type Err = InvalidSetting;

    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        let (name, values) = text.split_once('=').ok_or(InvalidSetting::Values)?;
        let values = values.split(',').map(|value| value.trim().parse());
        Ok(Self {
            name: name.trim().to_owned(),
            values: values
                .collect::<Result<_, _>>()
                .map_err(|_| InvalidSetting::Values)?,
        })
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("those of the product");
        }
        for (at, Setting { name, value }) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value}")?;
        }
        Ok(())
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As it was written: 0.6, not what is nearest to it in 64 bits.
        let exact = |value: f32| value.to_string().parse::<f64>().unwrap_or_default();
        in_order(
            self.0.iter().map(|set| (&set.name, exact(set.value))),
            serializer,
        )
    }
}

impl Settings {
    /// Returns these settings with others in addition, or in their place.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        let mut all = self.0.clone();
        all.retain(|set| others.0.iter().all(|other| other.name != set.name));
        all.extend(others.0.iter().cloned());
        Self(all)
    }

    /// Returns the product's ranking with these settings.
    pub fn ranking(&self) -> Result<Ranking, RankingError> {
        let mut ranking = Ranking::default();
        for Setting { name, value } in &self.0 {
            ranking.set(name, *value)?;
        }
        Ok(ranking)
    }
}

/// Returns every combination of the values.
pub fn grid(tries: &[Tries]) -> Vec<Settings> {
    let mut all = vec![Settings::default()];
    for Tries { name, values } in tries {
        let with = |settings: &Settings, value: f32| {
            let mut settings = settings.clone();
            let name = name.clone();
            settings.0.push(Setting { name, value });
            settings
        };
        all = all
            .iter()
            .flat_map(|settings| values.iter().map(move |value| with(settings, *value)))
            .collect();
    }
    all
}

/// What was chosen without looking at each conversation, and what it brought there.
#[derive(Debug, Clone, PartialEq)]
pub struct LeftOut {
    /// Which run was best on all other conversations, by conversation.
    pub chosen: Vec<usize>,
    /// Which run is best on all of them.
    pub best: usize,
    /// The answers of each conversation by the run chosen for it.
    pub run: Run,
}

/// What a choice is made by: recall at 5 and mean reciprocal rank, averaged over the measures.
fn worth(run: &Run, counts: impl Fn(usize) -> bool) -> f64 {
    let of_one = |scores: &Scores| f64::midpoint(scores.recall[1], scores.reciprocal_rank);
    let mut total = 0.0;
    for measured in &run.measured {
        let answers = measured.answers.iter();
        let counted = answers.filter(|answer| counts(answer.conversation));
        let worths: Vec<f64> = counted
            .filter_map(|answer| answer.scores.as_ref().map(of_one))
            .collect();
        total += worths.iter().sum::<f64>() / worths.len().max(1) as f64;
    }
    total
}

/// Leaves out one conversation after the other: for each, the run that is best on the others
/// answers its questions. Of equal ones the first is taken.
pub fn leave_one_out(runs: &[Run], conversations: usize) -> LeftOut {
    let best_where = |counts: &dyn Fn(usize) -> bool| {
        let mut best = (0, f64::NEG_INFINITY);
        for (at, run) in runs.iter().enumerate() {
            let worth = worth(run, counts);
            if worth > best.1 + 1e-12 {
                best = (at, worth);
            }
        }
        best.0
    };
    let chosen: Vec<usize> = (0..conversations)
        .map(|left_out| best_where(&|conversation| conversation != left_out))
        .collect();
    let mut run = runs[0].clone();
    for (at, measured) in run.measured.iter_mut().enumerate() {
        for (number, answer) in measured.answers.iter_mut().enumerate() {
            let run = &runs[chosen[answer.conversation]];
            *answer = run.measured[at].answers[number].clone();
        }
    }
    LeftOut {
        chosen,
        best: best_where(&|_| true),
        run,
    }
}

/// Returns the differences, question by question, of what both runs scored.
pub fn differences(run: &Run, base: &Run) -> Vec<(Measure, Vec<[f64; 5]>)> {
    let pairs = run.measured.iter().zip(&base.measured);
    pairs
        .map(|(new, old)| {
            let rows = new.answers.iter().zip(&old.answers);
            let rows = rows.filter_map(|(new, old)| {
                let (new, old) = (new.scores?.figures(), old.scores?.figures());
                Some(std::array::from_fn(|at| new[at] - old[at]))
            });
            (new.measure, rows.collect())
        })
        .collect()
}

/// Returns what runs are chosen by, in percent.
pub fn objective(run: &Run) -> f64 {
    round(100.0 * worth(run, |_| true) / run.measured.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Measured};

    /// A run with one question for each conversation, answered at these ranks.
    fn run(ranks: &[usize]) -> Run {
        let answers = ranks.iter().enumerate().map(|(conversation, rank)| {
            let ranked: Vec<usize> = (1..=20).collect();
            Answer {
                conversation,
                category: None,
                scores: Some(Scores::of(&ranked, &[*rank].into())),
                hits: 10,
                top: None,
                took: None,
            }
        });
        Run {
            measured: vec![Measured {
                measure: Measure::Turns,
                answers: answers.collect(),
            }],
        }
    }

    #[test]
    fn a_conversation_has_no_say_in_what_is_chosen_for_it() {
        // The second run is better by what it does to the first conversation alone.
        let runs = [run(&[9, 2, 2]), run(&[1, 3, 3])];
        let left_out = leave_one_out(&runs, 3);
        assert_eq!(left_out.best, 1);
        assert_eq!(left_out.chosen, [0, 1, 1]);
        assert_eq!(left_out.run, run(&[9, 3, 3]));
    }

    #[test]
    fn of_equal_runs_the_first_is_taken() {
        let left_out = leave_one_out(&[run(&[2, 2]), run(&[2, 2])], 2);
        assert_eq!((left_out.best, left_out.chosen), (0, vec![0, 0]));
    }

    #[test]
    fn a_grid_is_every_combination() {
        let tries = ["dense_weight=0.5,0.6", "bm25_b=0,1"].map(|text| text.parse().expect("tries"));
        let all: Vec<String> = grid(&tries).iter().map(ToString::to_string).collect();
        let expected = [
            "dense_weight=0.5, bm25_b=0",
            "dense_weight=0.5, bm25_b=1",
            "dense_weight=0.6, bm25_b=0",
            "dense_weight=0.6, bm25_b=1",
        ];
        assert_eq!(all, expected);
        assert_eq!(grid(&[]), [Settings::default()]);
    }

    #[test]
    fn settings_are_read_and_later_ones_take_the_place_of_earlier_ones() {
        let set = |text: &str| Settings(vec![text.parse().expect("a setting")]);
        let both = set("dense_weight=0.5").and(&set("dense_weight = 0.75"));
        assert_eq!(both.to_string(), "dense_weight=0.75");
        assert_eq!(both.ranking().map(|ranking| ranking.dense_weight), Ok(0.75));
        assert_eq!(
            serde_json::to_string(&set("bm25_b=0.6")).expect("JSON"),
            r#"{"bm25_b":0.6}"#
        );
        assert!(set("luck=1").ranking().is_err());
        for wrong in ["dense_weight", "dense_weight=", "dense_weight=much"] {
            assert_eq!(
                wrong.parse::<Setting>(),
                Err(InvalidSetting::Form),
                "{wrong}"
            );
            assert_eq!(
                wrong.parse::<Tries>(),
                Err(InvalidSetting::Values),
                "{wrong}"
            );
        }
    }
}
