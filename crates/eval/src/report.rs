//! What is told of runs: averages by measure and category, latencies, differences.

use std::{collections::BTreeMap, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    Answer, Measure, Measured, Run,
    bootstrap::{self, Difference},
    metrics::{Figures, HitRate, NAMES, round},
    tuning::{LeftOut, Settings, differences, objective},
};

/// Separates the languages in the category of a question about memories in another one.
const ACROSS: &str = "→";

/// All that is told. As JSON the figures of each measure stand at the top, by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How the first run was configured.
    pub settings: Settings,
    /// What was measured in it, in the order of the report.
    pub measures: Vec<Summary>,
    /// How another configuration differs from it.
    pub comparison: Option<Comparison>,
    /// What choosing settings brings.
    pub tuning: Option<Tuning>,
}

/// One measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Which.
    pub measure: Measure,
    /// The averages over all questions with an answer.
    pub figures: Figures,
    /// And what else there is to tell.
    pub details: Details,
}

/// What stands beside the figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Details {
    /// Questions with an answer.
    pub questions: usize,
    /// In how many of them anything relevant is found, in percent.
    #[serde(flatten)]
    pub hit_rate: HitRate,
    /// How long answers take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// The same by the questions' kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub categories: BTreeMap<String, Category>,
    /// What comes back when there is an answer.
    pub answerable: Returned,
    /// What comes back when there is none; the less, the better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswerable: Option<Returned>,
}

/// One kind of question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Category {
    /// How many there are.
    pub questions: usize,
    /// The averages over them.
    #[serde(flatten)]
    pub figures: Figures,
    /// In how many of them anything relevant is found, in percent.
    #[serde(flatten)]
    pub hit_rate: HitRate,
}

/// Latencies in milliseconds, by nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// What 99 of 100 do not exceed.
    pub p99: f64,
}

/// What questions give back, whether it answers them or not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Returned {
    /// Questions.
    pub questions: usize,
    /// Hits of the usual 10, on average.
    pub hits: f64,
    /// The median of the first hit's score, from 0 to 1.
    pub top_score: f64,
}

/// How a configuration differs from the first one.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The configuration.
    pub settings: Settings,
    /// What the resampling began with.
    pub seed: u64,
    /// Its figures and how they differ, by measure.
    pub measures: Vec<(Measure, Figures, [Difference; 5])>,
}

/// What choosing settings brings on conversations that had no say in the choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// Every combination that was tried, with what it is chosen by: the mean of R@5 and MRR
    /// over the measures, on all conversations, in percent.
    pub tried: Vec<(Settings, f64)>,
    /// What was chosen for each conversation, by its name.
    pub folds: Vec<(String, Settings)>,
    /// What is best on all conversations.
    pub chosen_on_all: Settings,
    /// The figures of the conversations with what was chosen for them on the others.
    pub held_out: Comparison,
}

impl Report {
    /// Summarises the first run.
    pub fn new(settings: Settings, run: &Run) -> Self {
        Self {
            settings,
            measures: run.measured.iter().map(summary).collect(),
            comparison: None,
            tuning: None,
        }
    }
}

impl Comparison {
    /// Compares a run with the first one.
    pub fn new(settings: Settings, run: &Run, base: &Run, seed: u64) -> Self {
        let rows = differences(run, base).into_iter().zip(&run.measured);
        let measures = rows.map(|((measure, rows), measured)| {
            (
                measure,
                figures(&measured.answers),
                bootstrap::compare(&rows, seed),
            )
        });
        Self {
            settings,
            seed,
            measures: measures.collect(),
        }
    }
}

impl Tuning {
    /// Tells what choosing among runs brings against the first one.
    pub fn new(
        tried: &[Settings],
        runs: &[Run],
        conversations: &[String],
        base: &Run,
        seed: u64,
    ) -> Self {
        let LeftOut { chosen, best, run } = crate::tuning::leave_one_out(runs, conversations.len());
        let folds = conversations.iter().zip(&chosen);
        Self {
            tried: tried
                .iter()
                .cloned()
                .zip(runs.iter().map(objective))
                .collect(),
            folds: folds
                .map(|(name, at)| (name.clone(), tried[*at].clone()))
                .collect(),
            chosen_on_all: tried[best].clone(),
            held_out: Comparison::new(Settings::default(), &run, base, seed),
        }
    }
}

