//! Memories taken out and brought in again: as they were, each of them once.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use picard_app::{Fate, ImportMode, Incoming, ListMemories, Read, Write, write_line};
use picard_domain::{Expired, MemoryFilter, PageSize};
use picard_testkit::HashEmbedder;
use picard_tests::{
    application::call,
    installation::{Installation, said, succeeded},
    server::{Database, TestServer},
};
use serde_json::{Value, json};

picard_tests::on_both!(
    what_was_taken_out_comes_back_as_it_was_and_is_found_on_every_node,
    a_line_without_an_id_is_the_same_memory_at_every_import,
    the_commands_work_beside_a_running_server
);

const PASSWORD: &str = "tea, earl grey, hot";

/// Every memory of a person as lines, the newest first.
async fn exported(server: &TestServer, handle: &str) -> Vec<String> {
    let handle = handle.parse().expect("a handle");
    let owner = server.app.owner_of(&handle).await;
    let caller = owner.expect("an account").authorize::<Read>();
    let list = ListMemories {
        of: None,
        filter: MemoryFilter {
            expired: Expired::Include,
            ..MemoryFilter::default()
        },
        limit: PageSize::new(200).expect("in range"),
        cursor: None,
    };
    let page = server.app.memories(&caller.expect("the owner"), list).await;
    let memories = page.expect("listed").memories;
    let lines = memories.iter().map(|memory| {
        let line = write_line(memory).expect("written");
        String::from_utf8_lossy(&line).trim().to_owned()
    });
    lines.collect()
}

async fn import(
    server: &TestServer,
    handle: &str,
    mode: ImportMode,
    lines: &[String],
) -> Vec<Fate> {
    let handle = handle.parse().expect("a handle");
    let owner = server.app.owner_of(&handle).await;
    let caller = owner.expect("an account").authorize::<Write>();
    let caller = caller.expect("the owner");
    let mut importer = server.app.importer(&caller, mode).await.expect("begun");
    let read = |line: &String| {
        Incoming::parse(line.as_bytes(), server.app.now())
            .expect("a line")
            .expect("a memory")
    };
    let lines: Vec<_> = lines.iter().map(read).collect();
    importer.take(&lines).await.expect("taken")
}

async fn what_was_taken_out_comes_back_as_it_was_and_is_found_on_every_node(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("guinan").await)
        .await
        .access;
    let (status, memory) = call(
        &server.base,
        &token,
        "submit_memory",
        json!({"text": "The bar is called Ten Forward.", "permission": "public"}),
    )
    .await;
    assert_eq!(status, 200, "{memory}");
    let lines = exported(&server, "guinan").await;
    let find = async |base: &str| {
        let ask = json!({"query": "What is the bar called?"});
        let (status, found) = call(base, &token, "query_memory", ask).await;
        assert_eq!(status, 200, "{found}");
        found["memories"].as_array().expect("a list").len()
    };
    let delete = async || {
        let which = json!({"memory_id": memory["id"]});
        let (status, gone) = call(&server.base, &token, "delete_memory", which).await;
        assert_eq!(status, 200, "{gone}");
    };
    // Another process on the same database, as the command is.
    let other = server
        .with_embedder(Arc::new(HashEmbedder::default()))
        .await;
    assert_eq!(find(&server.base).await, 1);
    delete().await;
    assert_eq!(find(&server.base).await, 0);
    let mode = ImportMode::Store;
    assert_eq!(import(&other, "guinan", mode, &lines).await, [Fate::Stored]);
    assert_eq!(find(&server.base).await, 1);
    assert_eq!(find(&other.base).await, 1);
    assert_eq!(exported(&server, "guinan").await, lines);
    assert_eq!(import(&other, "guinan", mode, &lines).await, [Fate::Known]);
    delete().await;
    assert_eq!((find(&server.base).await, find(&other.base).await), (0, 0));

    // Into another account, where the same id is another memory.
    server.person("troi").await;
    assert_eq!(import(&other, "troi", mode, &lines).await, [Fate::Stored]);
    assert_eq!(exported(&server, "troi").await, lines);
}

