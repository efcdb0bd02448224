//! The deployment as `compose.yaml` describes it: its variables are known, and
//! with just these the two services do what a new user wants of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use picard_testkit::{cluster::Cluster, free_port};
use picard_tests::{
    application::Application,
    compose::{interpolated, root, services, variables},
    installation::succeeded,
    process::{picard, terminate},
    visitor::Visitor,
};

const PASSWORD: &str = "tea, earl grey, hot";

/// What the help does not show.
const UNSHOWN: [&str; 1] = ["DJANGO_SECRET_KEY"];

/// The variables that a command's help names.
fn known_by(command: &[&str]) -> BTreeSet<String> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = picard(dir.path())
        .args(command)
        .arg("--help")
        .output()
        .expect("the binary starts");
    succeeded(&output);
    let help = String::from_utf8_lossy(&output.stdout);
    // It is wrapped anywhere.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let names = help.split("[env: ").skip(1);
    let names = names.map(|rest| rest.chars().take_while(|c| is_name(*c)).collect());
    names.chain(UNSHOWN.map(str::to_owned)).collect()
}

/// The environment of a service, with what is in `.env`.
fn environment(service: &str, dot_env: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let service = &services()[service];
    let said = service.environment.iter();
    said.map(|(name, value)| (name.clone(), interpolated(value, dot_env)))
        .collect()
}

#[test]
fn the_binary_knows_every_variable_that_it_is_given() {
    for (service, command) in [("mcp_server", "server"), ("web_client", "web")] {
        let known = known_by(&[command]);
        for name in services()[service].environment.keys() {
            assert!(known.contains(name), "{service} is given {name}");
        }
    }
    let known = &known_by(&["server"]) | &known_by(&["web"]);
    let image = fs::read_to_string(root().join("Dockerfile")).expect("the Dockerfile");
    for word in image.split_whitespace() {
        if let Some((name, _)) = word.split_once('=')
            && name.starts_with("PICARD_")
        {
            assert!(known.contains(name), "the image sets {name}");
        }
    }
}

/// The commands of the binary that have settings, as its own help lists them.
fn commands(above: &[&str]) -> Vec<Vec<String>> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let output = picard(dir.path()).args(above).arg("--help").output();
    let output = output.expect("the binary starts");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some((_, list)) = help.split_once("Commands:\n") else {
        return vec![above.iter().map(ToString::to_string).collect()];
    };
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines
        .filter(is_name)
        .filter_map(|l| l.split_whitespace().next());
    let below = names.filter(|name| *name != "help");
    below
        .flat_map(|name| commands(&[above, &[name]].concat()))
        .collect()
}

#[test]
fn the_page_of_settings_and_the_binary_name_the_same_variables() {
    let mut known = BTreeSet::new();
    for command in commands(&[]) {
        let command: Vec<_> = command.iter().map(String::as_str).collect();
        known.extend(known_by(&command));
    }
    assert!(known.contains("PICARD_USER") && known.contains("OAUTH_SCOPES"));
    let page = fs::read_to_string(root().join("docs/configuration.md")).expect("the page");
    let (settings, _) = page.split_once("## For the tests").expect("the sections");
    let quoted = settings.split('`').skip(1).step_by(2);
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let named: BTreeSet<_> = quoted
        .flat_map(|code| code.split([' ', '=']))
        .filter(|word| word.contains('_') && word.chars().all(is_name) && !word.ends_with('_'))
        // Known to a build with the feature `otel`, which this one is not.
        .filter(|word| !word.starts_with("OTEL_"))
        .map(str::to_owned)
        .chain(settings.contains("`DEBUG`").then(|| "DEBUG".to_owned()))
        .collect();
    // The platform's, not ours; and short for the twin of each secret.
    let others = ["XDG_DATA_HOME", "_FILE"].map(str::to_owned).into();
    let unknown: BTreeSet<_> = &(&named - &known) - &others;
    assert_eq!(unknown, BTreeSet::new(), "the binary does not know these");
    let untold = &known - &named;
    assert_eq!(untold, BTreeSet::new(), "docs/configuration.md lacks these");
}

/// What `.env` would say here: made by the script, with addresses of this test.
fn dot_env(dir: &Path, server: &str, web: &str) -> BTreeMap<String, String> {
    fs::create_dir(dir.join("scripts")).expect("a folder");
    for file in [".env.example", "scripts/make-env"] {
        fs::copy(root().join(file), dir.join(file)).expect("a copy");
    }
    let made = Command::new("sh")
        .arg(dir.join("scripts/make-env"))
        .output();
    succeeded(&made.expect("a shell"));
    let text = fs::read_to_string(dir.join(".env")).expect(".env");
    let set: String = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .fold(String::new(), |all, line| format!("{all}{line}\n"));
    let mut variables = variables(&set);
    for (name, value) in [
        ("MCP_SERVER_URL", server.to_owned()),
        ("OAUTH_REDIRECT_URI", format!("{web}/oauth/callback")),
    ] {
        variables.insert(name.to_owned(), value);
    }
    variables
}

