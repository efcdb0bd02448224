//! `picard eval`: how well memories are found, measured through the use case that serves
//! `query_memory`. What is measured and how is in the crate `eval`; here are its flags, the
//! folder that it works in, and the table.

mod folder;
mod table;

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use picard_eval::{
    DataSet, Error, Measure, Place, Run, Stage, Stop, Timing, Watch,
    report::{Comparison, Report, Tuning},
    tuning::{Setting, Settings, Tries, grid},
};
use picard_search::Ranking;
use tokio::sync::watch;

use self::folder::Folder;
use crate::{
    hint::OrHint as _, logging::Logging, model::Model, owner::Progress, serve, system::system,
};

/// Combinations tried at most: each asks every question.
const MOST_TRIED: usize = 500;

/// `picard eval`.
#[derive(Args)]
pub(crate) struct Eval {
    /// The file with memories and questions: LoCoMo, several languages, or JSON Lines
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Measure only these: turns, facts, sessions, sessions_by_turns, chunks, memories, multilingual
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<Measure>,
    /// Rank with these settings instead of the product's; an unknown name has all names listed
    #[arg(long = "with", value_name = "NAME=VALUE,…", value_delimiter = ',')]
    with: Vec<Setting>,
    /// Ask a second time with these settings in addition, and tell the difference
    #[arg(long, value_name = "NAME=VALUE,…", value_delimiter = ',')]
    compare: Vec<Setting>,
    /// Choose the best of these values for each conversation on the others; may be repeated
    #[arg(long, value_name = "NAME=VALUE,VALUE,…")]
    tune: Vec<Tries>,
    /// What the resampling of questions begins with
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Keep the stored memories in this folder, and use what is there already
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    logging: Logging,
}

/// What is to be asked, checked before anything is stored.
struct Plan {
    measures: Vec<Measure>,
    base: Settings,
    ranking: Ranking,
    compare: Option<(Settings, Ranking)>,
    tried: Vec<(Settings, Ranking)>,
}

/// Shows how far it is, and ends it on Ctrl-C.
struct OnTerminal {
    progress: Option<Progress>,
    stop: watch::Receiver<bool>,
}

impl Watch for OnTerminal {
    fn begin(&mut self, what: &'static str, steps: usize) {
        self.end();
        self.progress = Some(Progress::of(what, steps));
    }

    fn advance(&mut self, by: usize) {
        if let Some(progress) = &mut self.progress {
            progress.advance(by);
        }
    }

    fn stop(&self) -> Stop {
        Box::pin(serve::until(self.stop.clone()))
    }
}

impl OnTerminal {
    fn end(&mut self) {
        if let Some(progress) = self.progress.take() {
            progress.end();
        }
    }
}

