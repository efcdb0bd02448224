//! The reference's Usage 1 to 6 and its OAuth flow, steps 1 to 10. (Steps 11
//! and 12, the refresh, need a clock that is turned: they are in `oauth/`.)

use picard_tests::server::Database;
use url::Url;

use crate::{
    browser::Browser,
    people::{PASSWORD, Picard},
};

const ALLERGY: &str = "I am allergic to peanuts and shellfish.";
const SISTER: &str = "My sister Elin lives in Lisbon with her two cats.";
const TAXES: &str = "The tax adviser calls on the first Tuesday of each month.";
const LATER: &str = "The tax adviser calls on the second Friday of each month.";

picard_tests::on_both!(a_person_does_all_that_the_reference_does);

async fn a_person_does_all_that_the_reference_does(database: Database) {
    let picard = Picard::on(database).await;
    let browser = Browser::open().await;
    registers_and_logs_in(&browser, &picard).await;
    connects(&browser, &picard).await;
    writes(&browser, &picard).await;
    manages(&browser, &picard).await;
    searches(&browser, &picard).await;
    asks_the_own_persona(&browser, &picard).await;
    disconnects_and_comes_back(&browser, &picard).await;
    picard.close(browser).await;
}

async fn registers_and_logs_in(browser: &Browser, picard: &Picard) {
    browser.register(picard, "ada").await;
    browser.press("Log out").await;
    browser.sees("You are logged out.").await;

    browser.go(&picard.web("/memories")).await;
    browser.is_at("Log in").await;
    browser.fill("Username", "ada").await;
    browser.fill("Password", "not the password").await;
    browser.press("Log in").await;
    browser.sees("Username and password do not fit").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Log in").await;
    // Back at what was asked for, which needs a connection first.
    browser.is_at("Not connected yet").await;
    browser.follow("Go to the dashboard").await;
    browser.sees("Connect with the Picard server").await;
    browser.misses("Connected as").await;
}

async fn connects(browser: &Browser, picard: &Picard) {
    browser.press("Connect to MCP Server").await;
    browser.sign_up_on_the_way("ada").await;

    let asked = browser.address().await;
    assert_eq!(asked.path(), "/oauth/authorize");
    assert!(asked.as_str().starts_with(&picard.up.server), "{asked}");
    assert_eq!(of(&asked, "response_type"), "code");
    assert_eq!(of(&asked, "scope"), "memories:read memories:write");
    assert_eq!(of(&asked, "redirect_uri"), picard.web("/oauth/callback"));
    assert_eq!(of(&asked, "code_challenge_method"), "S256");
    // 32 bytes each, as base64url without padding.
    assert_eq!(of(&asked, "code_challenge").len(), 43);
    assert!(of(&asked, "state").len() >= 43, "{asked}");
    assert_eq!(of(&asked, "client_id").len(), 36);

    browser.sees("to use your memories?").await;
    browser.sees("localhost").await;
    browser.sees("Ada (ada)").await;
    browser.press("Allow").await;
    browser.is_at("Dashboard").await;
    browser.sees("Connected as Ada @ada").await;

    browser.listen().await;
    let traffic = browser.traffic.lock().expect("no test panicked in it");
    let first = traffic.last(&picard.up.server, "/oauth/authorize");
    let back = traffic.last(&picard.up.web, "/oauth/callback");
    assert_eq!(of(&back, "state"), of(&first, "state"));
    assert!(of(&back, "code").starts_with("pac_"), "a code came back");
    assert_eq!(of(&back, "iss"), picard.up.server);
}

