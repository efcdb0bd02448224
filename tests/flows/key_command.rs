//! Master keys that a command prints: of a key management service, a vault, a
//! password manager.

use std::fs;

use picard_tests::{
    application::call,
    installation::{Installation, feed, said, succeeded},
    process::picard,
    server::Database,
    visitor::Visitor,
};
use serde_json::{Value, json};

picard_tests::on_both!(keys_that_a_command_prints_are_replaced_without_a_restart);

const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NEW: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const PASSWORD: &str = "tea, earl grey, hot";

/// How many data keys each master key wraps, the active one first.
fn wrapped(installation: &Installation) -> Vec<u64> {
    let output = installation.run(&["key", "status", "--json"], "");
    succeeded(&output);
    let keys: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let keys = keys.as_array().expect("a list").iter();
    keys.map(|key| key["data_keys"].as_u64().expect("a number"))
        .collect()
}

async fn keys_that_a_command_prints_are_replaced_without_a_restart(database: Database) {
    let installation = Installation::on(database).await;
    let kept = installation.data_dir.join("kept elsewhere");
    let keep = |keys: &[&str]| fs::write(&kept, keys.join("\n")).expect("they are kept");
    keep(&[OLD]);
    let command = format!("cat '{}'", kept.display());
    let installation = installation.setting("PICARD_KEYS_COMMAND", command);
    let up = installation.start();
    let application = installation.register(&up);
    let mut person = Visitor::new(&up.server);
    person.sign_up("ro", PASSWORD).await;
    let token = application.connect(&mut person).await.access;
    let remember = json!({"text": "I was born on Bajor."});
    let stored = call(&up.server, &token, "submit_memory", remember).await;
    assert_eq!(stored.0, 200, "{}", stored.1);
    let reads = async || {
        let (status, list) = call(&up.server, &token, "get_memories", json!({})).await;
        assert_eq!(status, 200, "{list}");
        assert_eq!(list["memories"][0]["text"], "I was born on Bajor.");
    };
    assert!(!installation.data_dir.join("server/keyring").exists());
    let told = installation.run(&["key", "rotate"], "");
    assert!(!told.status.success());
    for part in ["PICARD_KEYS_COMMAND, which runs cat,", "openssl rand"] {
        assert!(said(&told).contains(part), "{}", said(&told));
    }

    // As docs/keys.md says: behind, in front, wrap, take out.
    keep(&[OLD, NEW]);
    keep(&[NEW, OLD]);
    assert_eq!(wrapped(&installation), [0, 2]);
    let done = installation.run(&["key", "rotate"], "");
    succeeded(&done);
    assert!(
        said(&done).contains("Wrapped 2 data keys"),
        "{}",
        said(&done)
    );
    reads().await;
    Visitor::new(&up.server).sign_up("sito", PASSWORD).await;
    assert_eq!(wrapped(&installation), [3, 0]);
    keep(&[NEW]);
    Visitor::new(&up.server).sign_up("nog", PASSWORD).await;
    assert_eq!(wrapped(&installation), [4]);
    reads().await;

    let export = installation.run(&["export", "--user", "ro"], "");
    succeeded(&export);
    let import = installation.run(
        &["import", "--user", "nog", "-"],
        &String::from_utf8_lossy(&export.stdout),
    );
    succeeded(&import);
    let flags = ["doctor", "--of", "server", "--listen", "127.0.0.1:0"];
    let doctor = said(&installation.run(&flags, ""));
    assert!(
        doctor.contains("from PICARD_KEYS_COMMAND, which runs cat"),
        "{doctor}"
    );
    assert!(!doctor.contains(NEW) && !doctor.contains(OLD), "{doctor}");
    let again = installation.restart_after(up, |up| assert!(up.stop().success()));
    let (status, list) = call(&again.server, &token, "get_memories", json!({})).await;
    assert_eq!(
        (status, &list["memories"][0]["text"]),
        (200, &json!("I was born on Bajor."))
    );
    assert!(again.stop().success());
}

#[test]
fn a_command_that_fails_is_told_without_what_it_printed_and_one_source_is_enough() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = picard(dir.path());
        command.args(arguments).envs(variables.iter().copied());
        feed(command, "tea, earl grey, hot")
    };
    let sealed = format!("sh -c 'echo {OLD}; echo the vault is sealed >&2; exit 1'");
    let add = ["user", "add", "ro", "--password-stdin"];
    for arguments in [&add[..], &["server", "--listen", "127.0.0.1:0"], &["mcp"]] {
        let output = run(arguments, &[("PICARD_KEYS_COMMAND", &sealed)]);
        assert!(!output.status.success(), "{arguments:?}");
        let said = said(&output);
        assert!(said.contains("said: the vault is sealed"), "{said}");
        assert!(!said.contains(OLD), "{said}");
    }
    let piped = run(&add, &[("PICARD_KEYS_COMMAND", "age -d keys | head -1")]);
    assert!(said(&piped).contains("sh -c"), "{}", said(&piped));
    let no_keys = run(&add, &[("PICARD_KEYS_COMMAND", "echo not-a-key")]);
    assert!(
        said(&no_keys).contains("key 1 is not 32 bytes"),
        "{}",
        said(&no_keys)
    );
    let command = format!("echo {OLD}");
    for other in ["PICARD_KEYS", "PICARD_KEYS_FILE"] {
        let both = [("PICARD_KEYS_COMMAND", command.as_str()), (other, OLD)];
        let output = run(&add, &both);
        let text = said(&output);
        assert!(
            !output.status.success() && text.contains("set one of them"),
            "{text}"
        );
        assert!(!text.contains(OLD), "{text}");
    }
    succeeded(&run(&add, &[("PICARD_KEYS_COMMAND", &command)]));
    assert!(!dir.path().join("server/keyring").exists());
}

/// The web client's secret key may come of a command too.
#[test]
fn the_web_client_takes_its_secret_key_from_a_command() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let doctor = |command: &str, more: &[(&str, &str)]| {
        let mut doctor = picard(dir.path());
        doctor
            .args(["doctor", "--of", "web", "--web-listen", "127.0.0.1:0"])
            .env("SECRET_KEY_COMMAND", command)
            .env("OAUTH_CLIENT_ID", "550e8400-e29b-41d4-a716-446655440000")
            .env("OAUTH_CLIENT_SECRET", "7d3f9a1c5e8b2046d7f1a3c9e5b80264")
            .envs(more.iter().copied());
        feed(doctor, "")
    };
    let secret = "a secret key that nobody has guessed until now";
    let print = format!("echo '{secret}'");
    let good = doctor(&print, &[("DJANGO_SECRET_KEY", "of the reference's file")]);
    succeeded(&good);
    assert!(!dir.path().join("web/keyring").exists());
    let failed = doctor("sh -c 'echo no token >&2; exit 1'", &[]);
    assert!(!failed.status.success());
    assert!(
        said(&failed).contains("said: no token"),
        "{}",
        said(&failed)
    );
    let twice = doctor(&print, &[("SECRET_KEY", secret)]);
    assert!(!twice.status.success() && !said(&twice).contains(secret));
}