fn figures(answers: &[Answer]) -> Figures {
    Figures::mean(answers.iter().filter_map(|answer| answer.scores.as_ref()))
}

fn summary(measured: &Measured) -> Summary {
    let answers = &measured.answers;
    let mut kinds: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| answer.scores.is_some()) {
        if let Some(category) = &answer.category {
            kinds
                .entry(category.to_string())
                .or_default()
                .push(answer.clone());
        }
    }
    let categories = kinds.into_iter().map(|(name, answers)| {
        let category = Category {
            questions: answers.len(),
            figures: figures(&answers),
            hit_rate: hit_rate(&answers),
        };
        (name, category)
    });
    let with = |answered: bool| {
        let some = answers
            .iter()
            .filter(move |answer| answer.scores.is_some() == answered);
        returned(some)
    };
    let none = with(false);
    Summary {
        measure: measured.measure,
        figures: figures(answers),
        details: Details {
            questions: answers
                .iter()
                .filter(|answer| answer.scores.is_some())
                .count(),
            hit_rate: hit_rate(answers),
            latency_ms: latency(answers),
            categories: categories.collect(),
            answerable: with(true),
            unanswerable: (none.questions > 0).then_some(none),
        },
    }
}

fn hit_rate(answers: &[Answer]) -> HitRate {
    HitRate::mean(answers.iter().filter_map(|answer| answer.scores.as_ref()))
}

fn returned<'a>(answers: impl Iterator<Item = &'a Answer>) -> Returned {
    let (mut questions, mut hits, mut tops) = (0, 0, Vec::new());
    for answer in answers {
        questions += 1;
        hits += answer.hits;
        tops.push(f64::from(answer.top.unwrap_or(0.0)));
    }
    tops.sort_by(f64::total_cmp);
    Returned {
        questions,
        hits: round(hits as f64 / questions.max(1) as f64),
        top_score: round(quantile(&tops, 0.5).unwrap_or(0.0)),
    }
}

fn latency(answers: &[Answer]) -> Option<Latency> {
    let took = answers.iter().filter_map(|answer| answer.took);
    let mut millis: Vec<f64> = took
        .map(|took: Duration| took.as_secs_f64() * 1e3)
        .collect();
    millis.sort_by(f64::total_cmp);
    Some(Latency {
        p50: round(quantile(&millis, 0.5)?),
        p99: round(quantile(&millis, 0.99)?),
    })
}

/// The value that this share of the sorted ones does not exceed.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

impl Summary {
    /// Returns the share of questions answered at rank 1, in percent, by language: first
    /// those about memories in their own language, then those about English ones.
    pub fn languages(&self) -> [BTreeMap<&str, f64>; 2] {
        let (mut own, mut cross) = (BTreeMap::new(), BTreeMap::new());
        for (name, category) in &self.details.categories {
            match name.split_once(ACROSS) {
                Some((from, _)) => cross.insert(from, category.figures.r1),
                None => own.insert(name.as_str(), category.figures.r1),
            };
        }
        [own, cross]
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for summary in &self.measures {
            let name = summary.measure.name();
            if summary.measure == Measure::Multilingual {
                let [own, cross] = summary.languages();
                map.serialize_entry(name, &InOrder(vec![("own", own), ("cross", cross)]))?;
            } else {
                map.serialize_entry(name, &summary.figures)?;
            }
        }
        let details = self
            .measures
            .iter()
            .map(|of| (of.measure.name(), &of.details));
        map.serialize_entry("details", &InOrder(details.collect()))?;
        map.serialize_entry("settings", &self.settings)?;
        if let Some(comparison) = &self.comparison {
            map.serialize_entry("comparison", comparison)?;
        }
        if let Some(tuning) = &self.tuning {
            map.serialize_entry("tuning", tuning)?;
        }
        map.end()
    }
}

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("settings", &self.settings)?;
        map.serialize_entry("seed", &self.seed)?;
        for (measure, figures, differences) in &self.measures {
            let by_name = NAMES.into_iter().zip(differences).collect();
            let both = Both {
                figures,
                differences: InOrder(by_name),
            };
            map.serialize_entry(measure.name(), &both)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Both<'a> {
    #[serde(flatten)]
    figures: &'a Figures,
    differences: InOrder<&'static str, &'a Difference>,
}