/// A container of the deployment, as near as a process comes to it: nothing in
/// its environment but what compose says, with hosts and ports of this machine.
struct Container {
    environment: BTreeMap<String, String>,
    data_dir: std::path::PathBuf,
    process: Option<Child>,
}

impl Container {
    fn run(
        service: &str,
        command: &str,
        dot_env: &BTreeMap<String, String>,
        data_dir: &Path,
        (port, server_port, cluster): (u16, u16, &Cluster),
    ) -> Self {
        fs::create_dir(data_dir).expect("a folder");
        let mut environment = environment(service, dot_env);
        for value in environment.values_mut() {
            *value = value
                .replace("0.0.0.0:8000", &format!("127.0.0.1:{port}"))
                .replace("//mcp_server:8000", &format!("//127.0.0.1:{server_port}"));
        }
        let database = [
            ("DB_HOST", "127.0.0.1".into()),
            ("DB_PORT", cluster.port().to_string()),
        ];
        environment.extend(database.map(|(name, value)| (name.to_owned(), value)));
        let mut container = Self {
            environment,
            data_dir: data_dir.to_owned(),
            process: None,
        };
        let mut command = container.exec(&[command]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        container.process = Some(child.expect("the binary starts"));
        container
    }

    /// `docker compose exec SERVICE picard …`
    fn exec(&self, arguments: &[&str]) -> Command {
        let mut command = picard(&self.data_dir);
        command.args(arguments).envs(&self.environment);
        command
    }

    /// Waits as compose does: by the health check.
    async fn healthy(&self, service: &str) {
        for _ in 0..300 {
            let asked = self.exec(&["health", service]).output();
            if asked.expect("the binary starts").status.success() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        panic!("{service} is not healthy");
    }

    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.data_dir.clone()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(&self.data_dir).expect("within");
                    found.push(name.display().to_string());
                }
            }
        }
        found
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_starts_compose_and_writes_a_memory_without_a_step_by_hand() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (server_port, web_port) = (free_port(), free_port());
    let server = format!("http://localhost:{server_port}");
    let web = format!("http://localhost:{web_port}");
    let dot_env = dot_env(dir.path(), &server, &web);
    let cluster = Cluster::running();
    for (role, password) in [("picard", "MCP_DB_PASSWORD"), ("picard_web", "DB_PASSWORD")] {
        let verb = if role == "picard" { "ALTER" } else { "CREATE" };
        let sql = format!("{verb} ROLE {role} LOGIN PASSWORD '{}'", dot_env[password]);
        cluster.superuser("postgres", &sql);
        cluster.superuser("postgres", &format!("CREATE DATABASE {role} OWNER {role}"));
    }
    let run = |service, command, port| {
        let data_dir = dir.path().join(service);
        let here = (port, server_port, &cluster);
        Container::run(service, command, &dot_env, &data_dir, here)
    };
    let mut mcp_server = run("mcp_server", "server", server_port);
    mcp_server.healthy("server").await;
    let mut web_client = run("web_client", "web", web_port);
    web_client.healthy("web").await;

    let mut browser = Visitor::new(&web);
    let account = [("username", "jean-luc"), ("password", PASSWORD)];
    let registered = browser.fill("/register", "/register", &account).await;
    assert_eq!(registered.status, 303);
    let asked = browser.fill("/dashboard", "/oauth/connect", &[]).await;
    let mut person = Visitor::new(&server);
    person.sign_up("jean-luc", PASSWORD).await;
    let consent = person.get(asked.location()).await;
    let answer = Application::decide(&mut person, &consent, "allow").await;
    let back = browser.get(answer.location()).await;
    let dashboard = browser.follow(back).await;
    assert!(dashboard.body.contains("@jean-luc"), "{}", dashboard.body);
    let memory = [
        ("text", "I take my tea Earl Grey, hot."),
        ("permission", "private"),
    ];
    let stored = browser
        .fill("/memories/new", "/memories/new", &memory)
        .await;
    assert_eq!(stored.status, 303, "{}", stored.body);
    let found = browser.get("/search?q=what+do+I+drink").await;
    assert!(found.body.contains("Earl Grey, hot."), "{}", found.body);

    // The administrator of .env is there, and registers clients as in the reference.
    let again = web_client
        .exec(&["client", "register"])
        .env("ADMIN_USERNAME", &dot_env["ADMIN_USERNAME"])
        .env("ADMIN_PASSWORD", &dot_env["ADMIN_PASSWORD"])
        .output();
    succeeded(&again.expect("the binary starts"));

    // A volume for the keyring, and nothing else that is kept.
    assert_eq!(mcp_server.files(), ["server/keyring"]);
    assert_eq!(web_client.files(), [""; 0]);
    for container in [&mut web_client, &mut mcp_server] {
        let mut child = container.process.take().expect("it runs");
        assert!(terminate(&mut child).success());
    }
    let gone = mcp_server.exec(&["health", "server"]).output();
    let gone = gone.expect("the binary starts");
    assert_eq!(gone.status.code(), Some(1));
    let said = String::from_utf8_lossy(&gone.stderr);
    assert!(
        said.contains("cannot be asked") && said.contains("hint"),
        "{said}"
    );
}
