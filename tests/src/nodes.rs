//! Several `picard server` on one database, each a process of its own.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    application::Application,
    process::{picard, signal_to},
    visitor::{Visitor, http},
};

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// What people and applications call all nodes together. Nobody listens there:
/// tests go to the nodes themselves, as a balancer would.
pub const PUBLIC_URL: &str = "http://localhost:8001";

/// What all nodes share: the database, and a data directory with the keyring.
pub struct Shared {
    dir: TempDir,
    /// The address of the database.
    pub database: String,
}

impl Shared {
    /// Nodes on this database, with a fresh keyring.
    pub fn on(database: String) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(dir.path().join("data")).expect("a folder");
        Self { dir, database }
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Where logs are.
    pub fn logs(&self) -> &Path {
        self.dir.path()
    }

    /// Starts a process of `picard` on the database.
    pub fn command(&self) -> std::process::Command {
        let mut command = picard(&self.data_dir());
        command.env("DATABASE_URL", &self.database);
        command
    }

    /// Runs a command of `picard` with this input; returns what it printed when it succeeded, and
    /// what it complained of otherwise.
    pub fn run(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        // It may end without having read, and its complaint tells more than a broken pipe.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("the command ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    /// Starts a node without waiting for it; its log goes on in the file of that name.
    pub fn begin(&self, name: &str) -> Node {
        self.begin_with(name, &[])
    }

    /// The same with more flags.
    pub fn begin_with(&self, name: &str, more: &[&str]) -> Node {
        let mut child = self
            .command()
            .args(["server", "--listen", "127.0.0.1:0", "--log-format", "json"])
            .args(more)
            .env("PICARD_PUBLIC_URL", PUBLIC_URL)
            // How fast one may call is not what these tests are about.
            .env("PICARD_CALLS_PER_SECOND", "1000000")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = self.logs().join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let mut file = file.expect("the log can be written");
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let (sender, listening) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                // Neither the folder nor who waits need be there any more.
                let _ = writeln!(file, "{line}");
                let said: Value = serde_json::from_str(&line).unwrap_or_default();
                if let Some(address) = said["listening"].as_str() {
                    let _ = sender.send(format!("http://{address}"));
                }
            }
        });
        Node {
            child,
            listening,
            base: String::new(),
            log,
        }
    }
}

/// A running `picard server`.
pub struct Node {
    child: Child,
    listening: mpsc::Receiver<String>,
    /// Its own address.
    pub base: String,
    /// Where standard error goes.
    pub log: PathBuf,
}

impl Node {
    /// Waits until it listens.
    #[must_use]
    pub fn ready(mut self) -> Self {
        self.base = self.listening.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            panic!("picard server did not start: {log}")
        });
        self
    }

    /// Sends it a signal, named as `kill` names it.
    pub fn signal(&self, signal: &str) {
        signal_to(&self.child, signal);
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process ends");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nodes that live as long as the test.
pub struct Nodes {
    /// What they share.
    pub shared: Shared,
    nodes: Vec<Node>,
}

impl Nodes {
    /// Starts so many on a database, all at once.
    pub fn start(count: usize, database: String) -> Self {
        let shared = Shared::on(database);
        // The first one makes the keyring.
        let first = shared.begin("node-0").ready();
        let others: Vec<_> = (1..count)
            .map(|n| shared.begin(&format!("node-{n}")))
            .collect();
        let others = others.into_iter().map(Node::ready);
        Self {
            nodes: [first].into_iter().chain(others).collect(),
            shared,
        }
    }

    /// The address of a node, counted from nought and around.
    pub fn at(&self, n: usize) -> &str {
        &self.nodes[n % self.nodes.len()].base
    }

    /// The addresses of all of them.
    pub fn all(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.base.clone()).collect()
    }

    /// A fresh browser with a fresh account, made at this node.
    pub async fn person(&self, n: usize, handle: &str) -> Visitor {
        let mut visitor = Visitor::new(self.at(n));
        visitor.sign_up(handle, PASSWORD).await;
        visitor
    }

    /// An application that registered itself at this node, and keeps a secret.
    pub async fn application(&self, n: usize) -> Application {
        register_at(self.at(n)).await
    }

    /// Everything that the nodes have written to their logs.
    pub fn logs(&self) -> String {
        let logs = self.nodes.iter().map(|node| fs::read_to_string(&node.log));
        logs.map(|log| log.expect("a log")).collect()
    }
}

/// The password of everybody.
pub const PASSWORD: &str = "tea, earl grey, hot";

/// Lets an application that keeps a secret register itself at a node.
pub async fn register_at(base: &str) -> Application {
    let body = json!({
        "client_name": "Holodeck",
        "redirect_uris": ["https://app.example/callback"],
        "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    });
    let request = http().post(format!("{base}/oauth/register")).json(&body);
    let answer = Visitor::new("").send(request).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let registered: Value = serde_json::from_str(&answer.body).expect("JSON");
    let text = |name: &str| registered[name].as_str().expect("a text").to_owned();
    Application {
        client_id: text("client_id"),
        secret: Some(text("client_secret")),
        redirect_uri: "https://app.example/callback".to_owned(),
        scope: "memories:read memories:write".to_owned(),
    }
}
