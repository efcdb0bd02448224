//! `picard user … --of web`: what the operator does to accounts of the web client.

use std::process::Output;

use picard_tests::{
    installation::{Installation, feed, said, succeeded},
    server::Database,
    visitor::Visitor,
};
use serde_json::{Value, json};

use crate::world::{PASSWORD, refused, web_account};

picard_tests::on_both!(
    accounts_are_listed_and_shown_and_superusers_made_and_unmade,
    an_account_is_deleted_with_its_access_and_memories_stay,
    what_cannot_be_done_is_refused_with_a_way_out,
);

fn json_of(output: &Output) -> Value {
    succeeded(output);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn run(home: &Installation, arguments: &[&str]) -> Output {
    run_at(home, "", arguments)
}

/// Runs it with the settings of a web client that knows this server.
fn run_at(home: &Installation, server: &str, arguments: &[&str]) -> Output {
    let mut command = home.picard(&[&["user"], arguments, &["--of", "web"]].concat());
    if let Some(url) = home.web_database() {
        command.env("DATABASE_URL", url);
    }
    if !server.is_empty() {
        command.env("MCP_SERVER_URL", server);
    }
    feed(command, PASSWORD)
}

fn add(home: &Installation, name: &str, more: &[&str]) {
    succeeded(&run(
        home,
        &[&["add", name, "--password-stdin"], more].concat(),
    ));
}

async fn accounts_are_listed_and_shown_and_superusers_made_and_unmade(database: Database) {
    let home = Installation::on(database).await;
    let up = home.start();
    // The server's people are others, whatever they are called.
    home.register(&up);
    let mut data = Visitor::new(&up.server);
    data.sign_up("data", PASSWORD).await;
    web_account(&up, "lore", &mut data).await;
    add(&home, "anna", &["--admin"]);
    add(&home, "ana", &[]);
    let names = |more: &[&str]| {
        let rows = json_of(&run(&home, &[&["list", "--json"], more].concat()));
        let rows = rows.as_array().expect("a list").clone();
        let name = |row: &Value| row["username"].as_str().expect("a name").to_owned();
        rows.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["ana", "anna", "lore"]);
    assert_eq!(names(&["--prefix", "AN"]), ["ana", "anna"]);
    assert_eq!(names(&["--prefix", "nobody"]), Vec::<String>::new());
    let listed = run(&home, &["list"]);
    succeeded(&listed);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let lines: Vec<_> = listed.lines().collect();
    assert!(
        lines.len() == 3 && lines[0].starts_with("ana ") && lines[0].ends_with("not connected")
    );
    assert!(
        lines[1].starts_with("anna ") && lines[1].contains("  admin "),
        "{listed}"
    );
    assert!(lines[2].ends_with("connected as data"), "{listed}");

    let lore = json_of(&run(&home, &["show", "lore", "--json"]));
    assert_eq!(
        (
            &lore["superuser"],
            &lore["connected_as"],
            &lore["connection_lost_at"]
        ),
        (&json!(false), &json!("data"), &Value::Null)
    );
    let lore = run(&home, &["show", "lore"]);
    assert!(said(&lore).contains("connected as data") && !said(&lore).contains("superuser"));

    // The right is there with the next click, and gone with the next one.
    let mut ana = Visitor::new(&up.web);
    let fields = [("username", "ana"), ("password", PASSWORD)];
    assert_eq!(ana.fill("/login", "/login", &fields).await.status, 303);
    assert_eq!(ana.get("/admin").await.status, 404);
    for (verb, done, status) in [("grant", "granted", 200), ("revoke", "revoked", 404)] {
        let told = json_of(&run(&home, &["admin", verb, "ana", "--json"]));
        assert_eq!(told, json!({"handle": "ana", "done": done}));
        assert_eq!(ana.get("/admin").await.status, status, "{verb}");
        let shown = json_of(&run(&home, &["show", "ana", "--json"]));
        assert_eq!(shown["superuser"], verb == "grant");
    }
    // There need not be any: the operator can always make one.
    succeeded(&run(&home, &["admin", "revoke", "anna"]));
    assert!(!said(&run(&home, &["list"])).contains("admin"));
    assert!(up.stop().success());
}

async fn an_account_is_deleted_with_its_access_and_memories_stay(database: Database) {
    let home = Installation::on(database).await;
    let up = home.start();
    home.register(&up);
    let mut data = Visitor::new(&up.server);
    data.sign_up("data", PASSWORD).await;
    let mut lore = web_account(&up, "lore", &mut data).await;
    web_account(&up, "b4", &mut data).await;
    let memory = [("text", "Spot is a cat."), ("permission", "private")];
    let stored = lore.fill("/memories/new", "/memories/new", &memory).await;
    assert_eq!(stored.status, 303, "{}", stored.body);
    let connections = async |data: &mut Visitor| {
        let account = data.get("/account").await;
        assert_eq!(account.status, 200);
        account
            .body
            .matches("Picard web client</bdi></span></button>")
            .count()
    };
    assert_eq!(connections(&mut data).await, 2);

    let unsure = run(&home, &["delete", "lore"]);
    refused(&unsure, "--yes");
    assert_eq!(lore.get("/dashboard").await.status, 200);
    let deleted = run_at(&home, &up.server, &["delete", "lore", "--yes"]);
    succeeded(&deleted);
    assert!(
        said(&deleted).contains("Deleted the account lore. Memories stay"),
        "{}",
        said(&deleted)
    );
    assert_eq!(
        connections(&mut data).await,
        1,
        "the server ended its access"
    );
    assert_eq!(
        lore.get("/dashboard").await.status,
        303,
        "its session has ended"
    );
    let again = [("username", "lore"), ("password", PASSWORD)];
    assert_ne!(lore.fill("/login", "/login", &again).await.status, 303);
    let mut lore = web_account(&up, "lore", &mut data).await;
    assert!(lore.get("/memories").await.body.contains("Spot is a cat."));

    // A server that does not answer cannot be told, and that is said.
    let server = up.server.clone();
    assert!(up.stop().success());
    let deleted = run_at(&home, &server, &["delete", "b4", "--yes"]);
    succeeded(&deleted);
    assert!(
        said(&deleted).contains("revoke the application there"),
        "{}",
        said(&deleted)
    );
    let up = home.start();
    refused(
        &run(&home, &["show", "b4"]),
        "there is no account b4 of the web client",
    );
    assert!(up.stop().success());
}

async fn what_cannot_be_done_is_refused_with_a_way_out(database: Database) {
    let home = Installation::on(database).await;
    if database == Database::Sqlite {
        refused(&run(&home, &["list"]), "there is no database at");
    }
    let up = home.start();
    add(&home, "ana", &[]);
    for verb in ["disable", "enable"] {
        let told = run(&home, &[verb, "ana"]);
        refused(&told, "accounts of the web client cannot be locked");
        refused(&told, "hint:");
    }
    for arguments in [
        &["show", "nobody"][..],
        &["delete", "nobody", "--yes"],
        &["admin", "grant", "nobody"],
        &["admin", "revoke", "nobody"],
    ] {
        let told = run(&home, arguments);
        refused(&told, "there is no account nobody of the web client");
        refused(&told, "`picard user list --of web`");
    }
    let taken = run(&home, &["add", "Ana", "--password-stdin"]);
    refused(&taken, "cannot be made");
    // What is the server's is another list.
    let there = home.run(&["user", "show", "ana"], "");
    refused(&there, "--of web");
    assert!(up.stop().success());
}
