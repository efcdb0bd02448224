//! `/account/activity`: one's own trail in words, page by page.

use crate::browser::{PASSWORD, Service};

#[tokio::test]
async fn a_person_sees_what_was_done_to_their_account_and_nobody_elses() {
    let service = Service::start().await;
    let mut geordi = service.member("geordi").await;
    let mut data = service.member("data").await;
    geordi
        .fill("/account", "/account/name", &[("name", "Geordi")])
        .await;
    service.browser().log_in("geordi", "a wrong one").await;
    let page = geordi.get("/account/activity").await;
    assert_eq!(page.status, 200);
    for words in [
        "The account was made",
        "Logged in",
        "The name was changed",
        "Somebody tried a wrong password",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let other = data.get("/account/activity").await;
    assert!(!other.body.contains("The name was changed"));
    let account = geordi.get("/account").await;
    assert!(account.body.contains("href=\"/account/activity\""));
}

#[tokio::test]
async fn a_stranger_is_sent_to_log_in() {
    let service = Service::start().await;
    let page = service.browser().get("/account/activity").await;
    assert_eq!(page.status, 303);
    assert_eq!(page.header("location"), "/login?next=%2Faccount%2Factivity");
}

#[tokio::test]
async fn older_entries_are_on_the_next_page_and_a_query_that_is_none_counts_as_none() {
    let service = Service::start().await;
    let mut geordi = service.member("geordi").await;
    for n in 0..60 {
        let name = format!("Geordi {n}");
        geordi
            .fill("/account", "/account/name", &[("name", &name)])
            .await;
    }
    let first = geordi.get("/account/activity").await;
    assert_eq!(first.between("<p class=\"title\">", "<").len(), 50);
    assert!(!first.body.contains("rel=\"first\""));
    let next = first.between("class=\"button quiet\" href=\"", "\"");
    let next = next.last().expect("there is more").replace("&#38;", "&");
    let second = geordi.get(&next).await;
    assert_eq!(second.between("<p class=\"title\">", "<").len(), 12);
    // The clock stands still, and with it the order.
    let both = format!("{}{}", first.body, second.body);
    assert!(both.contains("The account was made"));
    assert!(second.body.contains("rel=\"first\""));
    assert!(!second.body.contains("rel=\"next\""));

    let nonsense = geordi
        .get("/account/activity?before=1&application=%22%3E")
        .await;
    assert_eq!(nonsense.between("<p class=\"title\">", "<").len(), 50);
    let none = geordi
        .get("/account/activity?application=550e8400-e29b-41d4-a716-446655440000")
        .await;
    assert!(none.body.contains("Nothing yet."));
    assert!(none.body.contains("Show everything"));
}

#[tokio::test]
async fn the_trail_outlives_a_log_out() {
    let service = Service::start().await;
    let mut geordi = service.member("geordi").await;
    geordi.fill("/account", "/logout", &[]).await;
    geordi.log_in("geordi", PASSWORD).await;
    let page = geordi.get("/account/activity").await;
    assert!(page.body.contains("Logged out"), "{}", page.body);
}
