//! An embedded database on a disk that fills, and on one that can only be read.
//!
//! The disk is a small file system in memory, which only root may mount. Where
//! the tests run as somebody else, these fail and say so.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use picard_tests::{
    application::{Tokens, call},
    installation::said,
    process::{Up, picard, register},
    visitor::{Visitor, http},
};
use serde_json::json;
use tempfile::TempDir;

/// A file system with room for a few megabytes, mounted at the data directory.
struct Disk {
    data_dir: PathBuf,
    _dir: TempDir,
}

impl Disk {
    fn mount() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data_dir = dir.path().join("data");
        fs::create_dir(&data_dir).expect("a folder");
        let disk = Self {
            data_dir,
            _dir: dir,
        };
        disk.root(
            "mount",
            &["-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs"],
        );
        disk
    }

    fn root(&self, program: &str, arguments: &[&str]) {
        let done = Command::new(program)
            .args(arguments)
            .arg(&self.data_dir)
            .status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "these tests mount a small disk: run them as root"
        );
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut file = fs::File::create(self.data_dir.join("filler")).expect("a file");
        let mut block = vec![0_u8; 64 * 1024];
        while !block.is_empty() {
            if file.write_all(&block).is_err() {
                block.truncate(block.len() / 2);
            }
        }
    }

    /// Makes room.
    fn clear(&self) {
        fs::remove_file(self.data_dir.join("filler")).expect("it is there");
    }

    async fn check(&self) {
        for file in ["server/picard.db", "web/web.db"] {
            let checked = picard_sql::check_file(&self.data_dir.join(file)).await;
            checked.unwrap_or_else(|error| panic!("{file}: {error}"));
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // When it fails, the test has failed before.
        let _ = Command::new("umount")
            .arg("-l")
            .arg(&self.data_dir)
            .status();
    }
}

/// Why `picard up` does not start.
fn refused(data_dir: &Path) -> String {
    let ended = picard(data_dir)
        .args([
            "up",
            "--listen",
            "127.0.0.1:0",
            "--web-listen",
            "127.0.0.1:0",
        ])
        .output()
        .expect("the binary runs");
    assert!(!ended.status.success());
    said(&ended)
}

async fn write(up: &Up, tokens: &Tokens, text: String) -> u16 {
    call(
        &up.server,
        &tokens.access,
        "submit_memory",
        json!({"text": text}),
    )
    .await
    .0
}

async fn stored(up: &Up, tokens: &Tokens) -> Vec<String> {
    let (mut texts, mut cursor) = (Vec::new(), json!(null));
    loop {
        let mut ask = json!({"limit": 100});
        if !cursor.is_null() {
            ask["cursor"] = cursor;
        }
        let (status, page) = call(&up.server, &tokens.access, "get_memories", ask).await;
        assert_eq!(status, 200, "{page}");
        for memory in page["memories"].as_array().expect("a list") {
            texts.push(memory["text"].as_str().expect("a text").to_owned());
        }
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            texts.sort();
            return texts;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_refuses_writes_loses_nothing_and_goes_on_with_room() {
    let disk = Disk::mount();
    let up = Up::start(&disk.data_dir);
    let application = register(&disk.data_dir, &up.server);
    let mut person = Visitor::new(&up.server);
    person.sign_up("guinan", "a Mintakan tapestry").await;
    let tokens = application.connect(&mut person).await;
    let mut acknowledged = vec!["The bar is on deck ten.".to_owned()];
    assert_eq!(write(&up, &tokens, acknowledged[0].clone()).await, 200);

    disk.fill();
    // What was allocated before still takes a few.
    let mut refusals = 0;
    for n in 0..300 {
        let text = format!("{n:03} {}", "engage ".repeat(1_000));
        match write(&up, &tokens, text.clone()).await {
            200 => acknowledged.push(text.trim_end().to_owned()),
            503 => refusals += 1,
            status => panic!("{status}"),
        }
        if refusals == 3 {
            break;
        }
    }
    assert_eq!(refusals, 3, "the disk is full");
    let again = http()
        .post(format!("{}/api/tools", up.server))
        .bearer_auth(&tokens.access)
        .json(&json!({"tool": "submit_memory", "data": {"text": "engage ".repeat(1_000)}}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(again.status(), 503);
    assert!(again.headers().contains_key("retry-after"));
    let log = fs::read_to_string(&up.log).expect("a log");
    assert!(log.contains("full"), "the log says why: {log}");

    acknowledged.sort();
    let found: Vec<_> = stored(&up, &tokens).await;
    let found: Vec<_> = found
        .iter()
        .map(|text| text.trim_end().to_owned())
        .collect();
    assert_eq!(
        found, acknowledged,
        "reads go on, and see all that was acknowledged"
    );
    let question = json!({"query": "Where is the bar?", "limit": 1});
    let (status, answer) = call(&up.server, &tokens.access, "query_memory", question).await;
    assert_eq!(status, 200, "{answer}");

    disk.clear();
    let last = "There is room again.".to_owned();
    assert_eq!(write(&up, &tokens, last.clone()).await, 200, "at once");
    acknowledged.push(last);
    acknowledged.sort();
    disk.fill();
    let address = |url: &str| url.replace("http://localhost", "127.0.0.1");
    let addresses = [
        "--listen".to_owned(),
        address(&up.server),
        "--web-listen".to_owned(),
        address(&up.web),
    ];
    up.kill();
    let why = refused(&disk.data_dir);
    assert!(
        why.contains("hint:") && why.contains("room on the disk"),
        "{why}"
    );
    disk.clear();
    // Tokens are for the address that they were made at.
    let up = Up::start_with(&disk.data_dir, &addresses.each_ref().map(String::as_str));
    let found = stored(&up, &tokens).await;
    let found: Vec<_> = found
        .iter()
        .map(|text| text.trim_end().to_owned())
        .collect();
    assert_eq!(found, acknowledged);
    assert!(up.stop().success());
    disk.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_can_only_be_read_is_told_at_the_start() {
    let disk = Disk::mount();
    assert!(Up::start(&disk.data_dir).stop().success());
    disk.root("mount", &["-o", "remount,ro"]);
    let why = refused(&disk.data_dir);
    assert!(why.contains("hint:") && why.contains("writable"), "{why}");
    disk.root("mount", &["-o", "remount,rw"]);
    assert!(Up::start(&disk.data_dir).stop().success());
    disk.check().await;
}
