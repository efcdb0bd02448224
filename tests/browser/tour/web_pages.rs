//! The web client's pages.

use super::{
    Tour,
    web_accounts::{account, visitor},
};

const MEMORIES: [(&str, &str, &str); 9] = [
    (
        "My first bicycle was red and had no brakes. I learnt to stop by steering into hedges.",
        "Public",
        "",
    ),
    (
        "The boiler was serviced in March by Hansen & Sons; they keep a spare key.",
        "Private",
        "2099-03-31",
    ),
    (
        "I prefer window seats on trains and aisle seats on planes.",
        "Public",
        "",
    ),
    (
        "Elin’s birthday is on 14 May. She collects fountain pens and likes green ink.",
        "Private",
        "",
    ),
    ("I am allergic to peanuts and shellfish.", "Private", ""),
    (
        "Ich lerne seit zwei Jahren Cello und übe am liebsten morgens vor der Arbeit.",
        "Public",
        "",
    ),
    (
        "Conference in Lisbon: flight TP 537 on 3 June, hotel near Rossio, talk at 11:00 on the second day.",
        "Private",
        "2099-06-08",
    ),
    (
        "My favourite book is “Gödel, Escher, Bach”; I read it again every few years.",
        "Public",
        "",
    ),
    (
        "The library card expires at the end of the year.",
        "Private",
        "2999-12-31T23:59:59Z",
    ),
];

#[tokio::test]
async fn every_page_of_the_web_client_is_sound() {
    let tour = Tour::start("web").await;
    visitor(&tour).await;
    not_connected(&tour).await;
    memories(&tour).await;
    finding(&tour).await;
    many(&tour).await;
    account(&tour).await;
    lost(&tour).await;
    tour.end().await;
}

async fn not_connected(tour: &Tour) {
    let browser = &tour.browser;
    browser.register(&tour.picard, "ada").await;
    tour.stop("dashboard-new", "Dashboard").await;
    tour.web("/memories", "not-connected", "Not connected yet")
        .await;
    browser.follow("Go to the dashboard").await;
    browser.press("Connect to MCP Server").await;
    browser.sign_up_on_the_way("ada").await;
    browser.press("Cancel").await;
    tour.stop("denied", "Access was not allowed").await;
    tour.web(
        "/oauth/callback?code=x&state=y",
        "other-state",
        "This answer belongs to another request",
    )
    .await;
    browser.go(&tour.picard.web("/dashboard")).await;
    browser.press("Connect to MCP Server").await;
    browser.press("Allow").await;
    tour.stop("dashboard", "Dashboard").await;
}

async fn memories(tour: &Tour) {
    let browser = &tour.browser;
    tour.web("/memories", "memories-none", "Memories").await;
    tour.web("/memories/new", "memory-new", "New memory").await;
    browser.fill("What should be remembered?", "Buy milk").await;
    browser.fill("Valid until", "tomorrow").await;
    browser.press("Remember this").await;
    tour.stop("memory-new-wrong", "New memory").await;
    for (text, permission, expiration) in MEMORIES {
        browser
            .remember(&tour.picard, text, permission, expiration)
            .await;
    }
    tour.stop("memory", "Memory").await;
    browser.follow("Edit").await;
    browser.fill("Valid until", "2020-01-01").await;
    tour.stop("memory-edit", "Edit memory").await;
    browser.press("Save").await;
    tour.stop("memory-expired", "Memory").await;
    browser.follow("Delete").await;
    tour.stop("memory-delete", "Delete this memory?").await;
    tour.web("/memories", "memories", "Memories").await;
    tour.web(
        "/memories?show=all&permission=private",
        "memories-filtered",
        "Memories",
    )
    .await;
    tour.web(
        "/memories?permission=public&before=2020-01-01",
        "memories-no-fit",
        "Memories",
    )
    .await;
    let id = "01a203c4-716c-7482-84b2-d540e074ae2f";
    tour.web(&format!("/memories/{id}"), "memory-none", "No such memory")
        .await;
    changed_meanwhile(tour).await;
}

/// Two windows, one memory.
async fn changed_meanwhile(tour: &Tour) {
    let browser = &tour.browser;
    browser.go(&tour.picard.web("/memories")).await;
    browser.open_memory("My favourite book").await;
    let memory = browser.address().await;
    browser.follow("Edit").await;
    let edit = browser.driver.window().await.expect("a window");
    let other = browser.driver.new_tab().await.expect("another window");
    let switch = browser.driver.switch_to_window(other.clone()).await;
    switch.expect("the window is there");
    browser.go(memory.as_str()).await;
    browser.press("Make private").await;
    browser.sees("The memory is private now").await;
    browser.driver.close_window().await.expect("it closes");
    let switch = browser.driver.switch_to_window(edit).await;
    switch.expect("the window is there");
    browser
        .fill(
            "What should be remembered?",
            "My favourite book is “Middlemarch”.",
        )
        .await;
    browser.press("Save").await;
    tour.stop("memory-conflict", "Edit memory").await;
    browser.press("Replace what is stored").await;
    browser.sees("The memory is changed.").await;
}

async fn finding(tour: &Tour) {
    tour.web("/search", "search", "Search").await;
    tour.web(
        "/search?q=Which+instrument+do+I+play%3F",
        "search-found",
        "Search",
    )
    .await;
    tour.web("/search?q=milk&before=2021-01-01", "search-none", "Search")
        .await;
    tour.web("/personas", "personas", "Personas").await;
    tour.web(
        "/personas?user=ada&prompt=which+instrument&limit=5",
        "persona-own",
        "Personas",
    )
    .await;
    let grace = tour.picard.member("grace").await;
    let text = "I keep bees, and give honey away in autumn.";
    grace.remember(&tour.picard, text, "Public", "").await;
    tour.picard.close(grace).await;
    tour.web("/personas?user=grace", "persona-other", "Personas")
        .await;
    tour.web("/personas?user=nobody", "persona-nobody", "Personas")
        .await;
}

/// More than a page holds, and a text without a place to break.
async fn many(tour: &Tour) {
    for at in 1..=14 {
        let text = format!("Note {at}: {}", "w".repeat(at * 12));
        tour.browser
            .remember(&tour.picard, &text, "Private", "")
            .await;
    }
    tour.web("/memories", "memories-long", "Memories").await;
    tour.browser.follow("Older").await;
    tour.stop("memories-older", "Memories").await;
}

async fn lost(tour: &Tour) {
    let browser = &tour.browser;
    browser.go(&tour.picard.server("/account")).await;
    browser.press("Revoke Picard web client").await;
    tour.web("/memories", "lost", "The connection has ended")
        .await;
    tour.web("/dashboard", "dashboard-lost", "Dashboard").await;
}
