//! `picard mcp`: the real binary, spoken with through its pipes.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use picard_tests::{
    application::call,
    process::{Up, add_user, picard, register, terminate},
    visitor::Visitor,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rig::{MODERN, meta};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    (dir, data_dir)
}

/// An assistant that has started `picard mcp`.
struct Assistant {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Receiver<Value>,
    log: JoinHandle<String>,
    asked: i64,
    /// Notifications that came between answers.
    told: Vec<Value>,
}

impl Assistant {
    fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut command = picard(data_dir);
        command.arg("mcp").args(arguments);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("UTF-8");
                let message = serde_json::from_str(&line);
                let message: Value = message.unwrap_or_else(|_| panic!("not MCP: {line}"));
                assert_eq!(message["jsonrpc"], "2.0", "{line}");
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let stderr = child.stderr.take().expect("a pipe");
        Self {
            stdin: child.stdin.take(),
            child,
            said,
            log: thread::spawn(move || read_all(stderr)),
            asked: 0,
            told: Vec::new(),
        }
    }

    fn write(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("not closed yet");
        stdin.write_all(line.as_bytes()).expect("it reads");
        stdin.write_all(b"\n").expect("it reads");
    }

    /// Sends a request without waiting for the answer; returns its id.
    fn send(&mut self, method: &str, params: &Value) -> i64 {
        self.asked += 1;
        let id = self.asked;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.write(&request.to_string());
        id
    }

    fn next(&self) -> Value {
        self.said.recv_timeout(PATIENCE).expect("it answers")
    }

    /// Sends a request and returns the answer.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        loop {
            let message = self.next();
            if message["id"] == id {
                return message;
            }
            assert!(message["id"].is_null(), "an answer to nothing: {message}");
            self.told.push(message);
        }
    }

    /// The same, of the newer era, which must go well.
    fn modern(&mut self, method: &str, mut params: Value) -> Value {
        params["_meta"] = meta(MODERN);
        let answer = self.ask(method, &params);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let result = self.modern("tools/call", json!({"name": name, "arguments": arguments}));
        assert_eq!(result["isError"], false, "{name}: {result}");
        result["structuredContent"].clone()
    }

    fn remember(&mut self, text: &str) -> String {
        let memory = self.tool("submit_memory", json!({"text": text}));
        memory["id"].as_str().expect("an id").to_owned()
    }

    /// The texts of all memories, sorted.
    fn memories(&mut self) -> Vec<String> {
        let page = self.tool("get_memories", json!({"limit": 200}));
        let memories = page["memories"].as_array().expect("a list");
        let text = |memory: &Value| memory["text"].as_str().expect("a text").to_owned();
        let mut texts: Vec<_> = memories.iter().map(text).collect();
        texts.sort();
        texts
    }

    /// Whose memories these are.
    fn handle(&mut self) -> String {
        let list = self.modern("resources/list", json!({}));
        let uri = list["resources"][1]["uri"].as_str().expect("a persona");
        uri["users://".len()..uri.len() - "/memories".len()].to_owned()
    }

    /// Closes standard input and waits for the end; returns how it ended, and the log.
    fn close(mut self) -> (ExitStatus, String) {
        drop(self.stdin.take());
        self.ended()
    }

    fn ended(mut self) -> (ExitStatus, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().expect("it can be asked") {
                Some(status) => break status,
                None => assert!(Instant::now() < end, "it does not end"),
            }
            thread::yield_now();
        };
        (status, self.log.join().expect("a log"))
    }
}

fn read_all(mut stderr: ChildStderr) -> String {
    let mut log = String::new();
    stderr.read_to_string(&mut log).expect("UTF-8");
    log
}

/// How a start went wrong: one sentence, and a hint.
fn refused(assistant: Assistant) -> String {
    let (status, log) = assistant.close();
    assert!(!status.success());
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(
        lines[0].starts_with("picard: ") && lines[1].starts_with("  hint: "),
        "{log}"
    );
    log
}

