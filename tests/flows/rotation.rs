//! The master key is replaced while people work, and the old one leaves.

use std::{fs, os::unix::fs::PermissionsExt as _};

use picard_tests::{
    application::call,
    installation::{Installation, said, succeeded},
    server::Database,
    visitor::Visitor,
};
use serde_json::{Value, json};

picard_tests::on_both!(
    the_master_key_is_replaced_under_a_running_server,
    with_given_keys_a_rotation_is_told_and_done_by_hand
);

const PASSWORD: &str = "tea, earl grey, hot";

/// The state of each key and how many data keys it wraps.
fn status(installation: &Installation) -> Vec<(String, u64)> {
    let output = installation.run(&["key", "status", "--json"], "");
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

/// The command that makes a new key: all nodes of these tests read one keyring.
fn rotate(database: Database) -> &'static [&'static str] {
    match database {
        Database::Sqlite => &["key", "rotate"],
        Database::Postgres => &["key", "rotate", "--shared"],
    }
}

async fn the_master_key_is_replaced_under_a_running_server(database: Database) {
    let installation = Installation::on(database).await;
    let up = installation.start();
    let application = installation.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("beverly", PASSWORD).await;
    let token = application.connect(&mut person).await.access;
    let remember = json!({"text": "I dance."});
    let (code, _) = call(&up.server, &token, "submit_memory", remember).await;
    assert_eq!(code, 200);
    assert_eq!(status(&installation), states(&[("active", 2)]));
    let keyring = installation.data_dir.join("server/keyring");
    let first = fs::read_to_string(&keyring).expect("a keyring");

    if database == Database::Postgres {
        let alone = installation.run(&["key", "rotate"], "");
        assert!(!alone.status.success(), "other nodes would not have it");
        assert!(said(&alone).contains("--shared"), "{}", said(&alone));
        assert_eq!(status(&installation), states(&[("active", 2)]));
    }
    succeeded(&installation.run(rotate(database), ""));
    let both = fs::read_to_string(&keyring).expect("a keyring");
    assert!(both.ends_with(&first) && both.len() > first.len());
    let mode = fs::metadata(&keyring).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(status(&installation), states(&[("active", 2), ("old", 0)]));
    let reads = async |server: &str| {
        let (code, list) = call(server, &token, "get_memories", json!({})).await;
        let text = &list["memories"][0]["text"];
        assert_eq!((code, text), (200, &json!("I dance.")), "{list}");
    };
    reads(&up.server).await;
    Visitor::new(&up.server).sign_up("wesley", PASSWORD).await;
    assert_eq!(status(&installation), states(&[("active", 3), ("old", 0)]));

    succeeded(&installation.run(&["key", "rotate", "--retire"], ""));
    let last = fs::read_to_string(&keyring).expect("a keyring");
    assert_eq!(last.lines().next(), both.lines().next());
    assert_eq!(status(&installation), states(&[("active", 3)]));
    Visitor::new(&up.server).sign_up("jack", PASSWORD).await;
    assert_eq!(status(&installation), states(&[("active", 4)]));
    let again = installation.restart_after(up, |up| assert!(up.stop().success()));
    reads(&again.server).await;
    assert!(again.stop().success());
}

/// Keys that are given are not written, and a rotation by hand is finished by the command.
async fn with_given_keys_a_rotation_is_told_and_done_by_hand(database: Database) {
    let installation = Installation::on(database).await;
    let with = |keys: &str, arguments: &[&str]| {
        let mut command = installation.picard(arguments);
        command.env("PICARD_KEYS", keys);
        command.output().expect("the binary starts")
    };
    for handle in ["ana", "bob"] {
        succeeded(&installation.add_user(handle, PASSWORD, &[]));
    }
    let file = installation.data_dir.join("server/keyring");
    let kept = fs::read_to_string(&file).expect("a keyring");
    fs::remove_file(&file).expect("the keys move elsewhere");
    let old = kept.trim();
    let told = with(old, &["key", "rotate"]);
    assert!(!told.status.success());
    assert!(said(&told).contains("openssl rand"), "{}", said(&told));
    let new = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let lost = with(new, &["key", "status", "--json"]);
    assert!(!lost.status.success());
    assert!(said(&lost).contains("missing"), "{}", said(&lost));
    assert!(!with(new, &["key", "rotate"]).status.success());
    let done = with(&format!("{new},{old}"), &["key", "rotate"]);
    succeeded(&done);
    assert!(
        said(&done).contains("Wrapped 2 data keys"),
        "{}",
        said(&done)
    );
    succeeded(&with(new, &["export", "--user", "ana"]));
    assert!(!file.exists());
}
