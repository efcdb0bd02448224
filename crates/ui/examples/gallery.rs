//! Shows every part of the look on one page, and an error page.
//!
//! `cargo run -p picard-ui --example gallery`, then open the address it prints.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use picard_domain::{Entropy, Instant, Permission};
use picard_ui::{
    Badge, Browser, Choice, CopyText, Field, Moment, Notice, Pager, Shell, Site, Tone,
    assets_router, html, pages,
};

struct NotRandom;

impl Entropy for NotRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[derive(Template)]
#[template(path = "gallery.html")]
struct Gallery {
    shell: Shell,
    fields: Vec<Field>,
    choice: Choice,
    id: CopyText,
    badges: [Badge; 4],
    notices: Vec<Notice>,
    moment: Moment,
    pager: Pager,
}

async fn gallery(browser: Browser) -> Response {
    let notice = |tone, text: &str| Notice::new(tone, text);
    html(&Gallery {
        shell: browser.shell_for("Jean-Luc"),
        fields: vec![
            Field::handle("handle", "Handle")
                .required()
                .hint("Letters, digits, dots and dashes."),
            Field::text("name", "Name")
                .optional()
                .value("Jean-Luc Picard"),
            Field::password("password", "Password", "current-password").error(Some("is too short")),
            Field::area("text", "Memory", 4).value("Tea, Earl Grey, hot."),
            Field::select(
                "shown",
                "Show",
                &[("all", "All"), ("public", "Public only")],
            ),
            Field::input("date", "until", "Forget after").optional(),
        ],
        choice: Choice::permission(Permission::Private),
        id: CopyText::new("id", "7f9c24e5-1f3a-4d6b-9a53-0d9f3c2b1e40"),
        badges: [
            Badge::Private,
            Badge::Public,
            Badge::Expired,
            Badge::Current,
        ],
        notices: vec![
            notice(Tone::Info, "The server will restart at noon."),
            notice(Tone::Success, "The memory has been saved."),
            notice(
                Tone::Warning,
                "This application runs on your own computer only.",
            ),
            notice(Tone::Error, "Handle or password is wrong."),
        ],
        moment: Moment(Instant::from_micros(1_763_800_000_000_000)),
        pager: Pager {
            first: Some("/".to_owned()),
            next: Some("/?after=1".to_owned()),
        },
    })
}

async fn broken(browser: Browser) -> Response {
    browser
        .error(
            StatusCode::SERVICE_UNAVAILABLE,
            "The server does not answer",
            "Nothing was lost.",
        )
        .link("Try again", "/")
        .link("Settings", "/")
        .reference("01JD3Z8Q")
        .retry_after(30)
        .into_response()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let site = Site::new(
        "Picard",
        "http://localhost:8009",
        "gallery",
        Arc::new(NotRandom),
    )
    .member_link("Gallery", "/")
    .member_link("An error", "/broken")
    .member_link("Memories", "/memories")
    .member_link("Search", "/search")
    .member_link("Personas", "/personas")
    .visitor_link("Gallery", "/")
    .footer_link("API", "/");
    let router = Router::new()
        .route("/", get(gallery))
        .route("/broken", get(broken));
    let router = router.fallback(|browser: Browser| async move { browser.not_found() });
    let router: Router = pages(router, Arc::new(site)).merge(assets_router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8009")
        .await
        .expect("the port is free");
    println!("http://localhost:8009");
    axum::serve(listener, router)
        .await
        .expect("it serves until it is stopped");
}
