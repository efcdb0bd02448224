//! `/connect`: how an assistant is connected, and whether its address works.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use picard_ui::{CopyText, CsrfForm, Notice, Shell, Snippet, html, html_with};
use serde::Deserialize;
use url::Url;

use super::person::{Anyone, From};
use crate::{
    connect::{Assistant, Reach, Row, Step, Target, Verdict, assistants, check, is_loopback},
    state::Server,
    turnstile::{Caller, PAUSE},
};

/// A form that has nothing but its token.
#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    shell: Shell,
    address: CopyText,
    /// Whether the address is one of this computer only.
    is_local: bool,
    assistants: Vec<Entry>,
    report: Option<Report>,
}

/// An assistant, unfolded.
struct Entry {
    id: &'static str,
    name: &'static str,
    reach: Reach,
    steps: Vec<Shown>,
    stdio: Vec<Shown>,
}

struct Shown {
    words: &'static str,
    snippet: Option<Snippet>,
    link: Option<(&'static str, String)>,
}

/// What the test has found.
struct Report {
    rows: Vec<Row>,
    summary: Notice,
}

/// `GET /connect`.
pub(super) async fn show(State(server): State<Server>, anyone: Anyone) -> Response {
    html(&page(&server, anyone.shell(), None))
}

/// `POST /connect`: asks the public address what a client would ask. Open to
/// everybody, so it calls no address but that one, one test at a time, and
/// seldom for each caller.
pub(super) async fn test(
    State(server): State<Server>,
    anyone: Anyone,
    From(visit): From,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Response {
    let now = server.app.now();
    let person = anyone.person.as_ref();
    let caller = person.map_or_else(|| Caller::at(visit.ip), |person| Caller::Person(person.id));
    let Some(_turn) = server.tests.enter(caller, now).await else {
        let wait = Notice::error("A test has just been made. Try again in a few seconds.");
        let page = page(&server, anyone.shell().with_notice(wait), None);
        let after = [(header::RETRY_AFTER, PAUSE.as_seconds().to_string())];
        return (after, html_with(StatusCode::TOO_MANY_REQUESTS, &page)).into_response();
    };
    let target = Target {
        public_url: server.config.public_url.clone(),
        instance: Some(server.instance.to_string()),
        now,
    };
    let rows = check(&target).await;
    html(&page(&server, anyone.shell(), Some(rows)))
}

fn page(server: &Server, shell: Shell, rows: Option<Vec<Row>>) -> ConnectPage {
    let url = server.resource();
    let is_local = Url::parse(&url).is_ok_and(|url| is_loopback(&url));
    ConnectPage {
        shell,
        address: CopyText::new("address", &url),
        is_local,
        assistants: assistants(&url).into_iter().map(entry).collect(),
        report: rows.map(|rows| report(rows, is_local)),
    }
}

fn entry(assistant: Assistant) -> Entry {
    let Assistant {
        id,
        name,
        reach,
        steps,
        stdio,
    } = assistant;
    let mut number = 0;
    let mut shown = |step: Step| {
        number += 1;
        let snippet = step.snippet.map(|snippet| {
            Snippet::new(
                format!("{id}-{number}"),
                format!("for {name}"),
                snippet.text,
            )
            .file(snippet.file)
        });
        Shown {
            words: step.words,
            snippet,
            link: step.link,
        }
    };
    Entry {
        id,
        name,
        reach,
        steps: steps.into_iter().map(&mut shown).collect(),
        stdio: stdio.into_iter().map(&mut shown).collect(),
    }
}

fn report(rows: Vec<Row>, is_local: bool) -> Report {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let summary = match (count(Verdict::Wrong), count(Verdict::Warning)) {
        (0, 0) if is_local => Notice::success("Everything works, for programs on this computer."),
        (0, 0) => Notice::success("Everything works."),
        (0, _) => Notice::info("It works, with something to note."),
        (1, _) => Notice::error("One thing is wrong. What mends it stands below."),
        (wrong, _) => Notice::error(format!(
            "{wrong} things are wrong. Begin with the first; it may mend the others."
        )),
    };
    Report { rows, summary }
}