#[test]
fn an_assistant_of_the_newer_era_works_with_memories_and_nothing_else_is_said() {
    let (_dir, data_dir) = folder();
    let mut assistant = Assistant::start(&data_dir, &[]);
    let discovered = assistant.modern("server/discover", json!({}));
    assert_eq!(discovered["cacheScope"], "public");
    let id = assistant.remember("I take my tea Earl Grey, hot.");
    let found = assistant.tool("query_memory", json!({"query": "what do I like to drink?"}));
    assert_eq!(found["memories"][0]["id"], id);
    let read = assistant.modern("resources/read", json!({"uri": format!("memories://{id}")}));
    assert!(
        read["contents"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("> I take"))
    );
    let prompt = json!({"name": "recall", "arguments": {"about": "tea"}});
    let prompt = assistant.modern("prompts/get", prompt);
    assert_eq!(
        prompt["messages"][1]["content"]["resource"]["uri"],
        format!("memories://{id}")
    );
    let tools = assistant.modern("tools/list", json!({}));
    assert_eq!(tools["tools"].as_array().map(Vec::len), Some(9));
    let (status, log) = assistant.close();
    assert!(status.success());
    assert_eq!(log, "");
}

#[test]
fn an_assistant_of_the_older_era_is_served_too() {
    let (_dir, data_dir) = folder();
    let mut assistant = Assistant::start(&data_dir, &[]);
    let hello = json!({
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"}});
    let hello = assistant.ask("initialize", &hello);
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(hello["result"]["capabilities"]["resources"], json!({}));
    assistant.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let memory = json!({"name": "submit_memory", "arguments": {"text": "Tea, Earl Grey, hot."}});
    let stored = assistant.ask("tools/call", &memory);
    let id = stored["result"]["structuredContent"]["id"]
        .as_str()
        .expect("an id");
    let read = assistant.ask(
        "resources/read",
        &json!({"uri": format!("memories://{id}")}),
    );
    assert_eq!(read["result"]["contents"][0]["mimeType"], "text/markdown");
    let absent = assistant.ask("resources/read", &json!({"uri": "users://nobody/memories"}));
    assert_eq!(absent["error"]["code"], -32002);
    let (status, log) = assistant.close();
    assert!(status.success() && log.is_empty(), "{log}");
}

#[test]
fn what_is_no_message_is_passed_over_and_the_next_one_answered() {
    let (_dir, data_dir) = folder();
    let mut assistant = Assistant::start(&data_dir, &[]);
    assistant.modern("server/discover", json!({}));
    assistant.modern("tools/list", json!({}));
    for junk in [
        "",
        "tea?",
        "{",
        "\u{1b}[2J",
        "{\"jsonrpc\":\"2.0\"}",
        "[]",
        "7",
    ] {
        assistant.write(junk);
    }
    assistant.remember("I take my tea Earl Grey, hot.");
    assert_eq!(assistant.memories().len(), 1);
    assert!(assistant.close().0.success());
}

#[test]
fn the_end_of_its_input_and_a_signal_end_it_cleanly() {
    let (_dir, data_dir) = folder();
    let asleep = Assistant::start(&data_dir, &[]);
    assert!(asleep.close().0.success(), "nothing was ever asked");
    let mut listening = Assistant::start(&data_dir, &[]);
    listening.modern("tools/list", json!({}));
    let asked = json!({"notifications": {"resourcesListChanged": true}, "_meta": meta(MODERN)});
    let id = listening.send("subscriptions/listen", &asked);
    let first = listening.next();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    drop(listening.stdin.take());
    assert_eq!(
        listening.next()["id"],
        id,
        "a subscription ends with its result"
    );
    assert!(listening.ended().0.success());
    let mut stopped = Assistant::start(&data_dir, &[]);
    stopped.modern("tools/list", json!({}));
    assert!(terminate(&mut stopped.child).success());
    assert_eq!(stopped.ended().1, "");
    let wal = data_dir.join("server/picard.db-wal");
    let left = fs::metadata(wal).map_or(0, |file| file.len());
    assert_eq!(left, 0, "the database was closed cleanly");
}

#[test]
fn the_first_use_makes_an_account_named_after_the_person_at_the_machine() {
    for (name, handle) in [
        (Some("jean-luc"), "jean-luc"),
        (Some("Jean Luc"), "me"),
        (Some(""), "me"),
        (None, "me"),
    ] {
        let (_dir, data_dir) = folder();
        let mut command = picard(&data_dir);
        command.arg("mcp");
        if let Some(name) = name {
            command.env("USER", name);
        }
        let mut assistant = Assistant::run(command);
        assert_eq!(assistant.handle(), handle, "{name:?}");
        assistant.remember("I take my tea Earl Grey, hot.");
        assert!(assistant.close().0.success());
        let mut again = Assistant::start(&data_dir, &[]);
        assert_eq!(
            (again.handle().as_str(), again.memories().len()),
            (handle, 1)
        );
        assert!(again.close().0.success());
    }
    let (_dir, data_dir) = folder();
    let mut named = Assistant::start(&data_dir, &["--user", "Beverly"]);
    assert_eq!(named.handle(), "beverly");
    assert!(named.close().0.success());
}

#[test]
fn of_several_accounts_one_must_be_named() {
    let (_dir, data_dir) = folder();
    for handle in ["jean-luc", "beverly"] {
        assert!(
            add_user(&data_dir, handle, "tea, earl grey, hot", &[])
                .status
                .success()
        );
    }
    let said = refused(Assistant::start(&data_dir, &[]));
    assert!(
        said.contains("jean-luc, beverly") && said.contains("--user"),
        "{said}"
    );
    let said = refused(Assistant::start(&data_dir, &["--user", "wesley"]));
    assert!(
        said.contains("wesley") && said.contains("picard user add"),
        "{said}"
    );
    let mut jean_luc = Assistant::start(&data_dir, &["--user", "jean-luc"]);
    jean_luc.remember("I take my tea Earl Grey, hot.");
    let mut command = picard(&data_dir);
    command.arg("mcp").env("PICARD_USER", "beverly");
    let mut beverly = Assistant::run(command);
    assert_eq!(
        (beverly.handle().as_str(), beverly.memories().len()),
        ("beverly", 0)
    );
    let (status, log) = Assistant::start(&data_dir, &["--user", "a/b"]).close();
    assert!(!status.success() && log.contains("is no handle"), "{log}");
}

#[test]
fn many_may_start_at_once_on_an_empty_data_directory() {
    let (_dir, data_dir) = folder();
    let mut all: Vec<_> = (0..6).map(|_| Assistant::start(&data_dir, &[])).collect();
    for (n, assistant) in all.iter_mut().enumerate() {
        assistant.asked = 100 * n as i64;
        let text = format!("Memory {n}");
        let memory =
            json!({"name": "submit_memory", "arguments": {"text": text}, "_meta": meta(MODERN)});
        assistant.send("tools/call", &memory);
    }
    for assistant in &mut all {
        let answer = assistant.next();
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }
    let expected: Vec<_> = (0..6).map(|n| format!("Memory {n}")).collect();
    for assistant in &mut all {
        assert_eq!(assistant.memories(), expected);
    }
    for assistant in all {
        let (status, log) = assistant.close();
        assert!(status.success() && log.is_empty(), "{log}");
    }
    let keys = fs::read_to_string(data_dir.join("server/keyring")).expect("a keyring");
    assert_eq!(keys.lines().count(), 1, "one of them made the keys");
}

/// The file of the keys is there a moment before all is written into it.
#[test]
fn keys_that_another_program_is_writing_are_waited_for() {
    let (_elsewhere, made) = folder();
    let password = "tea, earl grey, hot";
    assert!(add_user(&made, "jean-luc", password, &[]).status.success());
    let (_dir, data_dir) = folder();
    let server = data_dir.join("server");
    fs::create_dir(&server).expect("a folder");
    let lock = fs::File::open(&server).expect("it can be opened");
    lock.lock().expect("it can be locked");
    let keyring = server.join("keyring");
    fs::write(&keyring, "").expect("a file");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&keyring, private).expect("it is ours");
    let mut assistant = Assistant::start(&data_dir, &[]);
    for _ in 0..30 {
        let ended = assistant.child.try_wait().expect("it can be asked");
        assert_eq!(ended, None, "it takes what is half written");
        thread::sleep(Duration::from_millis(100));
    }
    fs::copy(made.join("server/keyring"), &keyring).expect("keys");
    drop(lock);
    assert!(assistant.memories().is_empty());
}

#[tokio::test]
async fn beside_a_running_server_each_sees_at_once_what_the_other_wrote() {
    let (_dir, data_dir) = folder();
    let up = Up::start(&data_dir);
    let application = register(&data_dir, &up.server);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let tokens = application.connect(&mut person).await;
    let over_http = async |tool, data| call(&up.server, &tokens.access, tool, data).await;
    let mut assistant = Assistant::start(&data_dir, &["--user", "jean-luc"]);
    for n in 0..10 {
        let id = assistant.remember(&format!("My lucky number is {n}, said over pipes."));
        let query = json!({"query": format!("lucky number {n}"), "limit": 1});
        let (status, found) = over_http("query_memory", query.clone()).await;
        assert_eq!(
            (status, &found["memories"][0]["id"]),
            (200, &json!(id)),
            "{found}"
        );
        let text = format!("My lucky number is {n}, said over HTTP.");
        let change = json!({"memory_id": id, "text": text});
        assert_eq!(over_http("update_memory", change).await.0, 200);
        let found = assistant.tool("query_memory", query);
        assert_eq!(found["memories"][0]["text"], text);
        assert_eq!(
            over_http("delete_memory", json!({"memory_id": id})).await.0,
            200
        );
        assert!(assistant.memories().is_empty());
    }
    let asked = json!({"notifications": {"resourcesListChanged": true}, "_meta": meta(MODERN)});
    assistant.send("subscriptions/listen", &asked);
    let first = assistant.next();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        over_http("submit_memory", json!({"text": "Engage."}))
            .await
            .0,
        200
    );
    assert_eq!(
        assistant.next()["method"],
        "notifications/resources/list_changed"
    );
    let (status, log) = assistant.close();
    assert!(status.success() && log.is_empty(), "{log}");
    assert!(up.stop().success());
}

