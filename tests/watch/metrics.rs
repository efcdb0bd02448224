//! `/metrics` of the real binary after people used it.

use std::{collections::BTreeSet, fs, io::Write as _, net::TcpStream, path::Path, time::Duration};

use picard_metrics::{ALL, Kind, Of};
use picard_tests::{
    process::{Up, register},
    visitor::{Visitor, http},
};
use serde_json::{Value, json};

use crate::{
    exposition::{self, Exposition, sum},
    story,
};

const TOKEN: &str = "a token of twenty six letters";

/// Starts both services with metrics; returns the address of these.
fn start(data_dir: &Path, more: &[&str]) -> (Up, String) {
    fs::create_dir_all(data_dir).expect("a folder");
    let fixed = ["--log-format", "json", "--metrics-listen", "127.0.0.1:0"];
    let up = Up::start_logging(data_dir, "info", &[&fixed, more].concat());
    let log = fs::read_to_string(&up.log).expect("a log");
    let address = log.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let said = line["message"] == "metrics are served";
        said.then(|| line["address"].as_str().map(str::to_owned))?
    });
    let address = address.unwrap_or_else(|| panic!("no metrics: {log}"));
    (up, format!("http://{address}/metrics"))
}

async fn scrape(url: &str) -> (Exposition, String) {
    let answer = http().get(url).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text().await.expect("a text");
    (exposition::read(&text), text)
}

#[tokio::test]
async fn the_metrics_say_what_was_done_and_by_whom_not() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    let (up, url) = start(&data_dir, &[]);
    scrape(&url).await;
    let secrets = story::tell(&data_dir, &up.server, &up.web).await;
    let (told, text) = scrape(&url).await;

    for secret in secrets
        .iter()
        .map(String::as_str)
        .chain(["jean-luc", "locutus"])
    {
        assert!(!text.contains(secret), "{secret} stands in the metrics");
    }
    let is = |name: &str, labels: &[(&str, &str)], least: f64, most: f64| {
        let value = sum(&told, name, labels);
        assert!(
            (least..=most).contains(&value),
            "{name}{labels:?} is {value}"
        );
    };
    let requests = "picard_http_requests_total";
    let tools = ("route", "/api/tools");
    is(
        requests,
        &[tools, ("method", "POST"), ("status", "2xx")],
        7.0,
        7.0,
    );
    is(requests, &[tools, ("status", "4xx")], 2.0, 2.0);
    is(
        requests,
        &[
            ("route", "unmatched"),
            ("service", "server"),
            ("status", "4xx"),
        ],
        1.0,
        9.0,
    );
    is(requests, &[("method", "other")], 1.0, 1.0);
    is(
        requests,
        &[("service", "web"), ("route", "/search"), ("status", "2xx")],
        1.0,
        1.0,
    );
    is(
        "picard_http_request_duration_seconds_count",
        &[tools],
        9.0,
        9.0,
    );
    is("picard_http_requests_in_flight", &[], 0.0, 0.0);
    let calls = "picard_tool_calls_total";
    is(calls, &[("surface", "rest"), ("outcome", "ok")], 7.0, 7.0);
    is(
        calls,
        &[("surface", "rest"), ("outcome", "rejected")],
        2.0,
        2.0,
    );
    is(calls, &[("surface", "mcp"), ("outcome", "ok")], 2.0, 2.0);
    is(
        calls,
        &[("surface", "mcp"), ("outcome", "rejected")],
        1.0,
        1.0,
    );
    is(calls, &[("outcome", "failed")], 0.0, 0.0);
    let events = "picard_token_events_total";
    is(events, &[("event", "code_issued")], 2.0, 2.0);
    is(events, &[("event", "issued")], 2.0, 2.0);
    is(events, &[("event", "refreshed")], 1.0, 1.0);
    is(events, &[("event", "code_replayed")], 1.0, 1.0);
    is(events, &[("event", "revoked")], 1.0, 1.0);
    is(events, &[("event", "refused")], 1.0, 1.0);
    let log_ins = "picard_log_ins_total";
    is(
        log_ins,
        &[("service", "server"), ("outcome", "wrong")],
        2.0,
        2.0,
    );
    is(
        log_ins,
        &[("service", "web"), ("outcome", "wrong")],
        1.0,
        1.0,
    );
    is(
        "picard_client_registrations_total",
        &[("by", "administrator")],
        2.0,
        2.0,
    );
    is(
        "picard_embedding_texts_total",
        &[("kind", "passage")],
        2.0,
        9.0,
    );
    is(
        "picard_embedding_texts_total",
        &[("kind", "query")],
        1.0,
        9.0,
    );
    is(
        "picard_embedding_texts_total",
        &[("kind", "cached")],
        2.0,
        9.0,
    );
    is("picard_embedding_windows_total", &[], 3.0, 99.0);
    is(
        "picard_embedding_busy_seconds_total",
        &[],
        0.000_001,
        1000.0,
    );
    is("picard_embedding_queue_length", &[], 0.0, 0.0);
    is(
        "picard_partition_updates_total",
        &[("kind", "load")],
        1.0,
        1.0,
    );
    is(
        "picard_partition_updates_total",
        &[("kind", "refresh")],
        1.0,
        9.0,
    );
    is("picard_partitions_resident", &[], 1.0, 1.0);
    is("picard_partition_resident_bytes", &[], 384.0, 1e9);
    is(
        "picard_partition_budget_bytes",
        &[],
        1_073_741_824.0,
        1_073_741_824.0,
    );
    is(
        "picard_data_key_lookups_total",
        &[("outcome", "unwrapped")],
        1.0,
        9.0,
    );
    is(
        "picard_data_key_lookups_total",
        &[("outcome", "failed")],
        0.0,
        0.0,
    );
    is(
        "picard_database_connections_max",
        &[("pool", "write"), ("service", "server")],
        1.0,
        1.0,
    );
    is(
        "picard_housekeeping_turns_total",
        &[("outcome", "done")],
        1.0,
        1.0,
    );
    is(
        "picard_build_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1.0,
        1.0,
    );
    is("process_start_time_seconds", &[], 1.7e9, 4e9);
    if cfg!(target_os = "linux") {
        is("process_resident_memory_bytes", &[], 1e6, 1e11);
        is("process_open_fds", &[], 5.0, 1e5);
        is("process_cpu_seconds_total", &[], 0.01, 1e5);
    }
    every_family_is_listed(&told);
    routes_are_those_of_the_router(&told);
}