impl Eval {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.logging.start("warn")?;
        // The folder is gone before a word is printed: a reader that has left ends the process.
        let (report, notes) = Box::pin(self.report()).await?;
        self.print(&report, &notes)
    }

    async fn report(&self) -> anyhow::Result<(Report, Vec<String>)> {
        let stop = serve::stop_signal()?;
        let mut set = self.read()?;
        let plan = self.plan(&set)?;
        let model = self.model.load().await?;
        let folder = match &self.keep {
            Some(folder) => Folder::kept(folder, &Stage::contents(&set, &*model))?,
            None => Folder::temporary()?,
        };
        set.keep(&plan.measures);
        let place = Place {
            database: folder.database(),
            keyring: folder.keyring()?,
            model,
            entropy: system().1,
        };
        let (conversations, notes) = (set.conversations.clone(), set.notes.clone());
        let stage = Stage::new(place, set);
        let mut terminal = OnTerminal {
            progress: None,
            stop,
        };
        let measured = self.measure(&plan, &stage, &conversations, &mut terminal);
        let measured = Box::pin(measured).await;
        terminal.end();
        let report = match measured {
            Err(Error::Stopped) if self.keep.is_some() => Err(Error::Stopped)
                .or_hint("what was stored stays; the same command goes on from there")?,
            measured => measured?,
        };
        Ok((report, notes))
    }

    fn read(&self) -> anyhow::Result<DataSet> {
        let shown = self.data.display();
        let bytes = fs::read(&self.data).with_context(|| format!("{shown} cannot be read"))?;
        DataSet::parse(&bytes)
            .with_context(|| format!("{shown} cannot be measured"))
            .or_hint("docs/retrieval.md describes the forms that a file may have")
    }

    fn plan(&self, set: &DataSet) -> anyhow::Result<Plan> {
        let has = set.measures();
        if let Some(lacking) = self.only.iter().find(|measure| !has.contains(measure)) {
            let names: Vec<_> = has.iter().map(|measure| measure.name()).collect();
            return Err(anyhow::anyhow!("the file has no {lacking}"))
                .or_hint(format!("it has: {}", names.join(", ")));
        }
        let wanted = |measure: &Measure| self.only.is_empty() || self.only.contains(measure);
        let base = Settings::default().and(&Settings(self.with.clone()));
        let compare = (!self.compare.is_empty()).then(|| base.and(&Settings(self.compare.clone())));
        let compare = compare.map(|settings| {
            let ranking = settings.ranking().context("--compare")?;
            anyhow::Ok((settings, ranking))
        });
        Ok(Plan {
            measures: has.into_iter().filter(wanted).collect(),
            ranking: base.ranking().context("--with")?,
            compare: compare.transpose()?,
            tried: self.tried(&base, set)?,
            base,
        })
    }

    fn tried(&self, base: &Settings, set: &DataSet) -> anyhow::Result<Vec<(Settings, Ranking)>> {
        if self.tune.is_empty() {
            return Ok(Vec::new());
        }
        let names: BTreeSet<&str> = self.tune.iter().map(|tries| tries.name.as_str()).collect();
        if names.len() < self.tune.len() {
            bail!("--tune names a setting twice; give all its values at once");
        }
        if set.measures().contains(&Measure::Multilingual) {
            return Err(anyhow::anyhow!(
                "--tune leaves out what it measures on, and each language has the same memories"
            ))
            .or_hint("try --compare");
        }
        if set.conversations.len() < 2 {
            return Err(anyhow::anyhow!(
                "--tune needs several conversations, and the file has one"
            ))
            .or_hint(
                "what is chosen and measured on the same questions says nothing; try --compare",
            );
        }
        let combinations = self.tune.iter().map(|tries| tries.values.len());
        let count = combinations.fold(1_usize, usize::saturating_mul);
        if count > MOST_TRIED {
            bail!("--tune makes {count} combinations; the most is {MOST_TRIED}");
        }
        let settings = grid(&self.tune).into_iter().map(|settings| {
            let ranking = base.and(&settings).ranking().context("--tune")?;
            Ok((settings, ranking))
        });
        settings.collect()
    }

    async fn measure(
        &self,
        plan: &Plan,
        stage: &Stage,
        conversations: &[String],
        terminal: &mut OnTerminal,
    ) -> Result<Report, Error> {
        stage.store(terminal).await?;
        let measures = &plan.measures;
        let base = stage.ask(measures, plan.ranking, Timing::Measured, terminal);
        let base = base.await?;
        let mut report = Report::new(plan.base.clone(), &base);
        if let Some((settings, ranking)) = &plan.compare {
            let other = stage.ask(measures, *ranking, Timing::Ignored, terminal);
            let (settings, other) = (settings.clone(), other.await?);
            report.comparison = Some(Comparison::new(settings, &other, &base, self.seed));
        }
        let mut runs: Vec<Run> = Vec::new();
        for (_, ranking) in &plan.tried {
            runs.push(
                stage
                    .ask(measures, *ranking, Timing::Ignored, terminal)
                    .await?,
            );
        }
        if !runs.is_empty() {
            let tried: Vec<_> = plan
                .tried
                .iter()
                .map(|(settings, _)| settings.clone())
                .collect();
            report.tuning = Some(Tuning::new(&tried, &runs, conversations, &base, self.seed));
        }
        Ok(report)
    }

    #[expect(
        clippy::print_stdout,
        clippy::print_stderr,
        reason = "this is what the command says"
    )]
    fn print(&self, report: &Report, notes: &[String]) -> anyhow::Result<()> {
        for note in notes {
            eprintln!("{note}");
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(report)?);
        } else {
            print!("{}", table::write(report));
        }
        Ok(())
    }
}
