//! The master key is replaced while people work, and the old one leaves.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use picard_testkit::postgres;
use picard_tests::{
    application::call,
    process::{Up, add_user, picard, register},
    visitor::Visitor,
};
use serde_json::{Value, json};

fn key(data_dir: &Path, url: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = picard(data_dir);
    if let Some(url) = url {
        command.env("DATABASE_URL", url);
    }
    let command = command.arg("key").args(arguments);
    command.output().expect("the binary starts")
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The state of each key and how many data keys it wraps.
fn status(data_dir: &Path, url: Option<&str>) -> Vec<(String, u64)> {
    let output = key(data_dir, url, &["status", "--json"]);
    let keys: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let keys = keys.as_array().expect("a list").iter();
    let view = |key: &Value| {
        (
            key["state"].as_str().expect("a word").to_owned(),
            key["data_keys"].as_u64().expect("a number"),
        )
    };
    keys.map(view).collect()
}

fn states(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = expected.iter().map(|(state, n)| ((*state).to_owned(), *n));
    owned.collect()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

#[tokio::test]
async fn the_master_key_is_replaced_under_a_running_server() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    let up = Up::start(&data_dir);
    let application = register(&data_dir, &up.server);
    let mut person = Visitor::new(&up.server);
    person.sign_up("beverly", "tea, earl grey, hot").await;
    let token = application.connect(&mut person).await.access;
    let remember = json!({"text": "I dance."});
    let (code, _) = call(&up.server, &token, "submit_memory", remember).await;
    assert_eq!(code, 200);
    assert_eq!(status(&data_dir, None), states(&[("active", 2)]));
    let keyring = data_dir.join("server/keyring");
    let first = fs::read_to_string(&keyring).expect("a keyring");

    succeeded(&key(&data_dir, None, &["rotate"]));
    let both = fs::read_to_string(&keyring).expect("a keyring");
    assert!(both.ends_with(&first) && both.len() > first.len());
    let mode = fs::metadata(&keyring).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let after = [("active", 2), ("old", 0)];
    assert_eq!(status(&data_dir, None), states(&after));
    let (code, list) = call(&up.server, &token, "get_memories", json!({})).await;
    assert_eq!(
        (code, &list["memories"][0]["text"]),
        (200, &json!("I dance."))
    );
    let mut other = Visitor::new(&up.server);
    other.sign_up("wesley", "tea, earl grey, hot").await;
    assert_eq!(
        status(&data_dir, None),
        states(&[("active", 3), ("old", 0)])
    );

    succeeded(&key(&data_dir, None, &["rotate", "--retire"]));
    let last = fs::read_to_string(&keyring).expect("a keyring");
    assert_eq!(last.lines().next(), both.lines().next());
    assert_eq!(status(&data_dir, None), states(&[("active", 3)]));
    Visitor::new(&up.server)
        .sign_up("jack", "tea, earl grey, hot")
        .await;
    assert_eq!(status(&data_dir, None), states(&[("active", 4)]));
    let again = Up::restart_after(&data_dir, up, |up| assert!(up.stop().success()));
    let (code, list) = call(&again.server, &token, "get_memories", json!({})).await;
    assert_eq!(
        (code, &list["memories"][0]["text"]),
        (200, &json!("I dance."))
    );
    assert!(again.stop().success());
}

/// Keys that are given are not written, and a rotation by hand is finished by the command.
#[tokio::test]
async fn on_postgresql_and_with_given_keys_a_rotation_is_told_and_done_by_hand() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let url = postgres::create_database().await;
    let (data_dir, url) = (dir.path(), url.as_str());
    let on = |url: &str, keys: Option<&str>, arguments: &[&str]| {
        let mut command = picard(data_dir);
        command.env("DATABASE_URL", url).args(arguments);
        if let Some(keys) = keys {
            command.env("PICARD_KEYS", keys);
        }
        command.output().expect("the binary starts")
    };
    let add = |handle: &str| {
        let made = add_user(
            data_dir,
            handle,
            "tea, earl grey, hot",
            &["--database-url", url],
        );
        succeeded(&made);
    };
    add("ana");
    add("bob");
    let alone = key(data_dir, Some(url), &["rotate"]);
    assert!(
        !alone.status.success() && said(&alone).contains("--shared"),
        "{}",
        said(&alone)
    );
    assert_eq!(status(data_dir, Some(url)), states(&[("active", 2)]));
    succeeded(&key(data_dir, Some(url), &["rotate", "--shared"]));
    assert_eq!(
        status(data_dir, Some(url)),
        states(&[("active", 2), ("old", 0)])
    );
    succeeded(&key(data_dir, Some(url), &["rotate", "--retire"]));
    assert_eq!(status(data_dir, Some(url)), states(&[("active", 2)]));

    let file = data_dir.join("server/keyring");
    let kept = fs::read_to_string(&file).expect("a keyring");
    fs::remove_file(&file).expect("the keys move elsewhere");
    let old = kept.trim();
    let told = on(url, Some(old), &["key", "rotate"]);
    assert!(
        !told.status.success() && said(&told).contains("openssl rand"),
        "{}",
        said(&told)
    );
    let new = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let lost = on(url, Some(new), &["key", "status", "--json"]);
    assert!(
        !lost.status.success() && said(&lost).contains("missing"),
        "{}",
        said(&lost)
    );
    assert!(!on(url, Some(new), &["key", "rotate"]).status.success());
    let both = format!("{new},{old}");
    let done = on(url, Some(&both), &["key", "rotate"]);
    succeeded(&done);
    assert!(
        said(&done).contains("Wrapped 2 data keys"),
        "{}",
        said(&done)
    );
    succeeded(&on(url, Some(new), &["export", "--user", "ana"]));
    assert!(!file.exists());
}