impl Serialize for Tuning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Try<'a> {
            settings: &'a Settings,
            objective: f64,
        }
        let tries = self.tried.iter().map(|(settings, objective)| Try {
            settings,
            objective: *objective,
        });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tried", &tries.collect::<Vec<_>>())?;
        let folds = self.folds.iter().map(|(name, settings)| (name, settings));
        map.serialize_entry("folds", &InOrder(folds.collect()))?;
        map.serialize_entry("chosen_on_all", &self.chosen_on_all)?;
        map.serialize_entry("held_out", &self.held_out)?;
        map.end()
    }
}

/// A map whose entries are written in their order.
struct InOrder<K, V>(Vec<(K, V)>);

impl<K: Serialize, V: Serialize> Serialize for InOrder<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        in_order(self.0.iter().map(|(name, value)| (name, value)), serializer)
    }
}

/// Writes entries as a map, in their order.
pub(crate) fn in_order<K: Serialize, V: Serialize, S: Serializer>(
    entries: impl Iterator<Item = (K, V)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in entries {
        map.serialize_entry(&name, &value)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::Scores;

    fn answer(category: &str, rank: Option<usize>, millis: u64) -> Answer {
        let ranked: Vec<usize> = (1..=20).collect();
        Answer {
            conversation: 0,
            category: Some(Arc::from(category)),
            scores: rank.map(|rank| Scores::of(&ranked, &[rank].into())),
            hits: if rank.is_some() { 10 } else { 4 },
            top: Some(if rank.is_some() { 0.75 } else { 0.25 }),
            took: Some(Duration::from_millis(millis)),
        }
    }

    fn run(answers: Vec<Answer>) -> Run {
        let measure = Measure::Turns;
        Run {
            measured: vec![Measured { measure, answers }],
        }
    }

    #[test]
    fn questions_without_an_answer_are_told_apart() {
        let answers = vec![
            answer("1", Some(1), 2),
            answer("4", Some(2), 4),
            answer("5", None, 6),
        ];
        let report = Report::new(Settings::default(), &run(answers));
        let json = serde_json::to_value(&report).expect("JSON");
        let expected = serde_json::json!({"R@1": 50.0, "R@5": 100.0, "R@10": 100.0, "MRR": 75.0, "nDCG@10": 81.55});
        assert_eq!(json["turns"], expected);
        let details = &json["details"]["turns"];
        assert_eq!(details["questions"], 2);
        assert_eq!(details["Hit@1"], 50.0);
        assert_eq!(
            details["latency_ms"],
            serde_json::json!({"p50": 4.0, "p99": 6.0})
        );
        assert_eq!(details["categories"]["4"]["MRR"], 50.0);
        assert_eq!(details["categories"].get("5"), None);
        let none = serde_json::json!({"questions": 1, "hits": 4.0, "top_score": 0.25});
        assert_eq!(details["unanswerable"], none);
        assert_eq!(details["answerable"]["top_score"], 0.75);
    }

    #[test]
    fn languages_are_told_by_their_own_and_across() {
        let answers = vec![
            answer("de", Some(1), 1),
            answer("de", Some(2), 1),
            answer("de→en", Some(1), 1),
        ];
        let mut run = run(answers);
        run.measured[0].measure = Measure::Multilingual;
        let json = serde_json::to_value(Report::new(Settings::default(), &run)).expect("JSON");
        let expected = serde_json::json!({"own": {"de": 50.0}, "cross": {"de": 100.0}});
        assert_eq!(json["multilingual"], expected);
    }

    #[test]
    fn a_comparison_tells_figures_and_their_differences() {
        let base = run(vec![answer("1", Some(2), 1), answer("5", None, 1)]);
        let other = run(vec![answer("1", Some(1), 1), answer("5", None, 1)]);
        let json = Comparison::new(Settings::default(), &other, &base, 1);
        let json = serde_json::to_value(json).expect("JSON");
        assert_eq!(json["turns"]["MRR"], 100.0);
        assert_eq!(json["turns"]["differences"]["MRR"]["mean"], 50.0);
        assert_eq!(json["turns"]["differences"]["R@5"]["p"], 1.0);
    }
}