#[tokio::test]
async fn the_same_person_logs_in_over_http_once_there_is_a_password() {
    let (_dir, data_dir) = folder();
    let mut assistant = Assistant::start(&data_dir, &["--user", "jean-luc"]);
    assistant.remember("I take my tea Earl Grey, hot.");
    let up = Up::start(&data_dir);
    let mut person = Visitor::new(&up.server);
    for guess in ["", "jean-luc", "password"] {
        assert_ne!(
            person.log_in("jean-luc", guess).await.status,
            303,
            "{guess:?}"
        );
    }
    let set = |handle: &str, password: &str| {
        let mut child = picard(&data_dir)
            .args(["user", "password", handle, "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(password.as_bytes()).expect("it reads");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    };
    assert!(!set("jean-luc", "short").status.success());
    assert!(!set("nobody", "tea, earl grey, hot").status.success());
    assert!(set("jean-luc", "tea, earl grey, hot\n").status.success());
    assert_eq!(
        person
            .log_in("jean-luc", "tea, earl grey, hot")
            .await
            .status,
        303
    );
    assert_eq!(assistant.memories().len(), 1, "the assistant goes on");
}

/// An assistant starts it in whatever folder is open in it.
#[test]
fn the_dot_env_of_the_folder_it_is_started_in_is_another_project_s() {
    let (dir, data_dir) = folder();
    let project = dir.path().join("project");
    fs::create_dir(&project).expect("a folder");
    let elsewhere = dir.path().join("elsewhere");
    let foreign = format!(
        "PICARD_USER=evil\nPICARD_MODEL_DIR={}\nNOT EVEN='A SETTING\n",
        elsewhere.display()
    );
    fs::write(project.join(".env"), foreign).expect("written");
    let mut command = picard(&data_dir);
    command.arg("mcp").current_dir(&project);
    let mut assistant = Assistant::run(command);
    assert_eq!(assistant.handle(), "me");
    assert!(assistant.close().0.success());
}

/// M40, for what a library might log.
#[test]
fn the_fullest_log_holds_no_memory() {
    let (_dir, data_dir) = folder();
    let mut assistant = Assistant::start(&data_dir, &["--log", "trace"]);
    let canary = "canary-8d1f2c";
    let id = assistant.remember(&format!("The code is {canary}."));
    assistant.tool("query_memory", json!({"query": canary}));
    assistant.modern("resources/read", json!({"uri": format!("memories://{id}")}));
    let wrong = json!({"uri": format!("memories://{canary}"), "_meta": meta(MODERN)});
    assistant.ask("resources/read", &wrong);
    let (status, log) = assistant.close();
    assert!(status.success() && !log.is_empty(), "the log was on");
    assert!(!log.contains(canary), "{log}");
}
