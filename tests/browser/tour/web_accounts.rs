//! The web client's pages about accounts: before there is one, and its own.

use super::{PASSWORD, Tour};

pub(super) async fn visitor(tour: &Tour) {
    let browser = &tour.browser;
    tour.web("/", "home", "What your assistants know about you is yours")
        .await;
    tour.web("/login", "login", "Log in").await;
    browser.fill("Username", "ada").await;
    browser.fill("Password", "not the password").await;
    browser.press("Log in").await;
    tour.stop("login-wrong", "Log in").await;
    tour.web("/register", "register", "Create an account").await;
    browser.fill("Username", "a d a").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Create account").await;
    tour.stop("register-wrong", "Create an account").await;
    tour.web("/nowhere", "not-found", "Page not found").await;
}

pub(super) async fn account(tour: &Tour) {
    let browser = &tour.browser;
    tour.web("/profile", "profile", "Profile").await;
    tour.web("/profile/delete", "profile-delete", "Delete your account?")
        .await;
    tour.web("/admin", "admin-refused", "Page not found").await;
    let made = picard_tests::process::add_user(
        &tour.picard.data,
        "root",
        PASSWORD,
        &["--of", "web", "--admin"],
    );
    assert!(made.status.success(), "{made:?}");
    browser.press("Log out").await;
    browser.go(&tour.picard.web("/login")).await;
    browser.fill("Username", "root").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Log in").await;
    tour.web("/admin", "admin", "Admin").await;
    browser.sees("@ada").await;
    browser.press("Log out").await;
    browser.go(&tour.picard.web("/login")).await;
    browser.fill("Username", "ada").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Log in").await;
    browser.is_at("Dashboard").await;
}
