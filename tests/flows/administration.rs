//! Administration from end to end: locking out reaches every token and every
//! node at once, and the command line does what the pages do.

use picard_domain::Handle;
use picard_tests::{
    application::{call, post_form},
    installation::{Installation, said, succeeded},
    process::picard,
    server::{Database, TestServer},
    visitor::Visitor,
};
use serde_json::{Value, json};

picard_tests::on_both!(
    who_is_locked_out_is_refused_on_every_node_at_once_and_let_in_again_as_before,
    an_application_that_is_forgotten_has_no_access_on_any_node,
    an_administrator_reads_of_others_what_everybody_reads,
    people_are_administered_from_the_command_line,
);

const PASSWORD: &str = "tea, earl grey, hot";

fn handle(text: &str) -> Handle {
    text.parse().expect("a handle")
}

async fn who_is_locked_out_is_refused_on_every_node_at_once_and_let_in_again_as_before(
    database: Database,
) {
    let server = TestServer::on(database).await;
    let other = server.another_node().await;
    let application = server.application().await;
    let mut ana = server.person("ana").await;
    let anas = application.connect(&mut ana).await;
    let bobs = application.connect(&mut server.person("bob").await).await;
    let public = json!({"text": "tea is hot", "permission": "public"});
    let stored = call(&server.base, &anas.access, "submit_memory", public).await;
    assert_eq!(stored.0, 200, "{}", stored.1);
    let asked = json!({"user_id": "ana"});
    let persona = async |node: &TestServer| {
        call(&node.base, &bobs.access, "query_user", asked.clone())
            .await
            .0
    };
    assert_eq!(persona(&other).await, 200);

    let operator = server.app.administration_of_operator();
    operator.disable(&handle("ana")).await.expect("done");
    for node in [&server, &other] {
        let refused = call(&node.base, &anas.access, "get_memories", json!({})).await;
        assert_eq!(refused.0, 401, "{}", refused.1);
        assert_eq!(persona(node).await, 404);
        let token = format!("{}/oauth/token", node.base);
        let refreshed = post_form(&token, &application.refresh(&anas.refresh)).await;
        // Not invalid: clients would throw away what is good again afterwards.
        let error: Value = serde_json::from_str(&refreshed.body).expect("JSON");
        assert_eq!(
            (refreshed.status, error["error"].as_str()),
            (503, Some("temporarily_unavailable")),
            "{error}"
        );
        assert_eq!(refreshed.header("retry-after"), "60");
        let log_in = Visitor::new(&node.base).log_in("ana", PASSWORD).await;
        assert_eq!(log_in.status, 401);
    }
    assert_eq!(
        ana.get("/account").await.status,
        303,
        "the session has ended"
    );

    operator.enable(&handle("ana")).await.expect("done");
    let (status, found) = call(&other.base, &anas.access, "get_memories", json!({})).await;
    assert_eq!(
        (status, found["memories"].as_array().map(Vec::len)),
        (200, Some(1))
    );
    assert_eq!(persona(&other).await, 200);
    let token = format!("{}/oauth/token", other.base);
    let refreshed = post_form(&token, &application.refresh(&anas.refresh)).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert_eq!(ana.log_in("ana", PASSWORD).await.status, 303);
}

async fn an_application_that_is_forgotten_has_no_access_on_any_node(database: Database) {
    let server = TestServer::on(database).await;
    let other = server.another_node().await;
    let application = server.application().await;
    let tokens = application.connect(&mut server.person("ana").await).await;
    let operator = server.app.administration_of_operator();
    let id = application.client_id.parse().expect("a UUID");
    let ended = operator.delete_application(id).await.expect("done");
    assert_eq!(ended, 1);
    for node in [&server, &other] {
        let refused = call(&node.base, &tokens.access, "get_memories", json!({})).await;
        assert_eq!(refused.0, 401, "{}", refused.1);
        let token = format!("{}/oauth/token", node.base);
        let refreshed = post_form(&token, &application.refresh(&tokens.refresh)).await;
        assert_eq!(refreshed.status, 401, "{}", refreshed.body);
    }
}

/// Being an administrator opens nothing: not over the API either.
async fn an_administrator_reads_of_others_what_everybody_reads(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let anas = application.connect(&mut server.person("ana").await).await;
    let roots = application.connect(&mut server.person("root").await).await;
    let operator = server.app.administration_of_operator();
    operator.make_admin(&handle("root")).await.expect("done");

    let mut ids = Vec::new();
    for (text, permission) in [("a private canary", "private"), ("a public bird", "public")] {
        let new = json!({"text": text, "permission": permission});
        let (status, stored) = call(&server.base, &anas.access, "submit_memory", new).await;
        assert_eq!(status, 200, "{stored}");
        ids.push(stored["id"].as_str().expect("an id").to_owned());
    }
    let private = json!({"memory_id": ids[0]});
    for (tool, data) in [
        ("get_memories", private.clone()),
        ("delete_memory", private.clone()),
        (
            "modify_permissions",
            json!({"memory_id": ids[0], "permission": "public"}),
        ),
    ] {
        let (status, answer) = call(&server.base, &roots.access, tool, data).await;
        assert_eq!(status, 404, "{tool}: {answer}");
    }
    for asked in [
        json!({"user_id": "ana"}),
        json!({"user_id": "ana", "prompt": "canary", "limit": 5}),
    ] {
        let (status, found) = call(&server.base, &roots.access, "query_user", asked).await;
        assert_eq!(status, 200, "{found}");
        assert!(!found.to_string().contains("private canary"), "{found}");
        assert_eq!(found["total"], 1);
    }
}

