//! The log as JSON, at its most talkative: each line an object, each request one
//! line, and nothing in it that somebody sent.

use std::{collections::BTreeMap, fs};

use picard_tests::process::{Up, picard};
use serde_json::Value;

use crate::story;

const JSON: [&str; 2] = ["--log-format", "json"];

fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

/// Which of the secrets stand in the log, and in lines of which target.
fn leaks(log: &str, secrets: &[String]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in log.lines() {
        for secret in secrets {
            // As the escaped part of a JSON string it would look the same.
            if line.contains(secret.as_str()) {
                let said: Value = serde_json::from_str(line).unwrap_or_default();
                let shown: String = secret.chars().take(18).collect();
                *found
                    .entry(format!("{shown}… by {}", said["target"]))
                    .or_default() += 1;
            }
        }
    }
    found
}

#[tokio::test]
async fn at_its_most_talkative_the_log_is_json_and_names_requests_and_no_secret() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    let up = Up::start_logging(&data_dir, "trace", &JSON);
    let secrets = story::tell(&data_dir, &up.server, &up.web).await;
    let mut ids = Vec::new();
    for base in [&up.server, &up.web] {
        for path in ["/health", "/login", "/nowhere", "/health/ready"] {
            let answer = picard_tests::visitor::http()
                .get(format!("{base}{path}"))
                .send()
                .await
                .expect("an answer");
            let id = answer.headers()["x-request-id"].to_str().expect("ASCII");
            ids.push((id.to_owned(), path, answer.status().as_u16()));
        }
    }
    let log = up.log.clone();
    assert!(up.stop().success());
    let log = fs::read_to_string(log).expect("a log");

    let found = leaks(&log, &secrets);
    assert!(found.is_empty(), "{found:#?}");
    let lines = lines(&log);
    assert!(
        lines
            .iter()
            .any(|line| line["level"] == "TRACE" || line["level"] == "DEBUG"),
        "it was not talkative; nothing was checked"
    );
    for line in &lines {
        for name in ["timestamp", "level", "target"] {
            assert!(line[name].is_string(), "{name} in {line}");
        }
    }
    for (id, path, status) in ids {
        let of: Vec<_> = answers(&lines)
            .filter(|line| line["request_id"] == id)
            .collect();
        assert_eq!(of.len(), 1, "lines about {path}: {of:?}");
        let route = if path == "/nowhere" {
            "unmatched"
        } else {
            path
        };
        assert_eq!(
            (&of[0]["route"], &of[0]["method"]),
            (&route.into(), &"GET".into())
        );
        assert_eq!(of[0]["status"], status);
        assert!(of[0]["duration_ms"].is_number(), "{}", of[0]);
    }
    let mut ids: Vec<_> = answers(&lines)
        .map(|line| line["request_id"].to_string())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "each request has one line");
    let with_tool = |tool: &str, route: &str| {
        answers(&lines).any(|line| line["tool"] == tool && line["route"] == route)
    };
    assert!(with_tool("query_memory", "/api/tools"));
    assert!(with_tool("query_memory", "/mcp"));
}

fn answers(lines: &[Value]) -> impl Iterator<Item = &Value> {
    lines.iter().filter(|line| line["message"] == "answered")
}

#[test]
fn an_error_that_ends_a_service_is_a_line_of_json_too() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = picard(dir.path())
        .args(["server", "--log-format", "json", "--listen", "127.0.0.1:0"])
        .args(["--metrics-listen", "0.0.0.0:0"])
        .output()
        .expect("the binary starts");
    assert!(!output.status.success());
    let log = String::from_utf8(output.stderr).expect("UTF-8");
    let lines = lines(&log);
    let last = lines.last().expect("a line");
    let said = last["message"].as_str().expect("a sentence");
    assert!(said.contains("there is no token"), "{last}");
    assert!(
        last["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("PICARD_METRICS_TOKEN"))
    );
}