/// What is exposed is in the list that the documentation is made of, with its
/// type, help and labels; and what is in the list is exposed.
fn every_family_is_listed(told: &Exposition) {
    for (name, family) in told {
        let definition = ALL.iter().find(|definition| definition.name == name);
        let definition = definition.unwrap_or_else(|| panic!("{name} is not in the list"));
        assert_eq!(family.kind, definition.kind.as_str(), "{name}");
        assert_eq!(family.help, definition.help.replace('\\', "\\\\"), "{name}");
        let mut wanted: BTreeSet<_> = definition.labels.iter().copied().collect();
        if definition.of != Of::Process {
            wanted.insert("service");
        }
        for sample in &family.samples {
            let labels = sample.labels.keys().map(String::as_str);
            let labels: BTreeSet<_> = labels.filter(|label| *label != "le").collect();
            assert_eq!(labels, wanted, "{name}");
            if definition.of == Of::Server {
                assert!(sample.is(&[("service", "server")]), "{name}");
            }
        }
    }
    let linux = [
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
    ];
    for definition in ALL {
        let is_told = told.contains_key(definition.name);
        let elsewhere = !cfg!(target_os = "linux") && linux.contains(&definition.name);
        assert!(is_told || elsewhere, "{} is never told", definition.name);
    }
}

/// No path that somebody asked for becomes a label.
fn routes_are_those_of_the_router(told: &Exposition) {
    for sample in &told["picard_http_requests_total"].samples {
        let route = &sample.labels["route"];
        let looks_fixed = route.split('/').all(|part| {
            part.starts_with('{')
                || part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b"._-".contains(&b))
        });
        assert!(looks_fixed, "{route}");
    }
}

