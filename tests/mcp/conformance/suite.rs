//! Runs the suite and reads what it wrote down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{ChildStdout, Command, ExitStatus, Stdio},
};

use picard_tests::{
    node::{node, package},
    table::Table,
};
use serde_json::Value;
use tempfile::TempDir;

const PACKAGE: &str = "@modelcontextprotocol/conformance";

/// A command of the suite, as `conformance …` on the command line.
pub(super) fn conformance(arguments: &[&str]) -> Command {
    let mut command = node();
    command.arg(package("mcp", PACKAGE).join("dist/index.js"));
    command.args(arguments);
    // A proxy that the machine uses has nothing to do with loopback.
    command.env("NO_PROXY", "*").env("NO_COLOR", "1");
    command
}

/// What a revision requires of one side, in the suite's order.
pub(super) fn required(revision: &str, side: &str) -> Vec<String> {
    let file = package("mcp", PACKAGE).join(format!("requirements/{revision}.yaml"));
    let text = fs::read_to_string(file).expect("the suite has its requirements");
    let names: Vec<_> = text
        .lines()
        .skip_while(|line| *line != format!("{side}:"))
        .skip(1)
        .map_while(|line| line.strip_prefix("  - "))
        .map(str::to_owned)
        .collect();
    assert!(!names.is_empty(), "{revision} requires nothing of a {side}");
    names
}

/// What is known not to pass: `known/<name>.yml`, which the suite reads too.
pub(super) struct Known {
    pub(super) file: PathBuf,
    entries: BTreeSet<String>,
}

impl Known {
    pub(super) fn read(name: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/mcp/conformance/known");
        Self::at(Path::new(folder).join(format!("{name}.yml")))
    }

    pub(super) fn at(file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).expect("the list of what is known");
        let entries = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- "))
            .map(|entry| entry.split(" #").next().unwrap_or(entry).trim().to_owned())
            .collect();
        Self { file, entries }
    }

    /// The checks of a scenario that are known to fail; `*` stands for all.
    fn of(&self, scenario: &str) -> BTreeSet<String> {
        if self.entries.contains(scenario) {
            return BTreeSet::from(["*".to_owned()]);
        }
        let prefix = format!("{scenario}:");
        let checks = self.entries.iter();
        checks
            .filter_map(|entry| entry.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect()
    }
}

/// One run of the suite.
pub(super) struct Run {
    status: ExitStatus,
    said: String,
    checks: BTreeMap<String, Vec<Check>>,
}

/// One check of a scenario.
struct Check {
    id: String,
    status: String,
    message: String,
}

impl Run {
    /// Runs the suite; `side` is the first word of the folders of its results.
    pub(super) async fn of(side: &'static str, command: Command) -> Self {
        Self::heard(side, command, |mut output| {
            let mut said = String::new();
            output
                .read_to_string(&mut said)
                .expect("the suite speaks UTF-8");
            said
        })
        .await
    }

    /// Runs the suite while `listen` hears what it says, and returns all of it.
    pub(super) async fn heard(
        side: &'static str,
        mut command: Command,
        listen: impl FnOnce(ChildStdout) -> String + Send + 'static,
    ) -> Self {
        let results = tempfile::tempdir().expect("a temporary folder");
        command.arg("--output-dir").arg(results.path());
        let aside = results.path().join("standard-error");
        let errors = fs::File::create(&aside).expect("a file in a temporary folder");
        command.stdout(Stdio::piped()).stderr(errors);
        // Every scenario ends by itself or by the suite's own timeout.
        let (status, said) = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("the suite starts");
            let said = listen(child.stdout.take().expect("standard output is a pipe"));
            (child.wait().expect("the suite ends"), said)
        })
        .await
        .expect("the suite is heard to its end");
        let also = fs::read(aside).expect("the file is still there");
        Self {
            status,
            said: said + &String::from_utf8_lossy(&also),
            checks: read(&results, side),
        }
    }

    /// Notes a row for each of these scenarios: all of its checks pass, without
    /// warnings, save those that are known to fail, which have to.
    pub(super) fn note(&self, table: &mut Table, scenarios: &[String], known: &Known) {
        for name in scenarios {
            let Some(checks) = self.checks.get(name) else {
                table.row(name, "a run", "results", "none");
                continue;
            };
            let bad: Vec<_> = checks.iter().filter(|check| check.is_bad()).collect();
            let known = known.of(name);
            let (required, got) = if known.contains("*") {
                let got = if bad.is_empty() { "passes" } else { "fails" };
                ("fails, as known".to_owned(), format!("{got}, as known"))
            } else {
                let expected = known.iter().map(|id| format!("{id} fails")).collect();
                let found: BTreeSet<_> = bad.iter().map(|check| check.tell(&known)).collect();
                (sentence(expected), sentence(found))
            };
            table.row(name, format!("{} checks", checks.len()), required, got);
        }
    }

    /// The suite's own verdict has to agree.
    pub(super) fn assert_success(&self) {
        assert!(
            self.status.success(),
            "the suite ends with {}:\n{}",
            self.status,
            self.said
        );
    }
}

impl Check {
    fn is_bad(&self) -> bool {
        ["FAILURE", "WARNING"].contains(&&*self.status)
    }

    /// Says what is wrong; of what is known, only that it is.
    fn tell(&self, known: &BTreeSet<String>) -> String {
        if known.contains(&self.id) {
            return format!("{} fails", self.id);
        }
        format!("{} {}: {}", self.id, self.status, self.message)
    }
}

fn sentence(failing: BTreeSet<String>) -> String {
    if failing.is_empty() {
        return "passes".to_owned();
    }
    failing.into_iter().collect::<Vec<_>>().join("; ")
}

/// Reads `<side>-<scenario>-<time>/checks.json`, as the suite names them.
fn read(results: &TempDir, side: &str) -> BTreeMap<String, Vec<Check>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![results.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of results") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("checks.json") {
                let inner = folder.strip_prefix(results.path()).expect("within it");
                let name = inner.to_str().expect("names are ASCII");
                all.insert(scenario(name, side), checks(&path));
            }
        }
    }
    all
}

/// `server-tools-list-2026-11-22T16-54-00-707Z` is about `tools-list`.
fn scenario(folder: &str, side: &str) -> String {
    let time = "-2026-11-22T16-54-00-707Z".len();
    let name = &folder[..folder.len() - time];
    let prefix = format!("{side}-");
    name.strip_prefix(&prefix).unwrap_or(name).to_owned()
}

fn checks(path: &Path) -> Vec<Check> {
    let text = fs::read_to_string(path).expect("results can be read");
    let checks: Vec<Value> = serde_json::from_str(&text).expect("results are JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    checks
        .iter()
        .map(|check| Check {
            id: text(&check["id"]),
            status: text(&check["status"]),
            message: text(&check["errorMessage"]),
        })
        .collect()
}
