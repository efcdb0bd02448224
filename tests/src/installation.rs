//! Picard as an operator has it, on either database: `picard up` on its SQLite
//! files, or `picard server` and `picard web` with a database of PostgreSQL each.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use picard_testkit::{free_address, postgres};
use tempfile::TempDir;

use crate::{
    application::Application,
    process::{ADMIN_PASSWORD, PATIENCE, Up, picard, with_addresses},
    server::Database,
};

/// A data directory and its databases. All of it is removed at the end.
pub struct Installation {
    /// Where keyrings are, and the databases if they are files.
    pub data_dir: PathBuf,
    postgres: Option<Addresses>,
    settings: Vec<(&'static str, String)>,
    _dir: TempDir,
}

struct Addresses {
    server: String,
    web: String,
}

impl Installation {
    /// Makes an empty one.
    pub async fn on(database: Database) -> Self {
        Self::with(match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Addresses {
                server: postgres::create_database().await,
                web: postgres::create_database().await,
            }),
        })
    }

    /// Makes one on these two databases of PostgreSQL.
    pub fn at(server: String, web: String) -> Self {
        Self::with(Some(Addresses { server, web }))
    }

    fn with(postgres: Option<Addresses>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let data_dir = dir.path().join("data");
        fs::create_dir(&data_dir).expect("a folder");
        Self {
            data_dir,
            postgres,
            settings: Vec::new(),
            _dir: dir,
        }
    }

    /// Gives the server, and every command on its data, a variable.
    #[must_use]
    pub fn setting(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// The address of the server's database, for a setting; `None` where that is the default.
    pub fn server_database(&self) -> Option<&str> {
        self.postgres.as_ref().map(|both| both.server.as_str())
    }

    /// The address of the web client's database, for a setting.
    pub fn web_database(&self) -> Option<&str> {
        self.postgres.as_ref().map(|both| both.web.as_str())
    }

    /// The address of the server's database, whichever it is.
    pub fn server_address(&self) -> String {
        match self.server_database() {
            Some(url) => url.to_owned(),
            None => format!(
                "sqlite:{}",
                self.data_dir.join("server/picard.db").display()
            ),
        }
    }

    /// A command that works on the server's data.
    pub fn picard(&self, arguments: &[&str]) -> Command {
        let mut command = picard(&self.data_dir);
        if let Some(url) = self.server_database() {
            command.env("DATABASE_URL", url);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.args(arguments);
        command
    }

    /// Runs a command that works on the server's data to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Output {
        feed(self.picard(arguments), input)
    }

    /// Makes an account on the server.
    pub fn add_user(&self, handle: &str, password: &str, more: &[&str]) -> Output {
        let add = ["user", "add", handle, "--password-stdin"];
        self.run(&[&add, more].concat(), password)
    }

    /// Starts both services on free ports and waits until they are ready.
    pub fn start(&self) -> Up {
        self.start_with("info", &[])
    }

    /// Starts them with another filter of the log, which must let through what
    /// is of the level `info`, and other flags, all of them about addresses; free ones
    /// for a service that has none.
    pub fn start_with(&self, filter: &str, flags: &[&str]) -> Up {
        let log = self.data_dir.with_extension("log");
        let free = [free_address(), free_address()];
        let flags = with_addresses(flags, &free);
        let Some(addresses) = &self.postgres else {
            let up = ["up", "--json", "--log", filter];
            return Up::run(self.picard(&[&up, &flags[..]].concat()), log);
        };
        let flag = |name: &str| {
            let at = flags.iter().position(|flag| *flag == name);
            flags[at.expect("both have one") + 1]
        };
        let listen = ["server", "--log", filter, "--listen", flag("--listen")];
        let (first, server) = ready(self.picard(&listen), &log, "public_url");
        let mut web = picard(&self.data_dir);
        web.args(["web", "--log", filter, "--web-listen", flag("--web-listen")])
            .env("DATABASE_URL", &addresses.web)
            .env("MCP_SERVER_URL", &server);
        let (second, web) = ready(web, &log, "public_url");
        Up::of(vec![second, first], web, server, log)
    }

    /// Starts another server under the public address of the first, with the same
    /// keys; returns it with its own address.
    pub fn another_server(&self, up: &Up) -> Up {
        let log = self.data_dir.with_extension("another.log");
        let listen = ["server", "--log=info", "--listen=127.0.0.1:0"];
        let mut command = self.picard(&listen);
        command.env("PICARD_PUBLIC_URL", &up.server);
        let (child, address) = ready(command, &log, "listening");
        Up::of(vec![child], String::new(), format!("http://{address}"), log)
    }

    /// Ends the services by `end` and starts them again at the same addresses.
    pub fn restart_after(&self, before: Up, end: impl FnOnce(Up)) -> Up {
        let address = |url: &str| url.replace("http://localhost", "127.0.0.1");
        let (server, web) = (address(&before.server), address(&before.web));
        end(before);
        self.start_with("info", &["--listen", &server, "--web-listen", &web])
    }

    /// Registers an application at the running server as an administrator does,
    /// and the web client too where it does not do that itself.
    pub fn register(&self, up: &Up) -> Application {
        let made = self.add_user("admin", ADMIN_PASSWORD, &["--admin"]);
        succeeded(&made);
        let application = Application {
            client_id: "550e8400-e29b-41d4-a716-446655440000".to_owned(),
            secret: Some("7d3f9a1c5e8b2046d7f1a3c9e5b80264".to_owned()),
            redirect_uri: "http://127.0.0.1/callback".to_owned(),
            scope: "memories:read memories:write".to_owned(),
        };
        let secret = application.secret.as_deref().unwrap_or_default();
        let mut register = self.client_register(up, &application.redirect_uri);
        register
            .env("OAUTH_CLIENT_ID", &application.client_id)
            .env("OAUTH_CLIENT_SECRET", secret);
        succeeded(&feed(register, ""));
        if self.postgres.is_some() {
            let callback = format!("{}/oauth/callback", up.web);
            succeeded(&feed(self.client_register(up, &callback), ""));
        }
        application
    }

    fn client_register(&self, up: &Up, redirect_uri: &str) -> Command {
        let mut command = picard(&self.data_dir);
        command
            .args(["client", "register"])
            .env("MCP_SERVER_URL", &up.server)
            .env("ADMIN_USERNAME", "admin")
            .env("ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("OAUTH_REDIRECT_URI", redirect_uri);
        command
    }
}

/// Runs a command to its end with an input.
pub fn feed(mut command: Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // Whoever ends before reading it has not asked for it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the command ends")
}

/// What a command said, on either stream.
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Fails with what the command said when it did not succeed.
pub fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// Starts a service that writes to the log; returns it, when it has said that it
/// is ready, with what it said of `field`.
pub fn ready(mut command: Command, log: &Path, field: &str) -> (Child, String) {
    let mut open = fs::OpenOptions::new();
    let file = open.create(true).append(true).open(log);
    let file = file.expect("the log can be written");
    let before = file.metadata().expect("a file").len() as usize;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .expect("the binary starts");
    let end = Instant::now() + PATIENCE;
    loop {
        let text = fs::read(log).unwrap_or_default().split_off(before);
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().find(|line| line.contains(" is ready "));
        let address = line.and_then(|line| line.split(&format!("{field}=")).nth(1));
        if let Some(address) = address {
            let address = address.split_whitespace().next().unwrap_or_default();
            return (child, address.to_owned());
        }
        let ended = child.try_wait().expect("the child can be asked");
        assert!(ended.is_none(), "it did not start: {text}");
        assert!(Instant::now() < end, "it is not ready: {text}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