#[tokio::test]
async fn only_who_has_the_token_reads_the_metrics_and_nowhere_else() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (up, url) = start(&dir.path().join("data"), &["--metrics-token", TOKEN]);
    let ask = |header: Option<String>| {
        let request = http().get(&url);
        let request = match header {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        async move { request.send().await.expect("an answer").status().as_u16() }
    };
    for bad in [
        None,
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Bearer {TOKEN}x")),
        Some(format!("Basic {TOKEN}")),
        Some(TOKEN.to_owned()),
    ] {
        assert_eq!(ask(bad.clone()).await, 401, "{bad:?}");
    }
    assert_eq!(ask(Some(format!("Bearer {TOKEN}"))).await, 200);
    for base in [&up.server, &up.web, &url.replace("/metrics", "")] {
        let elsewhere = if url.starts_with(base.as_str()) {
            "/"
        } else {
            "/metrics"
        };
        let answer = http().get(format!("{base}{elsewhere}")).send().await;
        assert_eq!(answer.expect("an answer").status(), 404, "{base}");
    }
}

/// A client that hangs up is counted, once, and nothing stays in flight. The
/// memory is long, so that its vectors take their time.
#[tokio::test]
async fn a_request_that_was_given_up_is_over() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    let (up, url) = start(&data_dir, &[]);
    let application = register(&data_dir, &up.server);
    let mut person = Visitor::new(&up.server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let token = application.connect(&mut person).await.access;
    let data = json!({"text": "tea, earl grey, hot. ".repeat(3000)});
    let body = json!({"tool": "submit_memory", "data": data}).to_string();
    let head = format!(
        "POST /api/tools HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let address = up.server.replace("http://localhost", "127.0.0.1");
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(body.as_bytes()).expect("sent");
    until(async || {
        let (told, _) = scrape(&url).await;
        sum(&told, "picard_embedding_queue_length", &[]) > 0.5
    })
    .await;
    drop(stream);
    let gone = [("route", "/api/tools"), ("status", "gone")];
    until(async || {
        let (told, _) = scrape(&url).await;
        sum(&told, "picard_http_requests_total", &gone) > 0.5
            && sum(&told, "picard_http_requests_in_flight", &[]) < 0.5
    })
    .await;
}

async fn until(is: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come to be");
}

/// The table in the documentation is the list.
#[test]
fn the_documentation_has_every_metric_and_no_other() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let docs = fs::read_to_string(docs).expect("docs/metrics.md");
    let rows = ALL.iter().map(|definition| {
        let labels: Vec<_> = definition
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let kind = match definition.kind {
            Kind::Histogram(buckets) => {
                let ends = (buckets[0], buckets[buckets.len() - 1]);
                format!("histogram, {} to {} s", ends.0, ends.1)
            }
            kind => kind.as_str().to_owned(),
        };
        format!(
            "| `{}` | {kind} | {} | {} | {} |",
            definition.name,
            labels.join(", "),
            definition.of.as_str(),
            definition.help
        )
    });
    let wanted: Vec<_> = rows.collect();
    let found: Vec<_> = docs
        .lines()
        .filter(|line| line.starts_with("| `picard_") || line.starts_with("| `process_"))
        .collect();
    assert_eq!(found, wanted, "the table should be:\n{}", wanted.join("\n"));
}

/// The conventions of Prometheus about names.
#[test]
fn names_end_in_what_they_are() {
    for definition in ALL {
        let name = definition.name;
        assert!(
            name.starts_with("picard_") || name.starts_with("process_"),
            "{name}"
        );
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{name}"
        );
        let counts = matches!(definition.kind, Kind::Counter);
        assert_eq!(counts, name.ends_with("_total"), "{name}");
        if matches!(definition.kind, Kind::Histogram(_)) {
            assert!(name.ends_with("_seconds"), "{name}");
        }
        assert!(
            definition.help.ends_with('.') || definition.help.ends_with(')'),
            "{name}"
        );
    }
}
