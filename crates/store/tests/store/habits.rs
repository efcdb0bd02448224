//! The habits of every statement, read from the source: what keeps databases
//! that spread users over many machines possible.

use std::{fs, path::Path};

use picard_testkit::NOT_EVERYWHERE;

const USER_TABLES: [&str; 10] = [
    "memories",
    "vectors",
    "tombstones",
    "sessions",
    "grants",
    "codes",
    "access_tokens",
    "refresh_tokens",
    "consent_tickets",
    "audit",
];

/// The other tables: of everybody, or of nobody. What is in neither list is refused, so
/// that whoever makes a table says whose rows it holds.
const SHARED_TABLES: [&str; 5] = [
    "users",
    "clients",
    "attempts",
    "client_assertions",
    "leases",
];

/// What databases that spread people over many machines do without, besides what not
/// every database has.
const NOT_SPREAD: [&str; 4] = ["any(", "default ", "references", "foreign key"];

/// What is asked about all people at once, seldom: these go to every
/// machine that users are spread over.
const ACROSS_PEOPLE: [&str; 5] = [
    "SELECT count(*) FROM grants g WHERE g.client_id = $1 AND",
    "UPDATE grants SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL",
    // At each start and once an hour: which models embedded memories, and how many.
    "SELECT MIN(model) FROM vectors",
    "SELECT MIN(model) FROM vectors WHERE model > $1",
    "SELECT COUNT(*) FROM (SELECT memory_id FROM vectors WHERE model = $1 LIMIT $2) AS counted",
];

/// From this migration on, what the program before works with stays as it is.
const ADDITIVE_FROM: u32 = 4;

/// What a statement of a migration begins with when the program before does not
/// notice it: while nodes are replaced one after another, old ones work on.
const ADDITIVE: [&str; 3] = ["CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX "];

/// Other statements of migrations that old nodes go on with, and why they do.
const HARMLESS: [(&str, &str); 1] = [(
    "ALTER TABLE users ALTER COLUMN handle TYPE TEXT COLLATE \"C\"",
    "the type is the same; only the order of handles is another",
)];

/// All texts within `sql!(…)` of this crate, with the file that holds each.
pub(crate) fn statements() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(sources).expect("the sources are here") {
        let path = entry.expect("an entry").path();
        let file = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let source = fs::read_to_string(&path).expect("a text");
        for call in source.split("sql!(").skip(1) {
            let text = call
                .split('"')
                .nth(1)
                .expect("a statement is written where it is used");
            found.push((
                file.clone(),
                text.split_whitespace().collect::<Vec<_>>().join(" "),
            ));
        }
    }
    assert!(found.len() > 50, "the statements are found");
    found
}

fn migrations() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the migrations are here") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        let code = text
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect::<Vec<_>>();
        found.push((path.display().to_string(), code.join(" ")));
    }
    assert_eq!(found.len() % 2, 0, "migrations come in pairs");
    found
}

/// Tells whether a word stands in a statement.
fn names(statement: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    statement.split(|c| !is_part(c)).any(|part| part == word)
}

#[test]
fn every_statement_on_a_user_s_rows_names_the_user_or_a_digest() {
    for (file, statement) in statements() {
        if !USER_TABLES.iter().any(|table| names(&statement, table))
            || ACROSS_PEOPLE.contains(&statement.as_str())
        {
            continue;
        }
        let condition = if let Some((_, condition)) = statement.split_once("WHERE") {
            condition
        } else {
            assert!(
                statement.starts_with("INSERT"),
                "{file}: all rows at once: {statement}"
            );
            &statement
        };
        let bound = names(condition, "user_id") || names(condition, "digest");
        assert!(bound, "{file}: whose rows? {statement}");
    }
}

#[test]
fn every_join_with_a_user_s_rows_is_by_the_user() {
    let mut seen = 0;
    for (file, statement) in statements() {
        for joined in statement.split(" JOIN ").skip(1) {
            let table = joined.split(' ').next().expect("a table");
            let on = joined.split(" WHERE ").next().expect("a condition");
            if USER_TABLES.contains(&table) {
                seen += 1;
                assert!(names(on, "user_id"), "{file}: by what? {joined}");
            }
        }
        // A list of tables would be a join without a condition of its own.
        let from = statement.split(" FROM ").skip(1);
        for tables in from.filter_map(|rest| rest.split([' ', ')']).next()) {
            assert!(!tables.ends_with(','), "{file}: write JOIN: {statement}");
        }
    }
    assert!(seen > 3, "the joins are found");
}

