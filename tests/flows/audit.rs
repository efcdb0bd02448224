//! The audit trail: every act leaves a note, a person sees their own and nobody
//! else's, and no note holds what a memory says or what was asked.

use std::{collections::BTreeSet, io::Write as _, path::Path, process::Stdio, time::Duration};

use picard_app::{Act, ActivityQuery, App, Entry, Surface};
use picard_domain::{Handle, Span};
use picard_tests::{
    application::{Application, call, parameter, post_form},
    process::{add_user, picard},
    server::{Database, TestServer},
    visitor::Visitor,
};
use serde_json::{Value, json};

picard_tests::on_both!(
    every_act_of_a_person_and_of_their_applications_leaves_a_note,
    reads_are_counted_with_how_many_memories_and_without_what_was_asked,
    whose_persona_was_asked_sees_who_asked_and_nobody_else_sees_anything,
    what_one_node_served_is_seen_on_another,
    guessing_a_password_fills_one_row_an_hour,
    what_is_too_old_is_cleared_and_an_account_takes_its_trail_with_it,
);

const PASSWORD: &str = "tea, earl grey, hot";

async fn trail(app: &App, handle: &str) -> Vec<Entry> {
    let handle: Handle = handle.parse().expect("a handle");
    let user = app.find_user(&handle).await.expect("read").expect("there");
    let page = app.activity(user, ActivityQuery::default(), 200).await;
    page.expect("read").entries
}

/// What was done, sorted by its name: the clock stands still, so that nothing
/// here is newer than anything else.
async fn acts(app: &App, handle: &str) -> Vec<Act> {
    let trail = trail(app, handle).await;
    let mut acts: Vec<_> = trail.iter().map(|entry| entry.act).collect();
    acts.sort_unstable_by_key(|act| act.as_str());
    acts
}

/// What only an administrator or the operator does; `store` tests these and the
/// administration.
const BY_OTHERS: [Act; 8] = [
    Act::PasswordSet,
    Act::Disabled,
    Act::Enabled,
    Act::AdminGiven,
    Act::AdminTaken,
    Act::AccountDeleted,
    Act::ClientRegistered,
    Act::ClientDeleted,
];

async fn every_act_of_a_person_and_of_their_applications_leaves_a_note(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let mut ana = server.person("ana").await;
    let later = || server.clock.advance(Span::seconds(61));

    let mut elsewhere = server.visitor();
    elsewhere.log_in("ana", "a wrong one").await;
    elsewhere.log_in("ana", PASSWORD).await;
    let account = ana.get("/account").await;
    let ends = account.body.split("/account/sessions/").nth(1);
    let end = ends.and_then(|rest| rest.split('/').next()).expect("an id");
    let end = format!("/account/sessions/{end}/end");
    assert_eq!(ana.fill("/account", &end, &[]).await.status, 303);
    ana.fill("/account", "/account/name", &[("name", "Ana B.")])
        .await;

    let page = ana.get(&Application::address(&application.request())).await;
    Application::decide(&mut ana, &page, "deny").await;
    // A code that comes twice, a refresh token that comes twice, and access taken away.
    let back = application.consent(&mut ana).await;
    let code = parameter(&back, "code").expect("a code");
    let url = format!("{}/oauth/token", server.base);
    for status in [200, 400] {
        let answer = post_form(&url, &application.exchange(&code)).await;
        assert_eq!(answer.status, status);
    }
    let tokens = application.connect(&mut ana).await;
    let new = post_form(&url, &application.refresh(&tokens.refresh)).await;
    assert_eq!(new.status, 200);
    later();
    let again = post_form(&url, &application.refresh(&tokens.refresh)).await;
    assert_eq!(again.status, 400);
    let tokens = application.connect(&mut ana).await;
    call(&server.base, &tokens.access, "get_memories", json!({})).await;
    let account = ana.get("/account").await;
    let grant = account.body.split("/account/applications/").nth(1);
    let grant = grant.and_then(|rest| rest.split('/').next()).expect("one");
    let revoke = format!("/account/applications/{grant}/revoke");
    assert_eq!(ana.fill("/account", &revoke, &[]).await.status, 303);
    // Somebody else asks.
    let bob = application.connect(&mut server.person("bob").await).await;
    call(
        &server.base,
        &bob.access,
        "query_user",
        json!({"user_id": "ana"}),
    )
    .await;
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", "raktajino, iced"),
    ];
    let changed = ana.fill("/account", "/account/password", &fields).await;
    assert_eq!(changed.status, 303);
    ana.fill("/account", "/logout", &[]).await;

    let seen: BTreeSet<_> = acts(&server.app, "ana").await.into_iter().collect();
    let all: BTreeSet<_> = Act::ALL
        .iter()
        .copied()
        .filter(|act| !BY_OTHERS.contains(act))
        .collect();
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "no note of {missing:?}");
    assert!(seen.is_subset(&all));
    for entry in trail(&server.app, "ana").await {
        let about_access = matches!(
            entry.act,
            Act::ConsentGiven
                | Act::ConsentDenied
                | Act::AccessRevoked
                | Act::TokenIssued
                | Act::TokenReused
                | Act::CodeReused
                | Act::Called
        );
        let named = entry.client_name.as_deref() == Some("Holodeck");
        assert_eq!(named, about_access, "{entry:?}");
        let in_browser = matches!(entry.act, Act::LoggedIn | Act::LogInFailed);
        assert_eq!(entry.browser.is_some(), in_browser, "{entry:?}");
    }
}