async fn a_line_without_an_id_is_the_same_memory_at_every_import(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application
        .connect(&mut server.person("data").await)
        .await
        .access;
    let submit = json!({"text": "I have a cat."});
    assert_eq!(
        call(&server.base, &token, "submit_memory", submit).await.0,
        200
    );
    let lines = [
        r#"{"text": "I have a cat."}"#,
        r#"{"text": "Its name is Spot."}"#,
        r#"{"text": "Its name is Spot."}"#,
        r#"{"text": "Its name is Spot.", "created_at": "2020-01-01T00:00:00Z"}"#,
        r#"{"text": "Its name is Spot.", "expiration_date": "2020-01-02T00:00:00Z"}"#,
    ]
    .map(str::to_owned);
    let fates = [
        Fate::Known,
        Fate::Stored,
        Fate::Known,
        Fate::Stored,
        Fate::Stored,
    ];
    let rehearsed = import(&server, "data", ImportMode::DryRun, &lines).await;
    assert_eq!(rehearsed, fates);
    assert_eq!(
        exported(&server, "data").await.len(),
        1,
        "nothing was stored"
    );
    assert_eq!(
        import(&server, "data", ImportMode::Store, &lines).await,
        fates
    );
    let all = exported(&server, "data").await;
    assert_eq!(all.len(), 4);
    server.clock.advance(picard_domain::Span::minutes(30));
    assert_eq!(
        import(&server, "data", ImportMode::Store, &lines).await,
        [Fate::Known; 5]
    );
    assert_eq!(exported(&server, "data").await, all);

    // What its owner made of it stays, and does not come a second time.
    let spot = all.iter().map(|line| line.parse::<Value>().expect("JSON"));
    let spot = spot
        .filter(|memory| memory["text"] == "Its name is Spot.")
        .find(|memory| memory["expiration_date"].is_null())
        .expect("it is there");
    let change = json!({"memory_id": spot["id"], "text": "Spot is orange."});
    let changed = call(&server.base, &token, "update_memory", change).await;
    assert_eq!(changed.0, 200, "{}", changed.1);
    let fates = import(&server, "data", ImportMode::Store, &lines).await;
    let (known, differs) = (Fate::Known, Fate::Differs);
    assert_eq!(fates, [known, differs, differs, known, known]);
    assert_eq!(exported(&server, "data").await.len(), 4);
}

/// The story of the two commands.
fn story(installation: &Installation) {
    let input = "\u{feff}{\"text\": \"I take my tea hot.\"}\r\n\n\
        {\"text\": \"\"}\n\
        my secret\n\
        {\"text\": \"The badge is lost.\", \"expiration_date\": \"2020-01-01\", \
          \"created_at\": \"2019-01-01T12:00:00Z\"}\n\
        {\"text\": \"I take my tea hot.\"}";
    let import = |more: &[&str]| {
        let arguments = [&["import", "--user", "jean-luc", "-", "--json"], more].concat();
        let output = installation.run(&arguments, input);
        assert!(!output.status.success(), "two lines are wrong");
        assert!(!said(&output).contains("my secret"), "{}", said(&output));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(
            report["errors"],
            json!([
                {"line": 3, "field": "text", "reason": "is empty; write at least one character"},
                {"line": 4, "field": null, "reason": "is not a JSON object"},
            ])
        );
        (report["imported"].clone(), report["duplicates"].clone())
    };
    let first = (json!(2), json!({"count": 1, "lines": [6]}));
    assert_eq!(import(&["--dry-run"]), first);
    assert_eq!(import(&[]), first);
    assert_eq!(import(&[]).0, 0);

    let file = installation.data_dir.join("memories.jsonl");
    let shown = file.display().to_string();
    let export = || {
        let arguments = ["export", "--user", "jean-luc", "--output", &shown];
        installation.run(&arguments, "")
    };
    let output = export();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("plain text"), "{}", said(&output));
    let mode = fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!file.with_extension("jsonl.partial").exists());
    let text = fs::read_to_string(&file).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| line.parse().expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[1]["text"], "The badge is lost.");
    assert_eq!(lines[1]["expiration_date"], "2020-01-01T23:59:59.999999Z");
    assert_eq!(lines[1]["created_at"], "2019-01-01T12:00:00Z");
    assert!(said(&export()).contains("is there already"));

    let again = installation.run(&["import", "--user", "jean-luc", &shown], "");
    assert!(again.status.success(), "{}", said(&again));
    assert!(
        said(&again).contains("Imported 0 memories"),
        "{}",
        said(&again)
    );
    let piped = installation.run(&["export", "--user", "jean-luc"], "");
    assert_eq!(String::from_utf8_lossy(&piped.stdout), text);
    let nobody = installation.run(&["export", "--user", "quark"], "");
    assert!(
        said(&nobody).contains("there is no account quark"),
        "{}",
        said(&nobody)
    );
}

async fn the_commands_work_beside_a_running_server(database: Database) {
    let installation = Installation::on(database).await;
    let empty = installation.run(&["export", "--user", "jean-luc"], "");
    assert!(!empty.status.success(), "{}", said(&empty));
    if database == Database::Sqlite {
        assert!(said(&empty).contains("there is no database"));
        assert!(!installation.data_dir.join("server/keyring").exists());
    }
    let up = installation.start();
    succeeded(&installation.add_user("jean-luc", PASSWORD, &[]));
    story(&installation);
    assert!(up.stop().success());
}
