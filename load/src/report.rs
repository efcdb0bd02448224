//! The figures, for people and for scripts.

use serde_json::{Value, json};

use crate::{Settings, measure::Run, surfaces::Comparison};

/// Collects figures and prints them at the end.
pub(crate) struct Report {
    settings: Settings,
    people: String,
    runs: Vec<(String, Run)>,
    sizes: Vec<(String, f64, &'static str)>,
}

impl Report {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings {
            users, memories, ..
        } = settings;
        Self::about(
            settings,
            format!("{users} people with {memories} memories each"),
        )
    }

    /// Begins a report about other people than the settings say.
    pub(crate) fn about(settings: &Settings, people: String) -> Self {
        Self {
            settings: settings.clone(),
            people,
            runs: Vec::new(),
            sizes: Vec::new(),
        }
    }

    /// Adds a run; it is announced at once, since runs take their time.
    #[expect(clippy::print_stderr, reason = "progress is for the person who waits")]
    pub(crate) fn run(&mut self, name: impl Into<String>, run: Run) {
        let name = name.into();
        eprintln!(
            "{name}: {} calls in {:.1} s",
            run.work.calls,
            run.total.as_secs_f64()
        );
        self.runs.push((name, run));
    }

    /// Adds a comparison of `/mcp` with `/api/tools`.
    pub(crate) fn compare(&mut self, questions: &str, comparison: Comparison) {
        let at_once = comparison.mcp.work.at_once;
        let name = format!("/mcp : /api/tools, {questions}, {at_once} at once");
        self.size(name, comparison.ratio(), "times");
        self.run(format!("{questions}, /api/tools"), comparison.tools);
        self.run(format!("{questions}, /mcp"), comparison.mcp);
    }

    /// Adds a single figure.
    pub(crate) fn size(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.sizes.push((name.into(), value, unit));
    }

    #[expect(clippy::print_stdout, reason = "the report is what the program is for")]
    pub(crate) fn print(&self) {
        if self.settings.json {
            println!("{:#}", self.as_json());
            return;
        }
        println!("{}\n", self.people);
        println!(
            "{:34} {:>7} {:>7} {:>9} {:>9} {:>9}",
            "", "calls", "at once", "per s", "p50 ms", "p99 ms"
        );
        for (name, run) in &self.runs {
            println!(
                "{name:34} {:>7} {:>7} {:>9.1} {:>9.2} {:>9.2}",
                run.work.calls,
                run.work.at_once,
                run.per_second(),
                run.within_ms(0.5),
                run.within_ms(0.99),
            );
        }
        println!();
        for (name, value, unit) in &self.sizes {
            println!("{name:40} {value:>9.2} {unit}");
        }
    }

    fn as_json(&self) -> Value {
        let run = |(name, run): &(String, Run)| {
            json!({
                "name": name,
                "calls": run.work.calls,
                "at_once": run.work.at_once,
                "seconds": run.total.as_secs_f64(),
                "per_second": run.per_second(),
                "p50_ms": run.within_ms(0.5),
                "p99_ms": run.within_ms(0.99),
            })
        };
        let size = |(name, value, unit): &(String, f64, &str)| json!({"name": name, "value": value, "unit": unit});
        json!({
            "people": self.people,
            "runs": self.runs.iter().map(run).collect::<Vec<_>>(),
            "figures": self.sizes.iter().map(size).collect::<Vec<_>>(),
        })
    }
}