async fn reads_are_counted_with_how_many_memories_and_without_what_was_asked(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let token = application.connect(&mut server.person("ana").await).await;
    let tool = async |name: &str, data| {
        let (status, answer) = call(&server.base, &token.access, name, data).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let stored = tool("submit_memory", json!({"text": "sehlat cub"})).await;
    tool("submit_memory", json!({"text": "targ"})).await;
    for question in ["sehlat", "targ", "vole"] {
        tool("query_memory", json!({"query": question})).await;
    }
    tool("get_memories", json!({"memory_id": stored["id"]})).await;

    let trail = trail(&server.app, "ana").await;
    let of = |tool: &str| {
        let of = |entry: &&Entry| entry.tool.as_deref() == Some(tool);
        trail.iter().filter(of).collect::<Vec<_>>()
    };
    assert_eq!(of("submit_memory").len(), 2, "one for each change");
    let [searched] = of("query_memory")[..] else {
        panic!("reads of ten minutes are one row: {trail:?}");
    };
    assert_eq!((searched.times, searched.memories), (3, Some(6)));
    assert_eq!(searched.surface, Surface::Rest);
    let read = of("get_memories")[0];
    assert_eq!(
        read.memory_id.map(|id| json!(id)),
        Some(stored["id"].clone())
    );
    let said = format!("{trail:?}");
    for secret in ["sehlat", "targ", "vole", &token.access, &token.refresh] {
        assert!(!said.contains(secret), "{secret} is in the trail");
    }

    server.clock.advance(Span::minutes(10));
    tool("query_memory", json!({"query": "later"})).await;
    let trail = self::trail(&server.app, "ana").await;
    let searches = trail
        .iter()
        .filter(|entry| entry.tool.as_deref() == Some("query_memory"));
    assert_eq!(searches.count(), 2, "ten minutes later it is another row");
}

async fn whose_persona_was_asked_sees_who_asked_and_nobody_else_sees_anything(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let ana = application.connect(&mut server.person("ana").await).await;
    let mut bob_in_person = server.person("bob").await;
    let bob = application.connect(&mut bob_in_person).await;
    server.person("eve").await;
    let public = json!({"text": "I keep a tribble", "permission": "public"});
    call(&server.base, &ana.access, "submit_memory", public).await;
    let before = trail(&server.app, "ana").await.len();
    for data in [json!({"user_id": "ana"}), json!({"user_id": "bob"})] {
        call(&server.base, &bob.access, "query_user", data).await;
    }
    call(
        &server.base,
        &bob.access,
        "get_memories",
        json!({"user_id": "ana"}),
    )
    .await;

    let seen = trail(&server.app, "ana").await;
    assert_eq!(seen.len(), before + 1, "both are counted into one");
    let asked = seen.iter().find(|entry| entry.act == Act::PersonaAsked);
    let asked = asked.expect("the owner sees it");
    assert_eq!(asked.actor_name.as_deref(), Some("bob"));
    assert_eq!((asked.times, asked.memories), (2, Some(2)));
    assert_eq!(
        (asked.client_id, &asked.tool),
        (None, &None),
        "the asker's affair"
    );
    let own = trail(&server.app, "bob").await;
    let whose: Vec<_> = own
        .iter()
        .filter(|entry| entry.act == Act::Called)
        .map(|entry| entry.subject_name.as_deref())
        .collect();
    assert_eq!(
        whose.iter().filter(|whose| **whose == Some("ana")).count(),
        2
    );
    assert!(whose.contains(&None), "one's own persona");
    let eve = acts(&server.app, "eve").await;
    assert_eq!(eve, [Act::LoggedIn, Act::SignedUp]);

    delete(&mut bob_in_person).await;
    let seen = trail(&server.app, "ana").await;
    let asked = seen.iter().find(|entry| entry.act == Act::PersonaAsked);
    let asked = asked.expect("it stays");
    assert_eq!(asked.actor_name, None, "who is gone has no name any more");
}

async fn delete(person: &mut Visitor) {
    let fields = [("password", PASSWORD)];
    let gone = person
        .fill("/account/delete", "/account/delete", &fields)
        .await;
    assert_eq!(gone.status, 303, "{}", gone.body);
}

async fn what_one_node_served_is_seen_on_another(database: Database) {
    let server = TestServer::on(database).await;
    let other = server.another_node().await;
    let application = server.application().await;
    let token = application.connect(&mut server.person("ana").await).await;
    for node in [&server, &other] {
        call(&node.base, &token.access, "get_memories", json!({})).await;
    }
    // The other node writes what it read within a second.
    let end = std::time::Instant::now() + Duration::from_mins(1);
    loop {
        let trail = trail(&server.app, "ana").await;
        let read = trail.iter().find(|entry| entry.act == Act::Called);
        if read.is_some_and(|read| read.times == 2) {
            return;
        }
        assert!(std::time::Instant::now() < end, "not seen: {trail:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn guessing_a_password_fills_one_row_an_hour(database: Database) {
    let server = TestServer::on(database).await;
    server.person("ana").await;
    let mut stranger = server.visitor();
    for _ in 0..5 {
        stranger.log_in("ana", "not the password").await;
        stranger.log_in("nobody-here", "not the password").await;
    }
    let failed: Vec<_> = trail(&server.app, "ana").await;
    let failed: Vec<_> = failed
        .iter()
        .filter(|e| e.act == Act::LogInFailed)
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].times, 5);
}

async fn what_is_too_old_is_cleared_and_an_account_takes_its_trail_with_it(database: Database) {
    let server = TestServer::on(database).await;
    let mut ana = server.person("ana").await;
    let begun = acts(&server.app, "ana").await;
    assert_eq!(begun, [Act::LoggedIn, Act::SignedUp]);
    server.clock.advance(Span::days(181));
    ana.log_in("ana", PASSWORD).await;
    let cleared = server
        .app
        .keep_house()
        .await
        .expect("it runs")
        .expect("free");
    assert!(cleared.0.contains(&("audit trail", 2)), "{cleared:?}");
    assert_eq!(acts(&server.app, "ana").await, [Act::LoggedIn]);

    let handle: Handle = "ana".parse().expect("a handle");
    let user = server
        .app
        .find_user(&handle)
        .await
        .expect("read")
        .expect("ana");
    delete(&mut ana).await;
    let page = server
        .app
        .activity(user, ActivityQuery::default(), 10)
        .await;
    assert!(page.expect("read").entries.is_empty());
}

/// Runs a command with this on its standard input; returns whether it went well,
/// and what it said.
fn run(data_dir: &Path, arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = picard(data_dir)
        .args(arguments)
        .env("PICARD_USER", "ana")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = if output.status.success() {
        output.stdout
    } else {
        output.stderr
    };
    let said = String::from_utf8(said).expect("UTF-8");
    (output.status.success(), said)
}

#[test]
fn what_is_done_on_the_machine_is_in_the_trail_that_the_operator_reads() {
    let dir = tempfile::tempdir().expect("a folder");
    let data_dir = dir.path();
    assert!(add_user(data_dir, "ana", PASSWORD, &[]).status.success());
    let lines = "{\"text\": \"sehlat\"}\n{\"text\": \"targ\"}\n";
    assert!(run(data_dir, &["import", "--user", "ana", "-"], lines).0);
    assert!(run(data_dir, &["export", "--user", "ana"], "").0);
    assert!(
        run(
            data_dir,
            &["user", "password", "ana", "--password-stdin"],
            "raktajino, iced"
        )
        .0
    );
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    });
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "get_memories", "arguments": {}, "_meta": meta}});
    let (spoken, answer) = run(data_dir, &["mcp"], &format!("{ask}\n"));
    assert!(spoken && answer.contains("targ"), "{answer}");

    let (read, said) = run(data_dir, &["audit", "--user", "ana", "--json"], "");
    assert!(read, "{said}");
    assert!(!said.contains("targ"));
    let entries: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told: BTreeSet<_> = entries
        .iter()
        .map(|e| {
            format!(
                "{} {} {} {}",
                e["act"], e["surface"], e["tool"], e["memories"]
            )
            .replace('"', "")
        })
        .collect();
    let expected = [
        "called command export 2",
        "called command import 2",
        "called stdio get_memories 2",
        "password-set command null null",
        "signed-up command null null",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
    let (_, words) = run(data_dir, &["audit", "--user", "ana", "--limit", "9"], "");
    assert!(words.contains("The account got a new password by the operator (the command line"));
    let (_, none) = run(
        data_dir,
        &["audit", "--user", "ana", "--since", "2999-01-01"],
        "",
    );
    assert_eq!(none, "");
    let (found, hint) = run(data_dir, &["audit", "--user", "nobody"], "");
    assert!(
        !found && hint.contains("there is no account nobody"),
        "{hint}"
    );

    let unnoted = [
        "user",
        "password",
        "ana",
        "--password-stdin",
        "--audit-days",
        "0",
    ];
    assert!(run(data_dir, &unnoted, PASSWORD).0);
    let (_, same) = run(data_dir, &["audit", "--user", "ana", "--json"], "");
    assert_eq!(
        same.lines().count(),
        entries.len(),
        "0 days: nothing is noted"
    );
}
