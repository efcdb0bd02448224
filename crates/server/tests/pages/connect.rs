//! `/connect` in a browser without scripts.

use picard_server::connect::assistants;

use crate::browser::{PUBLIC_URL, Service};

/// As the page writes a text.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

#[tokio::test]
async fn anybody_sees_the_address_and_every_text_to_copy() {
    let service = Service::start().await;
    let url = format!("{PUBLIC_URL}/mcp");
    for mut browser in [service.browser(), service.member("crusher").await] {
        let page = browser.get("/connect").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.between("<code id=\"address\">", "<"), [url.as_str()]);
        for assistant in assistants(&url) {
            assert!(
                page.body
                    .contains(&format!("<details id=\"{}\">", assistant.id))
            );
            for step in assistant.steps.iter().chain(&assistant.stdio) {
                assert!(page.body.contains(&escaped(step.words)), "{}", step.words);
                if let Some(snippet) = &step.snippet {
                    assert!(
                        page.body.contains(&escaped(&snippet.text)),
                        "{}",
                        snippet.text
                    );
                }
                if let Some((_, href)) = &step.link {
                    assert!(
                        page.body.contains(&format!("href=\"{}\"", escaped(href))),
                        "{href}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn every_button_that_copies_has_its_text_and_is_hidden_without_scripts() {
    let service = Service::start().await;
    let page = service.browser().get("/connect").await;
    let buttons = page.between("data-copy=\"", ">");
    assert!(buttons.len() > 15, "{buttons:?}");
    for button in buttons {
        let (id, rest) = button.split_once('"').expect("an id");
        assert_eq!(rest, " hidden", "{id}");
        assert_eq!(
            page.body.matches(&format!(" id=\"{id}\"")).count(),
            1,
            "{id}"
        );
    }
}

#[tokio::test]
async fn at_home_it_says_who_needs_a_public_address() {
    let service = Service::start().await;
    let page = service.browser().get("/connect").await;
    assert!(page.body.contains("Claude and ChatGPT cannot"));
    assert_eq!(page.body.matches("Needs a public address").count(), 2);

    let service = Service::start_at("https://memory.example.org").await;
    let page = service.browser().get("/connect").await;
    assert!(!page.body.contains("Needs a public address"));
    assert!(page.body.contains("https://memory.example.org/mcp"));
}

#[tokio::test]
async fn the_test_shows_what_is_wrong_and_is_not_made_again_at_once() {
    // RFC 2606: a name that never has an address.
    let service = Service::start_at("https://picard.invalid").await;
    let mut browser = service.browser();
    let page = browser.fill("/connect", "/connect", &[]).await;
    assert_eq!(page.status, 200);
    for words in [
        "One thing is wrong",
        "picard.invalid has no address",
        "badge wrong",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let page = browser.fill("/connect", "/connect", &[]).await;
    assert_eq!((page.status, page.header("retry-after")), (429, "5"));
    assert!(page.body.contains("Try again in a few seconds"));
    let mut operator = service.member("crusher").await;
    let page = operator.fill("/connect", "/connect", &[]).await;
    assert_eq!(page.status, 200, "nobody is locked out by another");
}

#[tokio::test]
async fn what_another_server_says_cannot_become_part_of_the_page() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = axum::Router::new().fallback(|| async {
        axum::response::Redirect::to("https://evil.example/<script>alert(1)</script>")
    });
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let service = Service::start_at(&format!("http://{address}")).await;
    let page = service.browser().fill("/connect", "/connect", &[]).await;
    serving.abort();
    assert!(page.body.contains("redirected (303)"), "{}", page.body);
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
}
