//! No form is accepted that our own page, in this browser, did not show.

mod support;

use axum::http::StatusCode;
use support::Service;

#[tokio::test]
async fn a_form_with_the_token_of_its_browser_is_accepted() {
    let service = Service::at("http://localhost:8001");
    let (cookie, token) = service.visitor().await;
    let answer = service
        .post(
            "/form",
            &cookie,
            &[],
            format!("csrf={token}&text=caf%C3%A9+%26"),
        )
        .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "saved café &")
    );
}

#[tokio::test]
async fn a_form_without_a_token_or_with_a_foreign_one_is_refused() {
    let service = Service::at("http://localhost:8001");
    let (cookie, token) = service.visitor().await;
    let (_, foreign) = service.visitor().await;
    assert_ne!(token, foreign);
    let attempts = [
        (cookie.as_str(), "text=a".to_owned()),
        (&cookie, "csrf=&text=a".to_owned()),
        (&cookie, format!("csrf={foreign}&text=a")),
        (&cookie, format!("csrf={token}&csrf={token}&text=a")),
        ("", format!("csrf={token}&text=a")),
        ("test_visitor=short", format!("csrf={token}&text=a")),
    ];
    for (cookie, body) in attempts {
        let answer = service.post("/form", cookie, &[], body.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{cookie} {body}");
        assert!(
            answer.body.contains("no longer valid"),
            "a page says what to do: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn the_token_changes_with_the_session() {
    let service = Service::at("http://localhost:8001");
    let (cookie, before) = service.visitor().await;
    let answer = service
        .post(
            "/login",
            &cookie,
            &[],
            format!("csrf={before}&text=pss_new"),
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(
        answer
            .cookies()
            .iter()
            .any(|c| c.starts_with("test_session=pss_new"))
    );
    assert!(
        answer
            .cookies()
            .iter()
            .any(|c| c.starts_with("test_visitor=;") && c.contains("Max-Age=0"))
    );

    let session = "test_session=pss_new";
    let after = service.get("/form", session).await;
    assert_ne!(after.body, before);
    assert!(
        after.cookies().is_empty(),
        "a session needs no visitor's secret"
    );
    let stale = service
        .post("/form", session, &[], format!("csrf={before}&text=a"))
        .await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_form_that_another_site_sent_is_refused_even_with_the_right_token() {
    let service = Service::at("http://localhost:8001");
    let (cookie, token) = service.visitor().await;
    let foreign: [&[(&str, &str)]; 8] = [
        &[("origin", "https://evil.example")],
        &[("origin", "http://localhost:8000")],
        &[("origin", "https://localhost:8001")],
        &[("origin", "http://localhost.evil.example:8001")],
        &[
            ("origin", "http://localhost:8001"),
            ("origin", "https://evil.example"),
        ],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    ];
    for headers in foreign {
        let answer = service
            .post("/form", &cookie, headers, format!("csrf={token}&text=a"))
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answer.body.contains("another site"), "{}", answer.body);
    }
}

#[tokio::test]
async fn our_own_forms_pass_under_every_name_of_loopback_and_under_no_referrer() {
    let service = Service::at("http://localhost:8001");
    let (cookie, token) = service.visitor().await;
    let own: [&[(&str, &str)]; 5] = [
        &[
            ("origin", "http://localhost:8001"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("origin", "http://127.0.0.1:8001")],
        &[("origin", "http://[::1]:8001")],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
    ];
    for headers in own {
        let answer = service
            .post("/form", &cookie, headers, format!("csrf={token}&text=a"))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{headers:?}");
    }
    let public = Service::at("https://memory.example");
    let (cookie, token) = public.visitor().await;
    let origin = [("origin", "https://memory.example")];
    let answer = public
        .post("/form", &cookie, &origin, format!("csrf={token}&text=a"))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn bad_forms_get_a_page_that_says_why() {
    let service = Service::at("http://localhost:8001");
    let (cookie, token) = service.visitor().await;
    let form = (
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    );
    let cases = [
        (("content-type", "application/json"), "{}".to_owned(), 415),
        (
            ("content-type", "text/plain"),
            format!("csrf={token}&text=a"),
            415,
        ),
        (
            form,
            format!("csrf={token}&text={}", "a".repeat(300_000)),
            413,
        ),
        (form, format!("csrf={token}&text=%ff%fe"), 400),
        (form, format!("csrf={token}&text=%C3"), 400),
        (form, format!("csrf={token}&other=a"), 400),
        (form, format!("csrf={token}&text=a&text=b"), 400),
        (form, format!("csrf={token}&text=100%"), 200),
        (
            form,
            format!("csrf={token}&text={}", "%C3%A9".repeat(32_768)),
            200,
        ),
    ];
    for (kind, body, status) in cases {
        let answer = service.post("/form", &cookie, &[kind], body.clone()).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{} {}",
            kind.1,
            &body[..body.len().min(80)]
        );
        assert_eq!(answer.body.contains("<h1>"), status != 200);
    }
}
