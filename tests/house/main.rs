//! The house keeps its shape: which crate may use which, and how long a file may be.

mod deployment;
mod rows;
mod sql;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::Value;

/// `A -> B`: A may use B. What is not here is forbidden.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "picard",
        &[
            "server", "web", "client", "app", "eval", "store", "sql", "search", "embed", "crypto",
            "domain", "metrics", "observe",
        ],
    ),
    (
        "eval",
        &["app", "store", "search", "embed", "crypto", "domain"],
    ),
    (
        "server",
        &["app", "oauth", "ui", "domain", "metrics", "observe"],
    ),
    (
        "app",
        &[
            "store", "search", "embed", "oauth", "crypto", "domain", "metrics",
        ],
    ),
    ("store", &["sql", "domain"]),
    ("search", &["domain"]),
    (
        "web",
        &[
            "client", "sql", "crypto", "ui", "domain", "metrics", "observe",
        ],
    ),
    ("client", &["oauth", "domain"]),
    ("oauth", &["crypto", "domain"]),
    ("ui", &["crypto", "domain"]),
    ("crypto", &["domain"]),
    ("sql", &["domain"]),
    ("observe", &["metrics", "domain"]),
    ("embed", &[]),
    // Nothing of ours and no I/O: so use cases can count without knowing who reads it.
    ("metrics", &[]),
    ("domain", &[]),
];

/// Crates that are not part of the product and may use whatever they test or measure.
const TOOLS: &[&str] = &[
    "picard-testkit",
    "picard-tests",
    "picard-load",
    "picard-properties",
];

/// What must never be reached, not even through others.
const NEVER: &[(&str, &[&str])] = &[
    (
        "picard-web",
        &["picard-server", "picard-app", "picard-store"],
    ),
    (
        "picard-domain",
        &["axum", "sqlx", "tokio", "reqwest", "prometheus"],
    ),
    (
        "picard-oauth",
        &["axum", "sqlx", "tokio", "reqwest", "prometheus"],
    ),
    ("picard-search", &["prometheus"]),
    ("picard-metrics", &["axum", "sqlx", "tokio", "reqwest"]),
    ("picard-store", &["picard-crypto"]),
    ("picard", &["openssl", "native-tls", "openssl-sys"]),
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn normal_dependencies(package: &Value) -> BTreeSet<&str> {
    let dependencies = package["dependencies"].as_array().expect("a list");
    dependencies
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .collect()
}

#[test]
fn every_arrow_between_crates_is_allowed() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    for (from, allowed) in ARROWS {
        let name = if *from == "picard" {
            (*from).to_owned()
        } else {
            format!("picard-{from}")
        };
        let package = packages
            .iter()
            .find(|package| package["name"] == name.as_str());
        let package = package.unwrap_or_else(|| panic!("there is no crate {name}"));
        for used in normal_dependencies(package) {
            let Some(used) = used.strip_prefix("picard-") else {
                continue;
            };
            assert!(allowed.contains(&used), "{name} must not use picard-{used}");
        }
    }
}

#[test]
fn every_crate_of_the_house_has_its_arrows() {
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().expect("a list");
    for package in metadata["packages"].as_array().expect("a list") {
        let name = package["name"].as_str().expect("a name");
        let known = ARROWS.iter().any(|(from, _)| {
            name == *from
                || name
                    .strip_prefix("picard-")
                    .is_some_and(|short| short == *from)
        });
        if members.contains(&package["id"]) {
            assert!(
                known || TOOLS.contains(&name),
                "say in ARROWS what {name} may use"
            );
        }
    }
}

#[test]
fn forbidden_crates_are_not_reached_by_any_way() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a list");
    let packages = metadata["packages"].as_array().expect("a list");
    let name_of = |id: &Value| {
        let package = packages.iter().find(|package| package["id"] == *id);
        package
            .and_then(|package| package["name"].as_str())
            .expect("a resolved package")
    };
    for (from, never) in NEVER {
        let start = nodes
            .iter()
            .find(|node| name_of(&node["id"]) == *from)
            .expect("a crate");
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(node) = open.pop() {
            for dependency in node["deps"].as_array().expect("a list") {
                let kinds = dependency["dep_kinds"].as_array().expect("a list");
                if !kinds.iter().any(|kind| kind["kind"].is_null()) {
                    continue;
                }
                let next = nodes.iter().find(|node| node["id"] == dependency["pkg"]);
                let next = next.expect("a resolved package");
                if seen.insert(name_of(&next["id"])) {
                    open.push(next);
                }
            }
        }
        for name in *never {
            assert!(!seen.contains(name), "{from} must not reach {name}");
        }
    }
}

#[test]
fn no_source_file_is_longer_than_800_lines() {
    fn walk(dir: &Path, long: &mut Vec<String>) {
        for entry in fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, long);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let lines = fs::read_to_string(&path).expect("a text").lines().count();
                if lines > 800 {
                    long.push(format!("{} has {lines} lines", path.display()));
                }
            }
        }
    }
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut long = Vec::new();
    for dir in ["crates", "tests", "load", "properties"] {
        walk(&root.join(dir), &mut long);
    }
    assert!(
        long.is_empty(),
        "split these by what they are about: {long:?}"
    );
}

/// The fixtures of the conformance suite are for its tests alone.
#[test]
fn nothing_but_the_suite_turns_the_feature_conformance_on() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().expect("a list").iter();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut on = Vec::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        for (feature, turns_on) in package["features"].as_object().expect("features") {
            let reached = texts(turns_on);
            if name.starts_with("picard") && reached.iter().any(|f| f.contains("conformance")) {
                on.push(format!("{name}, feature {feature}"));
            }
        }
        for used in package["dependencies"].as_array().expect("a list") {
            if used["name"] == "picard-server"
                && texts(&used["features"]).contains(&"conformance".into())
            {
                let kind = used["kind"].as_str().unwrap_or("normal");
                on.push(format!("{name}, as a {kind} dependency"));
            }
        }
    }
    assert_eq!(on, ["picard-tests, as a dev dependency"]);
}
