//! The admin area, as an administrator meets it: people, one who is locked out and let
//! in again, an application that is registered and forgotten.

use picard_tests::process::add_user;

use crate::{
    browser::Browser,
    people::{PASSWORD, Picard},
};

const PEOPLE: &str = "People";

#[tokio::test]
async fn an_administrator_locks_somebody_out_and_lets_them_in_again() {
    let picard = Picard::start().await;
    let ada = picard.member("ada").await;
    let root = administrator(&picard).await;

    root.go(&picard.server("/admin")).await;
    root.follow(PEOPLE).await;
    root.is_at(PEOPLE).await;
    root.sees("ada").await;
    root.sees("root").await;
    root.fill("Handle begins with", "ad").await;
    root.press("Look up").await;
    root.misses("root").await;
    root.fill("Handle begins with", "nobody").await;
    root.press("Look up").await;
    root.sees("Nobody’s handle begins like that").await;
    root.follow("Show everybody").await;
    root.follow("ada").await;
    root.is_at("ada").await;
    root.sees("Picard web client").await;

    root.press("Lock the account").await;
    root.sees("The account is locked.").await;
    root.sees("Locked since").await;
    root.assert_sound(1280).await;
    ada.go(&picard.server("/account")).await;
    ada.is_at("Log in").await;
    ada.fill("Handle", "ada").await;
    ada.fill("Password", PASSWORD).await;
    ada.press("Log in").await;
    ada.is_at("Log in").await;

    root.press("Unlock the account").await;
    root.sees("The account is open again.").await;
    ada.fill("Handle", "ada").await;
    ada.fill("Password", PASSWORD).await;
    ada.press("Log in").await;
    ada.is_at("Account").await;
    ada.go(&picard.web("/memories")).await;
    ada.is_at("Memories").await;
    picard.close(root).await;
    picard.close(ada).await;
}

#[tokio::test]
async fn an_administrator_registers_an_application_and_forgets_it() {
    let picard = Picard::start().await;
    let root = administrator(&picard).await;
    root.go(&picard.server("/admin")).await;
    root.follow("Applications").await;
    root.sees("Picard web client").await;
    root.follow("Register one").await;
    root.is_at("Register an application").await;
    root.fill("Name", "Holodeck").await;
    root.fill("Redirect addresses", "javascript:alert(1)").await;
    root.press("Register").await;
    root.is_at("Register an application").await;
    assert_eq!(root.value("Name").await, "Holodeck");
    root.fill("Redirect addresses", "https://holodeck.example/callback")
        .await;
    root.press("Register").await;
    root.is_at("Registered").await;
    root.sees("Copy the secret now.").await;
    root.assert_sound(1280).await;
    root.follow("Go to the application").await;
    root.is_at("Holodeck").await;
    root.sees("https://holodeck.example/callback").await;
    root.sees("Nobody has granted it anything.").await;

    root.follow("Applications").await;
    root.follow("Holodeck").await;
    root.follow("Forget it…").await;
    root.is_at("Forget Holodeck?").await;
    root.follow("Keep it").await;
    root.is_at("Holodeck").await;
    root.follow("Forget it…").await;
    root.press("Forget it").await;
    root.sees("The application is forgotten.").await;
    root.misses("Holodeck").await;
    root.sees("Picard web client").await;
    picard.close(root).await;
}

/// A browser in which an administrator has logged in to the server.
async fn administrator(picard: &Picard) -> Browser {
    let made = add_user(&picard.data, "root", PASSWORD, &["--admin"]);
    assert!(made.status.success(), "{made:?}");
    let root = Browser::open().await;
    root.go(&picard.server("/login")).await;
    root.fill("Handle", "root").await;
    root.fill("Password", PASSWORD).await;
    root.press("Log in").await;
    root.is_at("Account").await;
    root
}
