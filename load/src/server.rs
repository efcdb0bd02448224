//! The process under measurement: started here, ended here, nothing else is.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The administrator that the server makes at its first start.
pub(crate) const ADMIN: (&str, &str) = ("admin", "a password for one measurement");

/// A server on a fresh folder and a free port of this machine. Dropping it ends it.
pub(crate) struct Server {
    pub(crate) url: String,
    /// From the start of the process to the first "ready".
    pub(crate) ready_after: Duration,
    site: Arc<Site>,
    /// Where its metrics are.
    metrics: String,
    log: PathBuf,
    process: Child,
}

/// What all nodes of a server share.
struct Site {
    binary: PathBuf,
    folder: TempDir,
    /// The address that all of them say they have, the first one's.
    public_url: String,
    settings: Vec<(&'static str, String)>,
}

impl Server {
    /// Starts the binary on SQLite and waits until it is ready.
    pub(crate) async fn start(binary: &Path) -> anyhow::Result<Self> {
        Self::start_with(binary, Vec::new()).await
    }

    /// Starts the binary with these settings in its environment and waits until
    /// it is ready.
    pub(crate) async fn start_with(
        binary: &Path,
        settings: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let binary = binary.canonicalize().with_context(|| {
            format!(
                "there is no {}; build it with: cargo build --release",
                binary.display()
            )
        })?;
        let port = free_port()?;
        let site = Site {
            binary,
            folder: tempfile::tempdir().context("a temporary folder cannot be made")?,
            public_url: address(port),
            settings,
        };
        Self::start_node(Arc::new(site), port, Vec::new()).await
    }

    /// Starts another node of this server, with the same keys and database.
    pub(crate) async fn another_node(&self) -> anyhow::Result<Self> {
        self.another_node_with(Vec::new()).await
    }

    /// Starts another node with these settings besides, which hold before the others.
    pub(crate) async fn another_node_with(
        &self,
        settings: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        Self::start_node(self.site.clone(), free_port()?, settings).await
    }

    async fn start_node(
        site: Arc<Site>,
        port: u16,
        settings: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let log = site.folder.path().join(format!("log-{port}"));
        let metrics = free_port()?;
        let started = Instant::now();
        let process = site
            .command()
            .arg("server")
            .env("PICARD_SERVER_LISTEN", format!("127.0.0.1:{port}"))
            .env("PICARD_PUBLIC_URL", &site.public_url)
            .env("PICARD_METRICS_LISTEN", format!("127.0.0.1:{metrics}"))
            .env("PICARD_LOG", "warn")
            // What is measured is the work, not the pace that one person is held to.
            .env("PICARD_CALLS_PER_SECOND", "1000000")
            .env("ADMIN_USERNAME", ADMIN.0)
            .env("ADMIN_PASSWORD", ADMIN.1)
            .envs(settings)
            .stderr(fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("{} cannot be started", site.binary.display()))?;
        let mut server = Self {
            url: address(port),
            ready_after: PATIENCE,
            site,
            metrics: format!("{}/metrics", address(metrics)),
            log,
            process,
        };
        server.wait_until_ready(started).await?;
        Ok(server)
    }

    /// Returns where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.site.folder.path()
    }

    /// Returns the master keys, as the server wrote them.
    pub(crate) fn keyring(&self) -> anyhow::Result<String> {
        let file = self.site.folder.path().join("data/server/keyring");
        fs::read_to_string(file).context("the server's keyring cannot be read")
    }

    /// Prepares a command of the same binary, with nothing of this environment.
    pub(crate) fn command(&self) -> Command {
        self.site.command()
    }

    /// Returns the memory that is resident now (`VmRSS`), in MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        self.status("VmRSS:")
    }

    /// Returns the most memory that ever was resident (`VmHWM`), in MiB.
    pub(crate) fn highest_mib(&self) -> anyhow::Result<f64> {
        self.status("VmHWM:")
    }

    /// Returns the bytes that the loaded partitions take, as the server counts them.
    pub(crate) async fn partition_bytes(&self) -> anyhow::Result<f64> {
        let answer = crate::person::http()?.get(&self.metrics).send().await?;
        let metrics = answer.text().await?;
        // A name, labels, and behind a space the value.
        let is_it = |line: &&str| line.starts_with("picard_partition_resident_bytes");
        let line = metrics.lines().find(is_it);
        let bytes = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        bytes.context("the server does not say what partitions take")
    }

    /// Returns what the data directory takes, in MiB.
    pub(crate) fn on_disk_mib(&self) -> anyhow::Result<f64> {
        Ok(bytes_under(&self.site.folder.path().join("data"))? as f64 / 1_048_576.0)
    }

    /// Tells whether the process still lives.
    pub(crate) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// Ends the process and waits for its end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    async fn wait_until_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        let ready = format!("{}/health/ready", self.url);
        let http = crate::person::http()?;
        while started.elapsed() < PATIENCE {
            if let Ok(answer) = http.get(&ready).send().await
                && answer.status().is_success()
            {
                self.ready_after = started.elapsed();
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended with {status}: {}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!(
            "the server was not ready after {PATIENCE:?}: {}",
            self.log()
        );
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Reads a line of `/proc/PID/status`, which counts in KiB.
    fn status(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .context("the memory of a process can be read on Linux only")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.map(|kib| kib / 1024.0)
            .with_context(|| format!("the kernel does not say {name}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to end, and that is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Site {
    fn command(&self) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("HOME", folder)
            .env("PICARD_DATA_DIR", folder.join("data"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn bytes_under(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let (entry, meta) = entry.and_then(|entry| entry.metadata().map(|meta| (entry, meta)))?;
        bytes += if meta.is_dir() {
            bytes_under(&entry.path())?
        } else {
            meta.len()
        };
    }
    Ok(bytes)
}
