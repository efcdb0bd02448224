//! A report for people: one line for each measure and each kind of question.

use std::fmt::Write as _;

use picard_eval::{
    Measure,
    bootstrap::{Difference, RESAMPLES},
    metrics::{Figures, HitRate, NAMES},
    report::{Comparison, Report, Returned, Summary, Tuning},
};

/// How wide the column of names is.
const NAME: usize = 24;

/// Writes the whole report.
pub(super) fn write(report: &Report) -> String {
    let mut text = format!(
        "Settings: {}.\n\n{:NAME$}{:>9}{:>8}{:>7}{:>7}{:>7}{:>9}{:>8}{:>7}{:>7}{:>8}{:>8}\n",
        report.settings,
        "percent",
        "questions",
        "R@1",
        "R@5",
        "R@10",
        "MRR",
        "nDCG@10",
        "Hit@1",
        "@5",
        "@10",
        "p50 ms",
        "p99 ms",
    );
    for summary in &report.measures {
        push_summary(&mut text, summary);
    }
    push_unanswerable(&mut text, report);
    if let Some(comparison) = &report.comparison {
        let settings = &comparison.settings;
        push(
            &mut text,
            format_args!("\nWith {settings}, against the above"),
        );
        push_comparison(&mut text, comparison);
    }
    if let Some(tuning) = &report.tuning {
        push_tuning(&mut text, tuning);
    }
    text
}

/// A text can always be written to.
fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(line);
}

fn push_summary(text: &mut String, summary: &Summary) {
    let details = &summary.details;
    let name = match summary.measure {
        Measure::SessionsByTurns => "sessions by turns",
        Measure::Chunks => "chunks of six turns",
        other => other.name(),
    };
    push_figures(
        text,
        name,
        details.questions,
        &summary.figures,
        &details.hit_rate,
    );
    if let Some(latency) = details.latency_ms {
        push(
            text,
            format_args!("{:>8.1}{:>8.1}", latency.p50, latency.p99),
        );
    }
    text.push('\n');
    for (name, category) in &details.categories {
        let name = format!("  {}", in_words(summary.measure, name));
        push_figures(
            text,
            &name,
            category.questions,
            &category.figures,
            &category.hit_rate,
        );
        text.push('\n');
    }
}

fn push_figures(
    text: &mut String,
    name: &str,
    questions: usize,
    figures: &Figures,
    hits: &HitRate,
) {
    let [r1, r5, r10, mrr, ndcg] = figures.values();
    let HitRate { h1, h5, h10 } = hits;
    push(
        text,
        format_args!(
            "{name:NAME$}{questions:>9}{r1:>8.1}{r5:>7.1}{r10:>7.1}{mrr:>7.1}{ndcg:>9.1}{h1:>8.1}{h5:>7.1}{h10:>7.1}"
        ),
    );
}

/// Adds what the numbers of LoCoMo's categories mean.
fn in_words(measure: Measure, category: &str) -> String {
    let meaning = match (measure, category) {
        (Measure::Memories | Measure::Multilingual, _) => None,
        (_, "1") => Some("multi-hop"),
        (_, "2") => Some("time"),
        (_, "3") => Some("inference"),
        (_, "4") => Some("single-hop"),
        _ => None,
    };
    meaning.map_or_else(
        || category.to_owned(),
        |meaning| format!("{category} {meaning}"),
    )
}

fn push_unanswerable(text: &mut String, report: &Report) {
    let mut first = true;
    for summary in &report.measures {
        let details = &summary.details;
        let Some(none) = details.unanswerable else {
            continue;
        };
        // The hits are those of the turns.
        if summary.measure == Measure::SessionsByTurns {
            continue;
        }
        if first {
            text.push_str("\nHits of the usual 10, and the median of the first one's score:\n");
            first = false;
        }
        let told = |returned: Returned| format!("{:.1}, {:.2}", returned.hits, returned.top_score);
        push(
            text,
            format_args!(
                "{:NAME$}{} where there is an answer; {} for {} without one\n",
                summary.measure.name(),
                told(details.answerable),
                told(none),
                none.questions,
            ),
        );
    }
}

fn push_comparison(text: &mut String, comparison: &Comparison) {
    push(
        text,
        format_args!(
            " (paired bootstrap of {RESAMPLES} resamples, seed {}, 95 % interval):\n",
            comparison.seed
        ),
    );
    for (measure, figures, differences) in &comparison.measures {
        let each = NAMES.into_iter().zip(figures.values()).zip(differences);
        for (at, ((name, value), difference)) in each.enumerate() {
            let measure = if at == 0 { measure.name() } else { "" };
            let Difference { mean, low, high, p } = difference;
            let p = if *p < 0.001 {
                "p < 0.001".to_owned()
            } else {
                format!("p = {p:.3}")
            };
            push(
                text,
                format_args!(
                    "{measure:NAME$}{name:<8}{value:>6.1}  {mean:>+6.2}  [{low:>+6.2}, {high:>+6.2}]  {p}\n"
                ),
            );
        }
    }
}

fn push_tuning(text: &mut String, tuning: &Tuning) {
    push(
        text,
        format_args!(
            "\n{} combinations, chosen by the mean of R@5 and MRR. Best on all conversations: {}.\n",
            tuning.tried.len(),
            tuning.chosen_on_all
        ),
    );
    for (conversation, settings) in &tuning.folds {
        push(
            text,
            format_args!("{conversation:NAME$}{settings}, chosen on the others\n"),
        );
    }
    text.push_str("\nEach conversation with what was chosen on the others, against the above");
    push_comparison(text, &tuning.held_out);
}
