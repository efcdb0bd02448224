//! What holds on every page and for every form.

use crate::browser::{Browser, PUBLIC_URL, Page, Service};

const PAGES: [&str; 7] = [
    "/",
    "/connect",
    "/signup",
    "/login",
    "/account",
    "/account/delete",
    "/nowhere",
];

const FORMS: [&str; 10] = [
    "/connect",
    "/signup",
    "/login",
    "/logout",
    "/account/name",
    "/account/password",
    "/account/sessions/01890a5d-ac96-774b-bcce-b302099a8057/end",
    "/account/applications/01890a5d-ac96-774b-bcce-b302099a8057/revoke",
    "/account/delete",
    "/oauth/authorize",
];

async fn every_page(service: &Service) -> Vec<(String, Page)> {
    let mut pages = Vec::new();
    let mut member: Browser = service.member("crusher").await;
    for path in PAGES {
        pages.push((
            format!("{path} for a visitor"),
            service.browser().get(path).await,
        ));
        pages.push((format!("{path} for a member"), member.get(path).await));
    }
    pages.push((
        "a refused form".to_owned(),
        service.browser().post("/login", &[]).await,
    ));
    pages.retain(|(_, page)| page.status != 303);
    pages
}

#[tokio::test]
async fn no_form_is_taken_without_its_token() {
    let service = Service::start().await;
    let mut member = service.member("crusher").await;
    for action in FORMS {
        assert_eq!(
            member.post(action, &[("csrf", "forged")]).await.status,
            403,
            "{action}"
        );
        let account = member.get("/account").await;
        assert_eq!(account.status, 200, "{action} has no effect");
    }
}

#[tokio::test]
async fn every_page_has_one_heading_a_title_and_a_label_for_each_field() {
    let service = Service::start().await;
    for (what, page) in every_page(&service).await {
        assert_eq!(page.body.matches("<h1").count(), 1, "{what}");
        assert!(page.body.contains("<html lang=\"en\">"), "{what}");
        assert!(
            !page.between("<title>", " · Picard")[0].is_empty(),
            "{what}"
        );
        let mut ids = page.between(" id=\"", "\"");
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "ids are unique on {what}");
        for input in page.between("<input ", ">") {
            if input.contains("type=\"hidden\"") || input.contains("aria-hidden") {
                continue;
            }
            let id = input.split('"').nth(1).expect("inputs begin with their id");
            assert!(
                page.body.contains(&format!("<label for=\"{id}\">")),
                "{id} on {what}"
            );
        }
    }
}

#[tokio::test]
async fn every_page_is_private_unframed_and_loads_nothing_from_elsewhere() {
    let service = Service::start().await;
    for (what, page) in every_page(&service).await {
        assert_eq!(page.header("cache-control"), "no-store", "{what}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{what}");
        assert!(
            page.header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{what}"
        );
        assert_eq!(page.header("access-control-allow-origin"), "", "{what}");
        for source in page.between("src=\"", "\"") {
            assert!(source.starts_with("/assets/"), "{source} on {what}");
        }
        assert!(
            !page.body.contains(" style=") && !page.body.contains(" onclick"),
            "{what}"
        );
    }
}

#[tokio::test]
async fn pages_on_the_way_to_a_consent_may_be_popups() {
    let service = Service::start().await;
    let mut browser = service.browser();
    for path in ["/login", "/signup", "/oauth/authorize", "/authorize"] {
        assert_eq!(
            browser.get(path).await.header("cross-origin-opener-policy"),
            "",
            "{path}"
        );
    }
    assert_eq!(
        browser.get("/").await.header("cross-origin-opener-policy"),
        "same-origin"
    );
}

#[tokio::test]
async fn the_start_page_has_the_address_to_paste() {
    let service = Service::start().await;
    let page = service.browser().get("/").await;
    assert_eq!(
        page.between("<code id=\"address\">", "<"),
        [format!("{PUBLIC_URL}/mcp")]
    );
    for link in [
        "/signup",
        "/login",
        "/connect",
        "/docs",
        "http://localhost:8000",
    ] {
        assert!(page.body.contains(&format!("href=\"{link}\"")), "{link}");
    }
}

#[tokio::test]
async fn errors_do_not_look_as_if_one_were_logged_out() {
    let service = Service::start().await;
    let mut member = service.member("crusher").await;
    for path in ["/nowhere", "/oauth/authorize?client_id=nobody"] {
        let page = member.get(path).await;
        assert!(
            page.body.contains("action=\"/logout\"") && !page.body.contains("href=\"/login\""),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_unknown_address_is_a_page_for_people_and_a_problem_for_programs() {
    let service = Service::start().await;
    let page = service.browser().get("/nowhere").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (404, "text/html; charset=utf-8")
    );
    for path in [
        "/.well-known/openid-configuration",
        "/api/nothing",
        "/oauth/nothing",
    ] {
        let problem = service.browser().get(path).await;
        assert_eq!(
            (problem.status, problem.header("content-type")),
            (404, "application/problem+json"),
            "{path}"
        );
    }
    assert_eq!(service.browser().get("/logout").await.status, 405);
}

#[tokio::test]
async fn the_page_for_developers_names_first_what_must_be_sent() {
    let service = Service::start().await;
    let page = service.browser().get("/docs").await;
    let (_, tool) = page
        .body
        .split_once("id=\"tool-query_memory\"")
        .expect("there");
    let (fields, gives) = tool.split_once("<p>Gives ").expect("what it gives");
    let first = fields.find("<code>query</code>").expect("the question");
    assert!(first < fields.find("<code>expires_after</code>").expect("a filter"));
    assert!(gives.starts_with("<code>query</code>, <code>memories</code>, <code>notices</code>."));
}

#[tokio::test]
async fn the_page_for_developers_has_the_notices_that_the_documentation_has() {
    let documented = include_str!("../../../../docs/api.md");
    let (_, documented) = documented.split_once("\n### notices").expect("a section");
    let (documented, _) = documented.split_once("\n## ").expect("its end");
    let documented: Vec<_> = documented
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let service = Service::start().await;
    let page = service.browser().get("/docs").await;
    let (_, shown) = page.body.split_once("id=\"notices\"").expect("a section");
    let (shown, _) = shown.split_once("</dl>").expect("its end");
    let shown: Vec<_> = shown
        .split("<dt><code>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .collect();
    assert_eq!(shown, documented);
}