fn json_of(output: &std::process::Output) -> Value {
    succeeded(output);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn people_are_administered_from_the_command_line(database: Database) {
    let here = Installation::on(database).await;
    let run = |arguments: &[&str]| here.run(arguments, "");
    for (name, more) in [("ana", &[][..]), ("anna", &[]), ("root", &["--admin"])] {
        succeeded(&here.add_user(name, PASSWORD, more));
    }
    let listed = json_of(&run(&["user", "list", "--prefix", "an", "--json"]));
    let handles: Vec<_> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| &row["handle"])
        .collect();
    assert_eq!(handles, ["ana", "anna"]);
    let state = || json_of(&run(&["user", "show", "ana", "--json"]));
    assert_eq!(
        (&state()["disabled_at"], &state()["admin"]),
        (&Value::Null, &json!(false))
    );

    succeeded(&run(&["user", "disable", "ana"]));
    assert!(state()["disabled_at"].is_string());
    succeeded(&run(&["user", "enable", "ana"]));
    succeeded(&run(&["user", "admin", "grant", "ana"]));
    assert_eq!(
        (&state()["disabled_at"], &state()["admin"]),
        (&Value::Null, &json!(true))
    );
    succeeded(&run(&["user", "admin", "revoke", "root"]));
    let last = run(&["user", "admin", "revoke", "ana"]);
    assert!(
        !last.status.success() && said(&last).contains("last administrator"),
        "{}",
        said(&last)
    );

    let unsure = run(&["user", "delete", "anna"]);
    assert!(
        !unsure.status.success() && said(&unsure).contains("--yes"),
        "{}",
        said(&unsure)
    );
    let deleted = json_of(&run(&["user", "delete", "anna", "--yes", "--json"]));
    assert_eq!(deleted, json!({"handle": "anna", "done": "deleted"}));
    for verb in ["show", "disable", "enable", "delete"] {
        let gone = run(&["user", verb, "anna"]);
        assert!(!gone.status.success(), "{verb}");
        assert!(
            said(&gone).contains("there is no account anna"),
            "{}",
            said(&gone)
        );
        assert!(said(&gone).contains("hint:"), "{}", said(&gone));
    }

    let clients = json_of(&run(&["client", "list", "--json"]));
    assert_eq!(clients, json!([]));
    let unknown = run(&["client", "show", "550e8400-e29b-41d4-a716-446655440000"]);
    assert!(!unknown.status.success() && said(&unknown).contains("there is no application"));
}

/// The reference's script falls back to a password that everybody knows.
#[test]
fn the_default_credentials_are_for_this_machine_with_debug_only() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let register = |server: &str, debug: &str, password: Option<&str>| {
        let mut command = picard(dir.path());
        command
            .args(["client", "register"])
            .env("MCP_SERVER_URL", server)
            .env("DEBUG", debug);
        if let Some(password) = password {
            command.env("ADMIN_PASSWORD", password);
        }
        let output = command.output().expect("it runs");
        assert!(!output.status.success(), "nobody listens there");
        said(&output)
    };
    // Nothing listens at this port, so what is let through fails later.
    let (here, elsewhere) = ("http://127.0.0.1:9", "http://192.0.2.1:9");
    for (server, debug, password, refused) in [
        (elsewhere, "true", None, "ADMIN_PASSWORD is not set"),
        (here, "false", None, "ADMIN_PASSWORD is not set"),
        (elsewhere, "true", Some("adminpassword"), "everybody knows"),
        (here, "false", Some("adminpassword"), "everybody knows"),
        (here, "true", None, "did not register"),
        (here, "true", Some("adminpassword"), "did not register"),
        (
            here,
            "false",
            Some("another, longer one"),
            "did not register",
        ),
    ] {
        let said = register(server, debug, password);
        assert!(
            said.contains(refused),
            "{server} {debug} {password:?}: {said}"
        );
    }
}

#[test]
fn the_first_administrator_has_no_weak_password_but_on_this_machine_with_debug() {
    for (more, debug) in [
        (&["--listen", "127.0.0.1:0"][..], "false"),
        (&["--listen", "0.0.0.0:0"], "true"),
        (
            &[
                "--listen",
                "127.0.0.1:0",
                "--public-url",
                "https://memory.example.org",
            ],
            "true",
        ),
    ] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let output = picard(dir.path())
            .arg("server")
            .args(more)
            .env("ADMIN_USERNAME", "admin")
            .env("ADMIN_PASSWORD", "adminpassword")
            .env("DEBUG", debug)
            .output()
            .expect("it runs");
        assert!(!output.status.success(), "{more:?}");
        assert!(
            said(&output).contains("ADMIN_PASSWORD is one of the first"),
            "{}",
            said(&output)
        );
    }
}
