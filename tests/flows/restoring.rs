//! What a restore leaves when it cannot be done, and what the copy before a
//! migration is worth when a start fails again and again.

use std::{fs, path::Path};

use picard_sql::{Alone, Db, Options, Query};
use picard_tests::{
    installation::{Installation, feed, said, succeeded},
    server::Database,
};

use crate::world::{PASSWORD, back_up, both, first_tables, place, refused};

async fn execute(address: &str, statement: &'static str) {
    let db = Db::open(address, &Options::default()).await;
    let db = db.expect("opened");
    db.execute(Query::new(statement)).await.expect("executed");
    db.close().await;
}

/// Makes an account of the web client, and with it database and keyring.
fn web_account(home: &Installation, handle: &str) {
    let mut add = home.picard(&["user", "add", handle, "--of", "web", "--password-stdin"]);
    if let Some(url) = home.web_database() {
        add.env("DATABASE_URL", url);
    }
    succeeded(&feed(add, PASSWORD));
}

#[tokio::test]
async fn a_web_client_that_cannot_be_restored_keeps_its_keys() {
    let from = Installation::on(Database::Sqlite).await;
    web_account(&from, "data");
    let to = place(&from, "backup");
    back_up(&from, &to, &["--of", "web", "--with-keys"]);
    let theirs = fs::read_to_string(to.join("web.keyring")).expect("a keyring");

    let home = Installation::on(Database::Postgres).await;
    web_account(&home, "lore");
    let keyring = home.data_dir.join("web/keyring");
    let ours = fs::read_to_string(&keyring).expect("a keyring");
    let url = home.web_database().expect("an address").to_owned();
    execute(
        &url,
        "ALTER TABLE accounts ADD CONSTRAINT no CHECK (username <> 'data') NOT VALID",
    )
    .await;
    let path = to.to_str().expect("a path");
    let restore = ["restore", "--of", "web", "--force", "--from", path];
    refused(&both(&home, &restore), "is as it was");
    let now = fs::read_to_string(&keyring).expect("a keyring");
    assert!(now == ours, "the keys are not those of the database");

    execute(&url, "ALTER TABLE accounts DROP CONSTRAINT no").await;
    succeeded(&both(&home, &restore));
    let now = fs::read_to_string(&keyring).expect("a keyring");
    assert!(now.starts_with(&theirs) && now.contains(ours.trim()));

    // What stands in the command line is meant, whatever the environment has.
    let nowhere = "sqlite:/nowhere/web.db";
    let other = ["backup", "--of", "web", "--database-url", nowhere];
    let other = both(&home, &[&other[..], &["--to", "/nowhere/backup"]].concat());
    refused(&other, "/nowhere/web.db");
}

#[tokio::test]
async fn a_keyring_is_in_the_backup_also_when_only_the_secret_key_was_given() {
    let home = Installation::on(Database::Sqlite).await;
    web_account(&home, "data");
    let to = place(&home, "backup");
    let path = to.to_str().expect("a path");
    let mut command = home.picard(&["backup", "--of", "web", "--with-keys", "--to", path]);
    command.env("SECRET_KEY", "of engineering, and of nothing else");
    let told = feed(command, "");
    succeeded(&told);
    assert!(to.join("web.keyring").exists(), "{}", said(&told));
    assert!(
        said(&told).contains("SECRET_KEY is NOT in the backup"),
        "{}",
        said(&told)
    );
}

#[tokio::test]
async fn what_is_no_database_is_set_aside_and_what_cannot_be_read_is_refused() {
    let home = Installation::on(Database::Sqlite).await;
    succeeded(&home.add_user("data", PASSWORD, &[]));
    let to = place(&home, "backup");
    back_up(&home, &to, &["--of", "server"]);
    let folder = home.data_dir.join("server");
    let database = folder.join("picard.db");
    let junk = "no database at all. ".repeat(1000);
    fs::write(&database, &junk).expect("written");
    let path = to.to_str().expect("a path");
    let restore = ["restore", "--of", "server", "--force", "--from", path];
    succeeded(&home.run(&restore, ""));
    refused(&home.add_user("data", PASSWORD, &[]), "taken");
    let aside = || {
        let entries = fs::read_dir(&folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names = names.map(|name| name.to_string_lossy().into_owned());
        let name = names.find(|name| name.contains("before-restore") && name.ends_with('Z'));
        fs::read_to_string(folder.join(name.expect("it is kept"))).expect("a file")
    };
    assert!(aside() == junk, "it is not what was there");

    fs::remove_file(&database).expect("removed");
    fs::create_dir(&database).expect("a folder");
    refused(&home.run(&restore, ""), "cannot be told whether a program");
    assert!(database.is_dir());
}

fn copies(backups: &Path) -> Vec<String> {
    let entries = fs::read_dir(backups).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn starts_that_fail_again_and_again_make_one_copy_until_there_is_something_new() {
    let home = Installation::on(Database::Sqlite).await;
    let (address, backups) = (home.server_address(), home.data_dir.join("backups"));
    first_tables(&address).await;

    // Whoever has it open may be gone a moment later: nothing is migrated without a copy.
    let file = home.data_dir.join("server/picard.db");
    let alone = Alone::take(&file).await.expect("nobody has it open");
    refused(&home.run(&["migrate"], ""), "cannot be looked at before");
    alone.release().await.expect("released");
    assert!(copies(&backups).is_empty());

    // In the way of the next version.
    execute(&address, "CREATE TABLE client_assertions (a INTEGER)").await;
    refused(&home.run(&["migrate"], ""), "cannot be migrated");
    let made = copies(&backups);
    assert_eq!(made.len(), 1, "{made:?}");
    refused(&home.run(&["migrate"], ""), "cannot be migrated");
    assert_eq!(copies(&backups), made);

    let earlier = "server-schema-1-20200101T000000Z";
    fs::rename(backups.join(&made[0]), backups.join(earlier)).expect("renamed");
    execute(&address, "UPDATE attempts SET failures = 2").await;
    refused(&home.run(&["migrate"], ""), "cannot be migrated");
    let both = copies(&backups);
    assert_eq!((both.len(), both[0].as_str()), (2, earlier), "{both:?}");
}
