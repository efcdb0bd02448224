//! A temporary PostgreSQL server, one for each test process.
//!
//! `TEST_DATABASE_URL` names a running server to use instead. Otherwise one is
//! made in a temporary folder and listens on a socket in that folder, where
//! only its owner gets in. It ends with the process, however that ends: a
//! shell waits for the end of its input, which the system closes for us, and
//! then stops the server that it started and removes the folder.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

/// Makes a server in a new folder, says where, and cleans up at the end of input.
/// Speed is all that counts: nothing of this is to survive a power cut.
const KEEPER: &str = r#"
    trap '' INT TERM HUP PIPE
    bin=$1
    cd /
    folder=$(mktemp -d "${TMPDIR:-/tmp}/picard-postgres.XXXXXX") || exit 1
    server=
    finish() {
        if [ -n "$server" ]; then kill -QUIT "$server" 2>/dev/null; wait "$server"; fi
        rm -rf "$folder"
    }
    fail() { cat "$folder/log"; finish; exit 1; }
    "$bin/initdb" -D "$folder/data" -U picard -A trust -E UTF8 --no-locale -N >"$folder/log" 2>&1 || fail
    "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=300 \
        -c fsync=off -c full_page_writes=off -c synchronous_commit=off >>"$folder/log" 2>&1 &
    server=$!
    until "$bin/pg_isready" -q -h "$folder" -U picard -d postgres; do
        kill -0 "$server" 2>/dev/null || fail
        sleep 0.05
    done
    echo "ready $folder"
    cat >/dev/null
    finish
"#;

/// A server that databases can be made on.
struct Server {
    admin: PgConnectOptions,
    /// Its input is the thread that the server's life hangs by.
    _keeper: Option<Child>,
}

/// Makes an empty database on the process's server and returns its address.
///
/// # Panics
/// When there is no server and none can be made: the message says what to install.
pub async fn create_database() -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let server = server();
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("picard_test_{}_{number}", std::process::id());
    let mut admin = connect(&server.admin).await;
    // A process of the same number may have left one behind on a server that lives longer.
    for statement in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name}"),
    ] {
        let done = sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut admin)
            .await;
        done.expect("the server makes databases");
    }
    admin.close().await.expect("the server says goodbye");
    server.admin.clone().database(&name).to_url_lossy().into()
}

/// Deletes a database made by [`create_database`], whoever is still connected.
pub async fn drop_database(url: &str) {
    let options = PgConnectOptions::from_str(url).expect("the address was made by us");
    let name = options
        .get_database()
        .expect("the address names a database");
    assert!(
        name.starts_with("picard_test_"),
        "{name} was not made by a test"
    );
    let mut admin = connect(&server().admin).await;
    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    let done = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut admin).await;
    done.expect("the server drops databases");
    admin.close().await.expect("the server says goodbye");
}

/// Returns the folder with the programs of PostgreSQL (`pg_dump`, `psql` and so on).
pub fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    // PATH may hold links to some of the programs only, so the real folders come first.
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(env::split_paths(&path));
    let complete = |folder: &PathBuf| {
        ["initdb", "postgres", "pg_isready"]
            .iter()
            .all(|name| folder.join(name).exists())
    };
    folders.into_iter().find(complete).expect(
        "these tests need PostgreSQL: install it (Debian: `apt install postgresql`), or set \
         TEST_DATABASE_URL to a server where databases may be made",
    )
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        #[expect(
            clippy::disallowed_methods,
            reason = "a setting of the tests, not of the program"
        )]
        let given = env::var("TEST_DATABASE_URL");
        match given {
            Ok(url) => Server {
                admin: PgConnectOptions::from_str(&url)
                    .expect("TEST_DATABASE_URL has the form postgres://USER:PASSWORD@HOST/NAME"),
                _keeper: None,
            },
            Err(_) => start(&programs()),
        }
    })
}

fn start(programs: &Path) -> Server {
    let mut keeper = as_its_user("sh")
        .args(["-c", KEEPER, "keeper"])
        .arg(programs)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts; as root this takes `runuser` and the user `postgres`");
    let mut answer = BufReader::new(keeper.stdout.take().expect("the output is a pipe"));
    let mut line = String::new();
    answer.read_line(&mut line).expect("the shell answers");
    let Some(folder) = line.trim().strip_prefix("ready ") else {
        answer.read_to_string(&mut line).expect("the shell answers");
        panic!("PostgreSQL did not start:\n{line}");
    };
    let admin = PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .username("picard")
        .database("postgres");
    Server {
        admin,
        _keeper: Some(keeper),
    }
}

/// Returns a command that runs `program` as a user that PostgreSQL can run as.
pub(crate) fn as_its_user(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    // PostgreSQL refuses to run as root. Its Debian package makes a user for it.
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--", program]);
    command
}

async fn connect(admin: &PgConnectOptions) -> PgConnection {
    let connection = PgConnection::connect_with(&admin.clone().disable_statement_logging()).await;
    connection.expect("the PostgreSQL server of the tests answers")
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("`id` runs");
    id.stdout.trim_ascii() == b"0"
}
