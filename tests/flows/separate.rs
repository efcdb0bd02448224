//! Both services started separately, from a `.env` as the reference prints it.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
};

use picard_testkit::{cluster::Cluster, free_port};
use picard_tests::{
    application::Application,
    installation::succeeded,
    process::{ADMIN_PASSWORD, add_user, picard, terminate},
    server::Database,
    visitor::Visitor,
};

picard_tests::on_both!(the_references_settings_work_unchanged);

/// The reference's file with the addresses of this test, and without a database.
fn dot_env(server: &str, web: &str) -> String {
    format!(
        "# Django settings
DEBUG=True
DJANGO_SECRET_KEY=django-insecure-key-for-development-only

# MCP Server settings
MCP_SERVER_URL={server}
MCP_SERVER_INTERNAL_URL={}

# OAuth settings
# Note: In production, use UUID format for client_id and a strong random string for client_secret
OAUTH_CLIENT_ID=550e8400-e29b-41d4-a716-446655440000
OAUTH_CLIENT_SECRET=a_strong_random_secret_at_least_32_characters
OAUTH_REDIRECT_URI={web}/oauth/callback
OAUTH_SCOPES=memories:read memories:write
",
        server.replace("localhost", "127.0.0.1"),
    )
}

struct Service(Child);

impl Service {
    fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        let child = picard(data_dir)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Self(child)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ready(base: &str) {
    let http = picard_tests::visitor::http();
    for _ in 0..600 {
        let answer = http.get(format!("{base}/health/ready")).send().await;
        if answer.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{base} is not ready");
}

/// Where the two databases are: what the server is told apart, and the lines of
/// the reference's file about the web client's.
fn databases(database: Database, cluster: &mut Option<Cluster>) -> (Option<String>, String) {
    if database == Database::Sqlite {
        return (None, String::new());
    }
    let cluster = cluster.insert(Cluster::running());
    let role = "CREATE ROLE reference LOGIN CREATEDB PASSWORD 'your_password'";
    cluster.superuser("postgres", role);
    cluster.superuser("postgres", "CREATE DATABASE mcp_web OWNER reference");
    let lines = format!(
        "
# Database settings
DB_NAME=mcp_web
DB_USER=reference
DB_PASSWORD=your_password
DB_HOST=localhost
DB_PORT={}
",
        cluster.port()
    );
    (Some(cluster.create_database("server")), lines)
}

async fn the_references_settings_work_unchanged(database: Database) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    let mut cluster = None;
    let (server_database, lines) = databases(database, &mut cluster);
    let its_own: Vec<_> = server_database
        .iter()
        .flat_map(|url| ["--database-url", url])
        .collect();
    let (server_port, web_port) = (free_port(), free_port());
    let server = format!("http://localhost:{server_port}");
    let web = format!("http://localhost:{web_port}");
    let settings = dot_env(&server, &web) + &lines;
    fs::write(data_dir.join(".env"), settings).expect("a .env");

    let mut server_process = Service::start(
        &data_dir,
        &[
            &["server", "--listen", &format!("127.0.0.1:{server_port}")],
            &its_own[..],
        ]
        .concat(),
    );
    let mut web_process = Service::start(
        &data_dir,
        &["web", "--web-listen", &format!("127.0.0.1:{web_port}")],
    );
    ready(&server).await;
    ready(&web).await;
    let administrator = [&["--admin"], &its_own[..]].concat();
    let made = add_user(&data_dir, "admin", ADMIN_PASSWORD, &administrator);
    succeeded(&made);
    let registered = picard(&data_dir)
        .args(["client", "register"])
        .env("ADMIN_USERNAME", "admin")
        .env("ADMIN_PASSWORD", ADMIN_PASSWORD)
        .output()
        .expect("the binary starts");
    assert!(
        registered.status.success(),
        "{}",
        String::from_utf8_lossy(&registered.stderr)
    );

    let mut browser = Visitor::new(&web);
    let account = [
        ("username", "jean-luc"),
        ("password", "tea, earl grey, hot"),
    ];
    assert_eq!(
        browser
            .fill("/register", "/register", &account)
            .await
            .status,
        303
    );
    let asked = browser.fill("/dashboard", "/oauth/connect", &[]).await;
    let mut person = Visitor::new(&server);
    person.sign_up("jean-luc", "tea, earl grey, hot").await;
    let consent = person.get(asked.location()).await;
    let answer = Application::decide(&mut person, &consent, "allow").await;
    let back = browser.get(answer.location()).await;
    let dashboard = browser.follow(back).await;
    assert!(dashboard.body.contains("@jean-luc"), "{}", dashboard.body);

    assert!(terminate(&mut web_process.0).success());
    assert!(terminate(&mut server_process.0).success());
}

#[test]
fn a_wrong_administrator_registers_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let data_dir = dir.path().join("data");
    fs::create_dir(&data_dir).expect("a folder");
    let up = picard_tests::process::Up::start(&data_dir);
    let output = picard(&data_dir)
        .args(["client", "register"])
        .env("MCP_SERVER_URL", &up.server)
        .env("ADMIN_USERNAME", "admin")
        .env("ADMIN_PASSWORD", "not the password")
        .output()
        .expect("the binary starts");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("hint") && !said.contains("not the password"),
        "{said}"
    );
}
