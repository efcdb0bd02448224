//! A PostgreSQL server that one test has for itself: it may be stopped, also
//! without a farewell, and started again on the same port.
//!
//! The many tests that only need a database share one server, which is
//! quicker ([`postgres`](crate::postgres)). This one listens on 127.0.0.1,
//! asks for a password, and speaks TLS when told to. What it acknowledged
//! survives an immediate stop. It ends with the test's process, however that
//! ends: a shell waits for the end of its input and then stops the server
//! and removes the folder.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
    sync::Mutex,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::{
    ports::free_port,
    postgres::{as_its_user, programs},
};

/// Obeys lines of its input: `start PORT`, `fast`, `immediate`. Answers each with `done` or
/// `failed`. Without `fsync` the system's cache keeps what was written when only the server
/// dies; the rest of what makes a commit last is on.
const KEEPER: &str = r#"
    trap '' INT TERM HUP PIPE
    bin=$1
    cd /
    folder=$(mktemp -d "${TMPDIR:-/tmp}/picard-cluster.XXXXXX") || exit 1
    server=
    end() { if [ -n "$server" ]; then kill "-$1" "$server" 2>/dev/null; wait "$server"; server=; fi; }
    answer() { if [ "$1" = 0 ]; then echo done; else echo failed; fi; }
    start() {
        set -- "$1" -c fsync=off
        if [ -n "$CERTIFICATE" ]; then set -- "$@" -c ssl=on; fi
        port=$1; shift
        "$bin/postgres" -D "$folder/data" -k "$folder" -p "$port" -c listen_addresses=127.0.0.1 \
            -c max_connections=300 "$@" </dev/null >>"$folder/log" 2>&1 &
        server=$!
        until "$bin/pg_isready" -q -h "$folder" -p "$port" -U postgres -d postgres; do
            if ! kill -0 "$server" 2>/dev/null; then server=; return 1; fi
            sleep 0.05
        done
    }
    (
        "$bin/initdb" -D "$folder/data" -U postgres -E UTF8 --no-locale -N \
            --auth-local=trust --auth-host=scram-sha-256 || exit 1
        if [ -n "$CERTIFICATE" ]; then
            umask 077
            printf '%s' "$CERTIFICATE" >"$folder/data/server.crt"
            printf '%s' "$CERTIFICATE_KEY" >"$folder/data/server.key"
        fi
    ) >"$folder/log" 2>&1
    made=$?
    echo "$folder"
    answer $made
    while read -r order port; do
        case $order in
            start) start "$port"; answer $? ;;
            fast) end INT; answer 0 ;;
            immediate) end QUIT; answer 0 ;;
        esac
    done
    end QUIT
    rm -rf "$folder"
"#;

/// The role that [`Cluster::address`] names. It is no superuser and owns its databases.
pub const ROLE: &str = "picard";

/// Its password, with what has a meaning in addresses, shells and SQL.
pub const PASSWORD: &str = "it's p@ss/w:rd?#100%&\\";

/// How a server stops.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// Ends every connection, writes everything down, ends.
    Fast,
    /// Ends at once. At its next start it recovers from its log.
    Immediate,
}

/// Whether a server offers TLS.
#[derive(Debug, Clone, Copy)]
pub enum Tls {
    /// No.
    Absent,
    /// Yes, for the names `localhost` and 127.0.0.1; [`Cluster::authority`] made its certificate.
    Offered,
}

/// A server of one's own.
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    authority: Option<String>,
    keeper: Mutex<Keeper>,
}

struct Keeper {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    _process: Child,
}

impl Cluster {
    /// Makes a server with the role [`ROLE`] and starts it.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start: the message says what it said.
    pub fn running() -> Self {
        Self::make(Tls::Absent)
    }

    /// Makes one that is not running yet, but would be with the database `name` in it.
    pub fn stopped(name: &str) -> Self {
        let cluster = Self::running();
        cluster.create_database(name);
        cluster.stop(Stop::Fast);
        cluster
    }

    /// Makes and starts one that offers TLS.
    pub fn with_tls() -> Self {
        Self::make(Tls::Offered)
    }

