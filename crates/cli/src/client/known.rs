//! `picard client list`, `show` and `delete`: on the server's database itself.

use clap::{Args, ValueEnum};
use picard_app::{Application, Error, Origin, Registered};
use picard_domain::{ClientId, Instant, PageSize, Scopes};
use serde::Serialize;

use crate::{
    administer::{ServerDatabase, at, confirm, count},
    hint::OrHint as _,
};

/// Applications read at once.
const AT_ONCE: PageSize<500> = PageSize::new(500).expect("it is in range");

/// How an application became known.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// An administrator registered it
    Operator,
    /// It registered itself
    Dynamic,
    /// By a document under its URL
    Document,
}

impl From<Kind> for Registered {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Operator => Self::Operator,
            Kind::Dynamic => Self::Dynamic,
            Kind::Document => Self::Document,
        }
    }
}

/// `picard client list`.
#[derive(Args)]
pub(crate) struct List {
    /// Only those that became known like this
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: ServerDatabase,
}

/// `picard client show`.
#[derive(Args)]
pub(crate) struct Show {
    /// The application's id
    id: ClientId,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: ServerDatabase,
}

/// `picard client delete`.
#[derive(Args)]
pub(crate) struct Delete {
    /// The application's id
    id: ClientId,
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: ServerDatabase,
}

#[derive(Serialize)]
struct View<'a> {
    client_id: ClientId,
    kind: &'static str,
    client_name: &'a str,
    client_uri: Option<&'a str>,
    document: Option<&'a str>,
    redirect_uris: &'a [String],
    scope: Scopes,
    token_endpoint_auth_method: &'a str,
    created_at: Instant,
    last_used_at: Option<Instant>,
    grants: i64,
}

fn kind(application: &Application) -> &'static str {
    match application.origin {
        Origin::Operator => "operator",
        Origin::Dynamic => "dynamic",
        Origin::Document { .. } => "document",
    }
}

fn view(application: &Application) -> View<'_> {
    View {
        client_id: application.id,
        kind: kind(application),
        client_name: &application.name,
        client_uri: application.client_uri.as_deref(),
        document: application.metadata_url.as_deref(),
        redirect_uris: &application.redirect_uris,
        scope: application.scopes,
        token_endpoint_auth_method: &application.auth_method,
        created_at: application.created_at,
        last_used_at: application.last_used_at,
        grants: application.grants,
    }
}

impl List {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let admin = self.database.open().await?;
        let kind_wanted = self.kind.map(Into::into);
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = admin.applications(kind_wanted, after, AT_ONCE).await?;
            all.extend(page);
            after = next;
            if after.is_none() {
                break;
            }
        }
        admin.close().await;
        if self.json {
            let views: Vec<_> = all.iter().map(view).collect();
            println!("{}", serde_json::to_string_pretty(&views)?);
            return Ok(());
        }
        for application in &all {
            println!(
                "{}  {:8}  last used {:16}  {:>10}  {}",
                application.id,
                kind(application),
                at(application.last_used_at),
                count(application.grants.unsigned_abs(), "grant"),
                application.name,
            );
        }
        Ok(())
    }
}

impl Show {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let admin = self.database.open().await?;
        let application = admin.application(self.id).await;
        admin.close().await;
        let application = found(application, self.id)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&view(&application))?);
            return Ok(());
        }
        println!("{}", application.name);
        println!("  id            {}", application.id);
        println!("  became known  {}", kind(&application));
        if let Some(url) = &application.metadata_url {
            println!("  document      {url}");
        }
        if let Some(url) = &application.client_uri {
            println!("  its page      {url}");
        }
        println!("  scopes        {}", application.scopes);
        println!("  proves by     {}", application.auth_method);
        for uri in &application.redirect_uris {
            println!("  redirects to  {uri}");
        }
        println!("  registered    {}", application.created_at.minute());
        println!("  last used     {}", at(application.last_used_at));
        println!("  grants        {}", application.grants);
        Ok(())
    }
}

impl Delete {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let admin = self.database.open().await?;
        let deleted = async {
            let application = found(admin.application(self.id).await, self.id)?;
            let what = format!(
                "This forgets {} and ends {}.",
                application.name,
                count(application.grants.unsigned_abs(), "grant")
            );
            confirm(self.yes, &what, &self.id.to_string())?;
            let ended = found(admin.delete_application(self.id).await, self.id)?;
            Ok::<_, anyhow::Error>((application.name, ended))
        };
        let deleted = deleted.await;
        admin.close().await;
        let (name, ended) = deleted?;
        if self.json {
            let id = self.id.to_string();
            println!(
                "{}",
                serde_json::json!({"client_id": id, "done": "deleted", "grants": ended})
            );
        } else {
            println!("Forgot {name}; {} ended.", count(ended, "grant"));
        }
        Ok(())
    }
}

fn found<T>(done: Result<T, Error>, id: ClientId) -> anyhow::Result<T> {
    match done {
        Err(Error::NotFound(_)) => Err(anyhow::anyhow!("there is no application {id}"))
            .or_hint("`picard client list` shows all of them"),
        done => Ok(done?),
    }
}
