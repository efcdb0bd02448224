//! Where SQL may be, and what the web client's keeps to. What the server's keeps
//! to is in `store/tests/store/habits.rs`. Unlike the server's tables, the web client's
//! have foreign keys: they are few and stay on one machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use picard_testkit::NOT_EVERYWHERE;

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")
}

fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).expect("a text");
            found.push((path, text));
        }
    }
}

fn read(folder: PathBuf) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    sources(&folder, &mut found);
    assert!(!found.is_empty(), "{} has sources", folder.display());
    found
}

#[test]
fn sql_is_written_where_the_tables_are_and_nowhere_else() {
    for entry in fs::read_dir(crates()).expect("the crates") {
        let folder = entry.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy();
        // `sql` knows no tables but its own, and `testkit` makes databases.
        if ["sql", "store", "testkit"].contains(&&*name) {
            continue;
        }
        for (file, text) in read(folder.join("src")) {
            if name == "web" && file.starts_with(folder.join("src/store")) {
                continue;
            }
            // A test may take a table away to see what becomes of its callers.
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in ["sql!(", "sqlx::", "picard_sql::Query"] {
                assert!(!product.contains(word), "{}: {word}", file.display());
            }
        }
    }
}

#[test]
fn the_web_clients_statements_keep_to_what_every_database_has() {
    let mut seen = 0;
    for (file, text) in read(crates().join("web/src/store")) {
        let file = file.display();
        assert!(
            !text.contains("Query::new") && !text.contains("format!("),
            "{file}"
        );
        for call in text.split("sql!(").skip(1) {
            let statement = call
                .split('"')
                .nth(1)
                .expect("it is written where it is used");
            let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
            seen += 1;
            for word in NOT_EVERYWHERE {
                let lower = statement.to_lowercase();
                assert!(!lower.contains(word), "{file} uses {word:?}: {statement}");
            }
            let changes = statement.starts_with("UPDATE") || statement.starts_with("DELETE");
            assert!(
                !changes || statement.contains(" WHERE "),
                "{file}: all rows: {statement}"
            );
        }
    }
    assert!(seen > 20, "the statements are found");
}

#[test]
fn the_web_clients_migrations_keep_to_what_every_database_has() {
    let folder = crates().join("web/migrations");
    for entry in fs::read_dir(&folder).expect("the migrations") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text").to_lowercase();
        let code: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect();
        let code = code.join(" ");
        for word in NOT_EVERYWHERE {
            assert!(!code.contains(word), "{} uses {word:?}", path.display());
        }
        for statement in code.split(';').filter(|part| part.contains("index")) {
            assert!(
                !statement.contains(" where "),
                "{}: a partial index",
                path.display()
            );
        }
    }
}