    fn make(tls: Tls) -> Self {
        let certificate = match tls {
            Tls::Absent => None,
            Tls::Offered => Some(Certificate::new()),
        };
        let mut command = as_its_user("sh");
        command
            .args(["-c", KEEPER, "keeper"])
            .arg(programs())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(certificate) = &certificate {
            command
                .env("CERTIFICATE", &certificate.chain)
                .env("CERTIFICATE_KEY", &certificate.key);
        }
        let mut process = command
            .spawn()
            .expect("a shell starts; as root this takes `runuser` and the user `postgres`");
        let mut keeper = Keeper {
            orders: process.stdin.take().expect("the input is a pipe"),
            answers: BufReader::new(process.stdout.take().expect("the output is a pipe")),
            _process: process,
        };
        let folder = PathBuf::from(keeper.line());
        assert_eq!(keeper.line(), "done", "{}", log(&folder));
        // Another program may take the port between the look and the start.
        let port = (0..20).find_map(|_| {
            let port = free_port();
            keeper.obeys(&format!("start {port}")).then_some(port)
        });
        let cluster = Self {
            port: port.unwrap_or_else(|| panic!("PostgreSQL does not start: {}", log(&folder))),
            folder,
            authority: certificate.map(|certificate| certificate.authority),
            keeper: Mutex::new(keeper),
        };
        cluster.superuser(
            "postgres",
            &format!(
                "CREATE ROLE {ROLE} LOGIN PASSWORD '{}'",
                PASSWORD.replace('\'', "''")
            ),
        );
        cluster
    }

    /// Starts it after a stop, on the port that it had, and waits until it answers.
    pub fn start(&self) {
        self.order(&format!("start {}", self.port));
    }

    /// Stops it and waits until it has.
    pub fn stop(&self, how: Stop) {
        self.order(match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        });
    }

    fn order(&self, order: &str) {
        let mut keeper = self.keeper.lock().expect("no order failed");
        assert!(keeper.obeys(order), "{order}: {}", log(&self.folder));
    }

    /// Makes a database that belongs to [`ROLE`] and returns its address.
    pub fn create_database(&self, name: &str) -> String {
        self.superuser(
            "postgres",
            &format!("CREATE DATABASE \"{name}\" OWNER {ROLE}"),
        );
        self.address(name)
    }

    /// Returns the address of a database, whether it exists or not, for [`ROLE`].
    pub fn address(&self, name: &str) -> String {
        self.address_as(ROLE, PASSWORD, name)
    }

    /// Returns the address of a database for another role or with another password.
    pub fn address_as(&self, role: &str, password: &str, name: &str) -> String {
        let password: String = password
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        format!(
            "postgres://{role}:{password}@127.0.0.1:{}/{name}",
            self.port
        )
    }

    /// The port, the same over all starts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder with everything that the server keeps.
    pub fn data_directory(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The certificate, as PEM, that clients of a server [`with_tls`](Self::with_tls) trust.
    pub fn authority(&self) -> &str {
        let authority = self.authority.as_deref();
        authority.expect("this server was made with TLS")
    }

    /// Replaces the rules who gets in from where (the lines of `pg_hba.conf` for TCP).
    pub fn admit(&self, rules: &str) {
        let file = self.data_directory().join("pg_hba.conf");
        let rules = format!("local all all trust\n{rules}\n");
        fs::write(file, rules).expect("the rules can be written");
        self.superuser("postgres", "SELECT pg_reload_conf()");
    }

    /// Runs SQL as a superuser and returns the rows as text, columns parted by `|`.
    ///
    /// # Panics
    /// When the server refuses it.
    pub fn superuser(&self, database: &str, sql: &str) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new(programs().join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-U", "postgres", "-d", database, "-c", sql, "-h"])
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .output()
            .expect("psql runs");
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{sql}: {stderr}");
        String::from_utf8_lossy(&stdout).trim_end().to_owned()
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        log(&self.folder)
    }
}

impl Keeper {
    fn obeys(&mut self, order: &str) -> bool {
        writeln!(self.orders, "{order}").expect("the keeper of the server lives");
        self.line() == "done"
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        read.expect("the keeper of the server answers");
        line.trim_end().to_owned()
    }
}

struct Certificate {
    authority: String,
    chain: String,
    key: String,
}

impl Certificate {
    fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let authority =
            CertifiedIssuer::self_signed(authority, key).expect("an authority signs itself");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let server = CertificateParams::new(names).expect("the names are names");
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = server.signed_by(&key, &authority);
        Self {
            authority: authority.pem(),
            chain: certificate.expect("the authority signs").pem(),
            key: key.serialize_pem(),
        }
    }
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}