#[test]
fn every_table_is_known_as_somebody_s_or_as_everybody_s() {
    for (file, text) in migrations() {
        // One that is made under another name on the way gets its own at the end.
        let renamed = |made: &str| {
            let (_, name) = text.split_once(&format!("ALTER TABLE {made} RENAME TO "))?;
            name.split(';').next().map(str::to_owned)
        };
        for made in text.split("CREATE TABLE ").skip(1) {
            let made = made.split(' ').next().expect("a name");
            let name = renamed(made).unwrap_or_else(|| made.to_owned());
            let name = name.as_str();
            let known = USER_TABLES.contains(&name) || SHARED_TABLES.contains(&name);
            assert!(known, "{file}: whose rows does {name} hold?");
        }
        let others = [
            "CREATE TEMP",
            "CREATE UNLOGGED",
            "CREATE TABLE IF",
            "CREATE VIEW",
        ];
        for other in others {
            assert!(!text.contains(other), "{file}: {other}");
        }
    }
}

#[test]
fn keys_of_users_rows_begin_with_the_user_or_are_a_digest() {
    for database in ["sqlite", "postgres"] {
        let all = migrations()
            .into_iter()
            .filter(|(file, _)| file.contains(database));
        let text: String = all.map(|(_, text)| text).collect();
        for table in USER_TABLES {
            let head = format!("CREATE TABLE {table} (");
            let mut made = text.split(&head).skip(1);
            let table = made.next().expect("made");
            let key = table.split_once("PRIMARY KEY (").expect("a key").1;
            assert!(
                key.starts_with("user_id, ") || key.starts_with("digest)"),
                "{database}: {key}"
            );
            assert!(made.next().is_none(), "{database}: made once");
        }
    }
}

#[test]
fn no_statement_uses_what_not_every_database_has() {
    for (file, statement) in statements().into_iter().chain(migrations()) {
        let lower = statement.to_lowercase();
        for word in NOT_EVERYWHERE.into_iter().chain(NOT_SPREAD) {
            assert!(!lower.contains(word), "{file} uses {word:?}: {statement}");
        }
        let partial_index = lower.contains("index") && lower.contains(" where ");
        assert!(!partial_index, "{file}: a partial index: {statement}");
    }
}

/// Tells whether the program before can go on after this statement. A new column
/// is none of its business when its INSERTs need not name it.
fn is_additive(statement: &str) -> bool {
    let adds_column = statement.starts_with("ALTER TABLE ")
        && statement.contains(" ADD COLUMN ")
        && !statement.contains("NOT NULL");
    adds_column
        || ADDITIVE.iter().any(|head| statement.starts_with(head))
        || HARMLESS.iter().any(|(known, _)| *known == statement)
}

#[test]
fn migrations_leave_what_the_program_before_works_with() {
    let mut seen = 0;
    for (file, text) in migrations() {
        let name = Path::new(&file).file_name().expect("a name");
        let number = name.to_string_lossy()[..4].parse::<u32>();
        if number.expect("it begins with its number") < ADDITIVE_FROM {
            continue;
        }
        for statement in text.split(';') {
            let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
            if !statement.is_empty() {
                assert!(
                    is_additive(&statement),
                    "{file}: old nodes fail: {statement}"
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 5, "the statements are found");
    for breaking in [
        "ALTER TABLE clients DROP COLUMN name",
        "ALTER TABLE clients RENAME COLUMN name TO title",
        "ALTER TABLE clients ADD COLUMN more TEXT NOT NULL",
        "DROP TABLE clients",
    ] {
        assert!(!is_additive(breaking), "{breaking}");
    }
}

#[test]
fn no_statement_counts_the_characters_of_a_text_which_reads_all_of_it() {
    for (file, statement) in statements() {
        let lower = statement.to_lowercase();
        let counts = lower.replace("octet_length(", "").contains("length(");
        assert!(!counts, "{file}: {statement}");
    }
}

#[test]
fn no_statement_is_put_together_at_run_time() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(sources).expect("the sources are here") {
        let path = entry.expect("an entry").path();
        let source = fs::read_to_string(&path).expect("a text");
        for word in ["format!(", "AssertSqlSafe", "Query::new"] {
            assert!(!source.contains(word), "{}: {word}", path.display());
        }
    }
}
