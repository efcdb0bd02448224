//! `picard user list`, `show`, `disable`, `enable`, `delete` and `admin`.

use clap::{Args, Subcommand};
use picard_app::{Listed, PersonDetails};
use picard_domain::{Handle, Instant, PageSize, Scopes, UserId};
use serde::Serialize;

use super::web;
use crate::{
    administer::{at, confirm, count, found, open, told},
    data_dir::DataDir,
    hint::OrHint as _,
    logging::Logging,
    migrate::Service,
    web::WebSettings,
};

/// People read at once.
const AT_ONCE: PageSize<500> = PageSize::new(500).expect("it is in range");

/// Which service's accounts.
#[derive(Args)]
pub(super) struct Place {
    /// In which service
    #[arg(long = "of", value_enum, default_value = "server")]
    pub(super) service: Service,
    /// Print one JSON document
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) data_dir: DataDir,
    #[command(flatten)]
    pub(super) web: WebSettings,
    #[command(flatten)]
    pub(super) logging: Logging,
}

/// One account.
#[derive(Args)]
pub(crate) struct Whom {
    /// The account's unique name
    name: Handle,
    #[command(flatten)]
    place: Place,
}

/// `picard user list`.
#[derive(Args)]
pub(crate) struct List {
    /// Only names that begin like this
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    prefix: String,
    #[command(flatten)]
    place: Place,
}

/// `picard user delete`.
#[derive(Args)]
pub(crate) struct Delete {
    /// Delete without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    whom: Whom,
}

/// `picard user admin`.
#[derive(Subcommand)]
pub(crate) enum Right {
    /// Make somebody an administrator
    #[command(after_help = "Example:\n  picard user admin grant jean-luc")]
    Grant(Box<Whom>),
    /// Take it back
    #[command(after_help = "Example:\n  picard user admin revoke jean-luc")]
    Revoke(Box<Whom>),
}

#[derive(Serialize)]
struct Row<'a> {
    id: UserId,
    handle: &'a Handle,
    name: String,
    admin: bool,
    disabled_at: Option<Instant>,
    created_at: Instant,
    last_seen_at: Option<Instant>,
    applications: i64,
}

#[derive(Serialize)]
struct Shown<'a> {
    id: UserId,
    handle: &'a Handle,
    name: String,
    admin: bool,
    disabled_at: Option<Instant>,
    created_at: Instant,
    memories: i64,
    public_memories: i64,
    sessions: Vec<ShownSession<'a>>,
    applications: Vec<ShownApplication<'a>>,
}

#[derive(Serialize)]
struct ShownSession<'a> {
    browser: &'a str,
    created_at: Instant,
    last_seen_at: Instant,
}

#[derive(Serialize)]
struct ShownApplication<'a> {
    client_id: String,
    name: &'a str,
    scope: Scopes,
    created_at: Instant,
    last_used_at: Option<Instant>,
}

impl Place {
    async fn open(&self) -> anyhow::Result<picard_app::Administration> {
        let source = self.web.database.existing(&self.data_dir)?;
        open(&self.data_dir, &source).await
    }

    /// Says what was done: a sentence, or the same for a script.
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) fn say(&self, handle: &Handle, done: &'static str, sentence: &str) {
        if self.json {
            println!(
                "{}",
                serde_json::json!({"handle": handle.as_str(), "done": done})
            );
        } else {
            println!("{sentence}");
        }
    }
}

impl List {
    #[expect(clippy::print_stdout, reason = "this is what the command says")]
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.place.logging.start("warn")?;
        if self.place.service == Service::Web {
            return web::list(&self.place, &self.prefix).await;
        }
        let admin = self.place.open().await?;
        let (mut all, mut after): (Vec<Listed>, Option<Handle>) = (Vec::new(), None);
        loop {
            let (page, next) = admin.people(&self.prefix, after.as_ref(), AT_ONCE).await?;
            all.extend(page);
            after = next;
            if after.is_none() {
                break;
            }
        }
        admin.close().await;
        if self.place.json {
            let rows: Vec<_> = all.iter().map(row).collect();
            println!("{}", serde_json::to_string_pretty(&rows)?);
            return Ok(());
        }
        for person in &all {
            let state = match (person.disabled_at, person.is_admin) {
                (Some(_), _) => "locked",
                (None, true) => "admin",
                (None, false) => "",
            };
            println!(
                "{:32}  {state:6}  since {}  last seen {:16}  {}",
                person.handle.as_str(),
                person.created_at.minute(),
                at(last_seen(person)),
                count(person.grants.unsigned_abs(), "application"),
            );
        }
        Ok(())
    }
}

fn last_seen(person: &Listed) -> Option<Instant> {
    person.last_seen_at.max(person.last_used_at)
}

fn row(person: &Listed) -> Row<'_> {
    Row {
        id: person.id,
        handle: &person.handle,
        name: person.name.to_string(),
        admin: person.is_admin,
        disabled_at: person.disabled_at,
        created_at: person.created_at,
        last_seen_at: last_seen(person),
        applications: person.grants,
    }
}

