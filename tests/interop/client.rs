//! A program of somebody else that is a client of ours, and the person who runs
//! it: they open each address that it names, log in, and consent.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use picard_tests::{application::allow, server::TestServer, visitor::Visitor};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

/// How long a client may take for its next word on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Who runs all these clients.
pub(crate) const HANDLE: &str = "picard";

/// Their password.
pub(crate) const PASSWORD: &str = "tea, earl grey, hot";

/// How a client learns where the consent sent the person.
#[derive(Clone, Copy)]
pub(crate) enum Callback {
    /// It is told on standard input.
    Told,
    /// It listens at the address itself.
    Listens,
}

/// A running client.
pub(crate) struct Client {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
    heard: Vec<String>,
}

impl Client {
    /// Starts a program; what it says on both outputs is heard.
    pub(crate) fn start(name: impl Into<String>, mut command: Command) -> Self {
        let mut child = command
            // A proxy that the machine uses has nothing to do with loopback.
            .env("NO_PROXY", "*")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client starts");
        let (sender, lines) = mpsc::unbounded_channel();
        let outputs: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("standard output is a pipe")),
            Box::new(child.stderr.take().expect("standard error is a pipe")),
        ];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Nobody listens any more when the test has failed.
                    let _ = sender.send(line);
                }
            });
        }
        Self {
            name: name.into(),
            stdin: child.stdin.take(),
            child,
            lines,
            heard: Vec::new(),
        }
    }

    /// Waits for a line that `wanted` finds something in.
    pub(crate) async fn wait_for<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        while let Some(line) = self.next().await {
            let found = wanted(&line);
            self.heard.push(line);
            if let Some(found) = found {
                return found;
            }
        }
        panic!("{} ended early; it said:\n{}", self.name, self.told());
    }

    /// Its next line; `None` when it has ended.
    async fn next(&mut self) -> Option<String> {
        let next = timeout(PATIENCE, self.lines.recv()).await;
        next.unwrap_or_else(|_| panic!("{} is silent; it said:\n{}", self.name, self.told()))
    }

    /// Waits for a line of JSON with this member, and returns the member.
    pub(crate) async fn wait_for_member(&mut self, member: &str) -> Value {
        self.wait_for(|line| {
            let said: Value = serde_json::from_str(line).ok()?;
            said.get(member).cloned()
        })
        .await
    }

    /// Does what the person does when the client names an address.
    pub(crate) async fn consent(&mut self, server: &TestServer, address: &str, to: Callback) {
        let mut person = server.visitor();
        let back = allow(&mut person, address, HANDLE, PASSWORD).await;
        match to {
            Callback::Listens => {
                let page = Visitor::new("").get(back.as_str()).await;
                assert_eq!(page.status, 200, "{}: {}", self.name, page.body);
            }
            Callback::Told => {
                let stdin = self.stdin.as_mut().expect("nobody closed it");
                writeln!(stdin, "{}", json!({"back": back.as_str()})).expect("the client listens");
            }
        }
    }

    /// Waits for its end, which has to be a good one; returns all that it said.
    pub(crate) async fn end(mut self) -> String {
        self.stdin = None;
        // Its outputs end with it.
        while let Some(line) = self.next().await {
            self.heard.push(line);
        }
        let status = self.child.wait().expect("the client ends");
        assert!(status.success(), "{}: {status}\n{}", self.name, self.told());
        self.told()
    }

    fn told(&self) -> String {
        self.heard.join("\n")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