async fn writes(browser: &Browser, picard: &Picard) {
    let instant = "2999-12-31T23:59:59Z";
    browser.remember(picard, SISTER, "Public", "").await;
    browser.sees("It does not expire").await;
    browser.remember(picard, ALLERGY, "Private", instant).await;
    browser.sees(instant).await;
    browser
        .remember(picard, TAXES, "Private", "2999-12-30")
        .await;
    browser.sees("the end of 2999-12-30, UTC").await;

    browser.go(&picard.web("/memories/new")).await;
    browser
        .fill("What should be remembered?", "Never stored")
        .await;
    browser.fill("Valid until", "tomorrow").await;
    browser.press("Remember this").await;
    browser.sees("Write a date such as").await;
    let kept = browser.value("What should be remembered?").await;
    assert_eq!(kept, "Never stored");
}

async fn manages(browser: &Browser, picard: &Picard) {
    browser.go(&picard.web("/memories")).await;
    assert_eq!(browser.memories().await, [TAXES, ALLERGY, SISTER]);
    browser.unfold("Filters").await;
    browser.select("Permission", "Public").await;
    browser.press("Filter").await;
    browser.sees(SISTER).await;
    assert_eq!(browser.memories().await, [SISTER]);
    browser.select("Permission", "Private and public").await;
    browser.fill("Expires from", "2999-12-31").await;
    browser.press("Filter").await;
    browser.sees(ALLERGY).await;
    assert_eq!(browser.memories().await, [ALLERGY]);
    browser.follow("Remove all filters").await;

    browser.open_memory("The tax adviser").await;
    browser.follow("Edit").await;
    assert_eq!(browser.value("Valid until").await, "2999-12-30");
    browser.fill("What should be remembered?", LATER).await;
    browser.press("Save").await;
    browser.sees("The memory is changed.").await;
    browser.sees(LATER).await;
    browser.press("Make public").await;
    browser.sees("The memory is public now").await;
    browser.press("Make private").await;
    browser.sees("The memory is private now").await;

    browser.follow("Delete").await;
    browser.is_at("Delete this memory?").await;
    browser.follow("Keep it").await;
    browser.is_at("Memory").await;
    browser.follow("Delete").await;
    browser.press("Delete for good").await;
    browser.sees("The memory is deleted for good.").await;
    assert_eq!(browser.memories().await, [ALLERGY, SISTER]);
}

async fn searches(browser: &Browser, picard: &Picard) {
    for (query, best) in [
        ("Which food must not be on the plate?", ALLERGY),
        ("family members abroad", SISTER),
        ("Wo wohnt meine Schwester?", SISTER),
    ] {
        browser.go(&picard.web("/search")).await;
        browser.fill("What are you looking for?", query).await;
        browser.press("Search").await;
        browser.sees(best).await;
        let found = browser.memories().await;
        assert_eq!(found.first().map(String::as_str), Some(best), "{query}");
        browser.sees("match ·").await;
    }
}

async fn asks_the_own_persona(browser: &Browser, picard: &Picard) {
    browser.go(&picard.web("/personas")).await;
    browser.follow("My own persona").await;
    browser.sees("2 memories in all").await;
    assert_eq!(browser.memories().await, [ALLERGY, SISTER]);
}

async fn disconnects_and_comes_back(browser: &Browser, picard: &Picard) {
    browser.go(&picard.web("/dashboard")).await;
    browser.press("Disconnect").await;
    browser.sees("Disconnected. The server was told").await;
    browser.sees("Connect with the Picard server").await;
    browser.go(&picard.server("/account")).await;
    browser.sees("No application has access").await;

    browser.go(&picard.web("/dashboard")).await;
    browser.press("Connect to MCP Server").await;
    browser.press("Allow").await;
    browser.sees("Connected as Ada @ada").await;
    browser.press("Reconnect").await;
    browser.press("Allow").await;
    browser.sees("Connected as Ada @ada").await;
    browser.go(&picard.web("/memories")).await;
    assert_eq!(browser.memories().await, [ALLERGY, SISTER]);
}

/// A parameter of an address.
fn of(address: &Url, name: &str) -> String {
    picard_tests::application::parameter(address, name)
        .unwrap_or_else(|| panic!("no {name} in {address}"))
}
