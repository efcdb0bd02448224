//! The files of the deployment agree with each other, and keep to what the docs
//! say of them. Whether the binary knows their variables is asked in `flows`.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, process::Command};

use picard_tests::compose::{asked_for, interpolated, root, services, variables};

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect("a file of the repository")
}

#[test]
fn there_are_the_four_services_of_the_reference_on_its_ports() {
    let services = services();
    let names: Vec<_> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["db-mcp", "db-web", "mcp_server", "web_client"]);
    let ports = |name: &str| {
        let none = std::collections::BTreeMap::new();
        let ports = services[name].ports.iter();
        ports
            .map(|port| interpolated(port, &none))
            .collect::<Vec<_>>()
    };
    assert_eq!(ports("mcp_server"), ["127.0.0.1:8001:8000"]);
    assert_eq!(ports("web_client"), ["127.0.0.1:8000:8000"]);
    assert!(ports("db-mcp").is_empty() && ports("db-web").is_empty());
}

#[test]
fn every_service_is_locked_down_and_says_when_it_is_ready() {
    let text = read("compose.yaml");
    let (_, anchors) = text.split_once("x-hardened:").expect("the anchor");
    let (anchors, _) = anchors.split_once("services:").expect("services");
    for rule in [
        "read_only: true",
        "cap_drop: [ALL]",
        "no-new-privileges:true",
        "restart: unless-stopped",
        "x-picard: &picard\n  <<: *hardened",
    ] {
        assert!(anchors.contains(rule), "{rule}");
    }
    for (name, service) in services() {
        let line = |wanted: &str| service.lines.iter().any(|line| line == wanted);
        assert!(line("<<: *hardened") || line("<<: *picard"), "{name}");
        assert!(line("healthcheck:") && line("- /tmp"), "{name}");
    }
}

#[test]
fn what_compose_asks_for_is_in_the_example_and_nothing_else_is() {
    let text = read("compose.yaml");
    let asked: BTreeSet<_> = asked_for(&text).into_iter().map(str::to_owned).collect();
    let told: BTreeSet<_> = variables(&read(".env.example")).into_keys().collect();
    assert_eq!(asked, told);
}

#[test]
fn no_secret_has_a_default() {
    let is_secret = |name: &str| {
        ["PASSWORD", "SECRET", "_KEY"]
            .iter()
            .any(|part| name.contains(part))
            || name == "OAUTH_CLIENT_ID"
    };
    for (name, value) in variables(&read(".env.example")) {
        assert_eq!(
            is_secret(&name),
            value.is_empty() && !name.starts_with("PICARD"),
            "{name}"
        );
    }
    let text = read("compose.yaml");
    for inner in text.split("${").skip(1) {
        let inner = inner.split('}').next().unwrap_or_default();
        let (name, otherwise) = inner.split_once(':').expect("a default or a demand");
        // The administrator's password is wanted at the first start only.
        let harmless = otherwise.starts_with('?') || otherwise == "-";
        assert!(!is_secret(name) || harmless, "{inner}");
    }
}

#[test]
fn one_command_makes_every_secret_and_none_twice() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(dir.path().join("scripts")).expect("a folder");
    for file in [".env.example", "scripts/make-env"] {
        fs::copy(root().join(file), dir.path().join(file)).expect("a copy");
    }
    let make = || {
        let done = Command::new("sh")
            .arg(dir.path().join("scripts/make-env"))
            .output()
            .expect("a shell");
        assert!(done.status.success(), "{done:?}");
        fs::read_to_string(dir.path().join(".env")).expect(".env")
    };
    let first = make();
    let made = variables(&first);
    let mut values = BTreeSet::new();
    for (name, before) in variables(&read(".env.example")) {
        if before.is_empty() && !name.starts_with("PICARD") {
            let value = &made[&name];
            let long = if name == "OAUTH_CLIENT_ID" { 36 } else { 64 };
            assert_eq!(value.len(), long, "{name}");
            assert!(values.insert(value.clone()), "{name} is that of another");
        } else {
            assert_eq!(made[&name], before);
        }
    }
    let id = &made["OAUTH_CLIENT_ID"];
    assert!(id.parse::<picard_domain::ClientId>().is_ok(), "{id}");
    let mode = fs::metadata(dir.path().join(".env")).expect(".env");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    assert_eq!(make(), first, "a second time changes nothing");
    // One that came with a newer version is added, and the others stay.
    let without = first.replace(&made["DB_PASSWORD"], "");
    fs::write(dir.path().join(".env"), &without).expect(".env");
    let again = variables(&make());
    assert_eq!(again["DJANGO_SECRET_KEY"], made["DJANGO_SECRET_KEY"]);
    assert_eq!(again["DB_PASSWORD"].len(), 64);
}

#[test]
fn the_image_runs_as_nobody_and_has_no_shell() {
    let text = read("Dockerfile");
    let (_, last) = text.rsplit_once("\nFROM ").expect("stages");
    assert!(last.starts_with("scratch\n"));
    for line in [
        "USER 65532:65532",
        "STOPSIGNAL SIGTERM",
        "VOLUME [\"/data\"]",
        "ENTRYPOINT [\"picard\"]",
    ] {
        assert!(last.lines().any(|l| l == line), "{line}");
    }
    assert!(!last.contains("\nRUN "), "there is nothing to run it with");
    assert!(text.contains("cargo build --locked --release"));
    let ignored = read(".dockerignore");
    for file in [".git", ".env", ".env.*", "data", "**/target"] {
        assert!(ignored.lines().any(|line| line == file), "{file}");
    }
}

#[test]
fn both_units_differ_only_in_who_they_are() {
    let rules = |file: &str| -> Vec<String> {
        let text = read(file).replace("picard-web", "picard");
        let lines = text.lines().skip_while(|line| *line != "[Service]");
        let rest = lines.filter(|line| !line.starts_with("ExecStart"));
        rest.map(|line| line.replace("web.env", "server.env"))
            .collect()
    };
    assert_eq!(
        rules("deploy/picard.service"),
        rules("deploy/picard-web.service")
    );
}
