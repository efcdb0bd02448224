//! The same verbs for accounts of the web client, where they make sense.

use picard_domain::{Handle, Instant};
use picard_web::{Account, Deleted, Error, Web};
use serde::Serialize;

use super::people::Place;
use crate::{
    administer::{at, confirm},
    database::not_made,
    hint::OrHint as _,
    web::open_web,
};

#[derive(Serialize)]
struct Row<'a> {
    username: &'a str,
    name: &'a str,
    superuser: bool,
    created_at: Instant,
    last_seen_at: Option<Instant>,
    connected_as: Option<&'a str>,
    connection_lost_at: Option<Instant>,
}

fn row(account: &Account) -> Row<'_> {
    Row {
        username: &account.username,
        name: &account.name,
        superuser: account.is_superuser,
        created_at: account.created_at,
        last_seen_at: account.last_seen_at,
        connected_as: account.connected_as.as_deref(),
        connection_lost_at: account.lost_at,
    }
}

pub(super) async fn open(place: &Place) -> anyhow::Result<Web> {
    let source = place.web.database.of_web(&place.data_dir)?;
    if let Some(file) = not_made(&source) {
        return Err(anyhow::anyhow!(
            "there is no database at {}",
            file.display()
        ))
        .or_hint("say where the data is with --data-dir, or set DATABASE_URL");
    }
    let (config, keys) = place.web.config(&place.data_dir, place.web.listen)?;
    open_web(config, keys, &place.data_dir).await
}

#[expect(clippy::print_stdout, reason = "this is what the command says")]
pub(super) async fn list(place: &Place, prefix: &str) -> anyhow::Result<()> {
    let web = open(place).await?;
    let all = web.accounts().await;
    web.close().await;
    let mut all = all?;
    let prefix = prefix.to_ascii_lowercase();
    all.retain(|account| account.username.starts_with(&prefix));
    all.sort_unstable_by(|a, b| a.username.cmp(&b.username));
    if place.json {
        let rows: Vec<_> = all.iter().map(row).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    for account in &all {
        let state = if account.is_superuser { "admin" } else { "" };
        println!(
            "{:32}  {state:6}  since {}  last seen {:16}  {}",
            account.username,
            account.created_at.minute(),
            at(account.last_seen_at),
            connection(account),
        );
    }
    Ok(())
}

fn connection(account: &Account) -> String {
    match (&account.connected_as, account.lost_at) {
        (None, _) => "not connected".to_owned(),
        (Some(handle), None) => format!("connected as {handle}"),
        (Some(handle), Some(_)) => format!("lost the connection as {handle}"),
    }
}

#[expect(clippy::print_stdout, reason = "this is what the command says")]
pub(super) async fn show(place: &Place, name: &Handle) -> anyhow::Result<()> {
    let web = open(place).await?;
    let account = web.account(name).await;
    web.close().await;
    let account = found(account, name)?;
    if place.json {
        println!("{}", serde_json::to_string_pretty(&row(&account))?);
        return Ok(());
    }
    println!("{} ({})", account.username, account.name);
    println!("  since         {}", account.created_at.minute());
    println!("  last seen     {}", at(account.last_seen_at));
    if account.is_superuser {
        println!("  superuser");
    }
    println!("  server        {}", connection(&account));
    Ok(())
}

pub(super) async fn delete(place: &Place, name: &Handle, yes: bool) -> anyhow::Result<()> {
    let web = open(place).await?;
    let deleted = async {
        found(web.account(name).await, name)?;
        let what = format!(
            "This deletes the account {name} of the web client; memories stay on the server."
        );
        confirm(yes, &what, name.as_str())?;
        found(web.delete_account(name).await, name)
    };
    let deleted = deleted.await;
    web.close().await;
    let sentence = match deleted? {
        Deleted::Everywhere => format!("Deleted the account {name}. Memories stay on the server."),
        Deleted::HereOnly => format!(
            "Deleted the account {name}. The server could not be told: revoke the application there, too."
        ),
    };
    place.say(name, "deleted", &sentence);
    Ok(())
}

pub(super) async fn make_superuser(place: &Place, name: &Handle) -> anyhow::Result<()> {
    let web = open(place).await?;
    let made = web.make_superuser(name).await;
    web.close().await;
    found(made, name)
}

pub(super) async fn unmake_superuser(place: &Place, name: &Handle) -> anyhow::Result<()> {
    let web = open(place).await?;
    let made = web.unmake_superuser(name).await;
    web.close().await;
    found(made, name)
}

fn found<T>(done: Result<T, Error>, name: &Handle) -> anyhow::Result<T> {
    match done {
        Err(Error::NotFound) => Err(anyhow::anyhow!(
            "there is no account {name} of the web client"
        ))
        .or_hint("`picard user list --of web` shows all of them"),
        done => Ok(done?),
    }
}