impl Whom {
    pub(super) async fn show(self) -> anyhow::Result<()> {
        self.place.logging.start("warn")?;
        if self.place.service == Service::Web {
            return web::show(&self.place, &self.name).await;
        }
        let admin = self.place.open().await?;
        let person = admin.person(&self.name).await;
        admin.close().await;
        show(&found(person, &self.name)?, self.place.json)
    }

    pub(super) async fn disable(self) -> anyhow::Result<()> {
        self.only_of_the_server()?;
        let admin = self.place.open().await?;
        let done = admin.disable(&self.name).await;
        admin.close().await;
        told(done, &self.name)?;
        let sentence = format!(
            "Locked {}. Memories and connected applications stay; `picard user enable` lets all of them in again.",
            self.name
        );
        self.place.say(&self.name, "disabled", &sentence);
        Ok(())
    }

    pub(super) async fn enable(self) -> anyhow::Result<()> {
        self.only_of_the_server()?;
        let admin = self.place.open().await?;
        let done = admin.enable(&self.name).await;
        admin.close().await;
        found(done, &self.name)?;
        let sentence = format!("Unlocked {}.", self.name);
        self.place.say(&self.name, "enabled", &sentence);
        Ok(())
    }

    fn only_of_the_server(&self) -> anyhow::Result<()> {
        self.place.logging.start("warn")?;
        if self.place.service == Service::Server {
            return Ok(());
        }
        Err(anyhow::anyhow!("accounts of the web client cannot be locked"))
            .or_hint("lock the person at the server, which ends what the web client can do for them; or delete the account")
    }
}

impl Delete {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Whom { name, place } = &self.whom;
        place.logging.start("warn")?;
        if place.service == Service::Web {
            return web::delete(place, name, self.yes).await;
        }
        let admin = place.open().await?;
        let deleted = async {
            let person = found(admin.person(name).await, name)?;
            let what = format!(
                "This deletes {name} with {}, for good.",
                match person.memories {
                    1 => "one memory".to_owned(),
                    n => format!("{n} memories"),
                }
            );
            confirm(self.yes, &what, name.as_str())?;
            told(admin.delete_person(name).await, name)
        };
        let deleted = deleted.await;
        admin.close().await;
        deleted?;
        let sentence = format!("Deleted {name} and everything in the account.");
        place.say(name, "deleted", &sentence);
        Ok(())
    }
}

impl Right {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let (Self::Grant(whom) | Self::Revoke(whom)) = &self;
        let Whom { name, place } = &**whom;
        place.logging.start("warn")?;
        let grants = matches!(self, Self::Grant(_));
        match place.service {
            Service::Web if grants => web::make_superuser(place, name).await?,
            Service::Web => web::unmake_superuser(place, name).await?,
            Service::Server => {
                let admin = place.open().await?;
                let done = if grants {
                    admin.make_admin(name).await.map_err(Into::into)
                } else {
                    admin.unmake_admin(name).await
                };
                admin.close().await;
                told(done, name)?;
            }
        }
        let (done, what) = if grants {
            ("granted", "an administrator now")
        } else {
            ("revoked", "no administrator any more")
        };
        place.say(name, done, &format!("{name} is {what}."));
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "this is what the command says")]
fn show(person: &PersonDetails, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(&shown(person))?);
        return Ok(());
    }
    println!("{} ({})", person.handle, person.name);
    println!("  id            {}", person.id);
    println!("  since         {}", person.created_at.minute());
    if let Some(since) = person.disabled_at {
        println!("  locked since  {}", since.minute());
    }
    if person.is_admin {
        println!("  administrator");
    }
    println!(
        "  memories      {}, {} of them public",
        person.memories, person.public_memories
    );
    for session in &person.sessions {
        println!(
            "  logged in     {}, last seen {}",
            picard_app::browser_name(&session.user_agent),
            session.last_seen_at.minute()
        );
    }
    for application in &person.applications {
        println!(
            "  application   {} ({}), last used {}",
            application.name,
            application.scopes,
            at(application.last_used_at)
        );
    }
    Ok(())
}

fn shown(person: &PersonDetails) -> Shown<'_> {
    Shown {
        id: person.id,
        handle: &person.handle,
        name: person.name.to_string(),
        admin: person.is_admin,
        disabled_at: person.disabled_at,
        created_at: person.created_at,
        memories: person.memories,
        public_memories: person.public_memories,
        sessions: person
            .sessions
            .iter()
            .map(|session| ShownSession {
                browser: &session.user_agent,
                created_at: session.created_at,
                last_seen_at: session.last_seen_at,
            })
            .collect(),
        applications: person
            .applications
            .iter()
            .map(|application| ShownApplication {
                client_id: application.client_id.to_string(),
                name: &application.name,
                scope: application.scopes,
                created_at: application.created_at,
                last_used_at: application.last_used_at,
            })
            .collect(),
    }
}
