//! The real binary as a child process, on free ports and a fresh data directory.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use picard_testkit::free_address;
use serde_json::Value;

use crate::application::Application;

/// How long a start or a stop may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Returns the binary that this profile built; it is an error when it is missing.
pub fn binary() -> PathBuf {
    built("picard", "-p picard")
}

/// Returns a program that this profile built; it is an error when it is
/// missing, and `how` says what to tell `cargo build`.
pub fn built(path: &str, how: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.ancestors().nth(2).expect("target/PROFILE/deps/test");
    let program = profile.join(path);
    assert!(
        program.exists(),
        "{} is missing; run `cargo build {how}` first",
        program.display()
    );
    program
}

/// A command of the binary, untouched by this process's environment.
pub fn picard(data_dir: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("PICARD_DATA_DIR", data_dir)
        .env("HOME", data_dir)
        .current_dir(data_dir);
    for kept in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// Returns flags with an address for each service: one of the free ones where they name none.
///
/// A port that a system picks by itself may be somebody else's when a service that stopped
/// starts there again.
pub(crate) fn with_addresses<'a>(flags: &[&'a str], free: &'a [String; 2]) -> Vec<&'a str> {
    let mut flags = flags.to_vec();
    for (name, address) in ["--listen", "--web-listen"].into_iter().zip(free) {
        if !flags.contains(&name) {
            flags.extend([name, address]);
        }
    }
    flags
}

/// A running `picard up`, or both services by themselves.
pub struct Up {
    /// What is asked to stop first comes first.
    children: Vec<Child>,
    /// The web client's address.
    pub web: String,
    /// The server's address.
    pub server: String,
    /// Where standard error goes.
    pub log: PathBuf,
}

impl Up {
    /// Starts it on free ports and waits until it says its addresses.
    pub fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[])
    }

    /// Ends it by `end` and starts it again at the same addresses.
    pub fn restart_after(data_dir: &Path, before: Self, end: impl FnOnce(Self)) -> Self {
        let address = |url: &str| url.replace("http://localhost", "127.0.0.1");
        let (server, web) = (address(&before.server), address(&before.web));
        end(before);
        Self::start_with(data_dir, &["--listen", &server, "--web-listen", &web])
    }

    /// Starts it with these flags, on free ports where they name none, and waits until it
    /// says its addresses.
    pub fn start_with(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::start_logging(data_dir, "info", arguments)
    }

    /// Starts it with another filter of the log.
    pub fn start_logging(data_dir: &Path, filter: &str, arguments: &[&str]) -> Self {
        let free = [free_address(), free_address()];
        let mut command = picard(data_dir);
        command
            .args(["up", "--json", "--log", filter])
            .args(with_addresses(arguments, &free));
        Self::run(command, data_dir.with_extension("log"))
    }

    /// Runs `picard up --json` and waits until it says its addresses.
    pub(crate) fn run(mut command: Command, log: PathBuf) -> Self {
        let stderr = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(stderr.expect("the log can be written"))
            .spawn()
            .expect("the binary starts");
        let line = first_line(&mut child).unwrap_or_else(|| {
            panic!(
                "picard up did not start: {}",
                std::fs::read_to_string(&log).unwrap_or_default()
            )
        });
        let said: Value = serde_json::from_str(&line).expect("one line of JSON");
        let address = |name: &str| said[name].as_str().expect("an address").to_owned();
        Self::of(vec![child], address("web"), address("server"), log)
    }

    pub(crate) fn of(children: Vec<Child>, web: String, server: String, log: PathBuf) -> Self {
        Self {
            children,
            web,
            server,
            log,
        }
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) {
        for child in &mut self.children {
            child.kill().expect("the process can be killed");
        }
        for child in &mut self.children {
            child.wait().expect("the process ends");
        }
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("-TERM");
        self.ended()
    }

    /// Sends it a signal, named as `kill` names it.
    pub fn signal(&mut self, signal: &str) {
        for child in &self.children {
            signal_to(child, signal);
        }
    }

    /// Waits until it has ended; of two services, returns the one that failed.
    pub fn ended(mut self) -> ExitStatus {
        let ended = self.children.iter_mut().map(wait);
        let ended: Vec<_> = ended.collect();
        let failed = ended.iter().find(|status| !status.success());
        *failed.unwrap_or(&ended[0])
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.children.last().map_or(0, Child::id)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends SIGTERM and waits for the end.
pub fn terminate(child: &mut Child) -> ExitStatus {
    signal_to(child, "-TERM");
    wait(child)
}

/// Sends a child a signal, named as `kill` names it.
pub fn signal_to(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(
        sent.expect("kill runs").success(),
        "{signal} could not be sent"
    );
}

fn wait(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("the child can be asked") {
            return status;
        }
        assert!(Instant::now() < end, "the process does not stop");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Reads the first line that a child prints; `None` when it ends before.
pub fn first_line(child: &mut Child) -> Option<String> {
    let stdout = child.stdout.take().expect("standard output is a pipe");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines();
        // The receiver is gone when nobody waits for the line any more.
        let _ = sender.send(lines.next().and_then(Result::ok));
        for _ in lines {}
    });
    receiver.recv_timeout(PATIENCE).ok().flatten()
}

/// The password of the administrator that [`register`] makes.
pub const ADMIN_PASSWORD: &str = "make it so, number one";

/// Makes an account on the server by the command line.
pub fn add_user(data_dir: &Path, handle: &str, password: &str, more: &[&str]) -> Output {
    let mut child = picard(data_dir)
        .args(["user", "add", handle, "--password-stdin"])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    stdin
        .write_all(password.as_bytes())
        .expect("the password can be sent");
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

/// Registers an application at a running server, as an administrator does.
pub fn register(data_dir: &Path, server: &str) -> Application {
    let made = add_user(data_dir, "admin", ADMIN_PASSWORD, &["--admin"]);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let application = Application {
        client_id: "550e8400-e29b-41d4-a716-446655440000".to_owned(),
        secret: Some("7d3f9a1c5e8b2046d7f1a3c9e5b80264".to_owned()),
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        scope: "memories:read memories:write".to_owned(),
    };
    let registered = picard(data_dir)
        .args(["client", "register"])
        .env("MCP_SERVER_URL", server)
        .env("ADMIN_USERNAME", "admin")
        .env("ADMIN_PASSWORD", ADMIN_PASSWORD)
        .env("OAUTH_CLIENT_ID", &application.client_id)
        .env(
            "OAUTH_CLIENT_SECRET",
            application.secret.as_deref().unwrap_or_default(),
        )
        .env("OAUTH_REDIRECT_URI", &application.redirect_uri)
        .output()
        .expect("the binary starts");
    assert!(
        registered.status.success(),
        "{}",
        String::from_utf8_lossy(&registered.stderr)
    );
    application
}
