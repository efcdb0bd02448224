//! chromedriver as a child process, with a folder that goes away with it.

use std::{
    env,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use tempfile::TempDir;

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running chromedriver. Dropped, it ends, and every Chromium that it started.
pub(crate) struct Chromedriver {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    /// Profiles and whatever else it writes.
    _folder: TempDir,
}

impl Chromedriver {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new(find(&["chromedriver"]))
            .arg("--port=0")
            .env("TMPDIR", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts");
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let port = port(stdout);
        Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
            _folder: folder,
        }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        // Its Chromium is in its process group when the session was not ended.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

/// Finds Chromium.
pub(crate) fn chromium() -> PathBuf {
    find(&["chromium", "chromium-browser", "google-chrome"])
}

fn find(names: &[&str]) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!(
                "{} is not installed, and the browser tests need it; `scripts/test` installs \
                 what is missing (on Debian: chromium and chromium-driver)",
                names[0]
            )
        })
}

/// Waits until it says `… started successfully on port N.`
fn port(stdout: ChildStdout) -> u16 {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let number = line
                .split_once("successfully on port ")
                .and_then(|(_, rest)| rest.trim_end_matches('.').parse().ok());
            if let Some(number) = number {
                // The receiver is gone only when nobody waits any more.
                let _ = sender.send(number);
            }
        }
    });
    receiver
        .recv_timeout(PATIENCE)
        .expect("chromedriver says its port")
}
