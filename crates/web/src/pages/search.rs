//! `/search`: find own memories by meaning.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use picard_client::{Error as ServerError, Hit, Query as Search};
use picard_ui::{Field, Notice, Shell, html_with};
use serde::Deserialize;

use super::{
    PageQuery,
    views::{Card, FilterFields, REPEATED, notices, shortened},
};
use crate::{
    Error,
    filters::Filters,
    member::{Granted, Read},
    words,
};

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    shell: Shell,
    query: String,
    field: Field,
    filters: FilterFields,
    filtered: bool,
    found: Option<Found>,
}

/// What was found, best first.
struct Found {
    notices: Vec<Notice>,
    /// Operators without words list what is newest.
    ranked: bool,
    fitting: Vec<Card>,
    weak: Vec<Card>,
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    q: String,
    limit: String,
    permission: String,
    before: String,
    after: String,
}

impl Default for Asked {
    fn default() -> Self {
        let [q, permission, before, after] = [const { String::new() }; 4];
        Self {
            q,
            limit: "10".to_owned(),
            permission,
            before,
            after,
        }
    }
}

pub(super) async fn search(
    granted: Granted<Read>,
    PageQuery(asked): PageQuery<Asked>,
) -> Result<Response, Error> {
    let filters = Filters {
        permission: asked.permission.clone(),
        before: asked.before.clone(),
        after: asked.after.clone(),
        ..Filters::default()
    };
    let (parsed, errors) = filters.parse();
    let (mut shell, mut wrong) = (granted.member.shell(), None);
    let query = asked.q.trim();
    let mut found = None;
    if query.is_empty() && !asked.q.is_empty() {
        wrong = Some(words::BLANK.to_owned());
    }
    if !query.is_empty() && errors.is_empty() {
        let search = Search {
            query,
            limit: Some(asked.limit.parse().unwrap_or(10).clamp(1, 100)),
            permission: parsed.permission,
            expires_before: parsed.before,
            expires_after: parsed.after,
        };
        match granted.picard.query_memory(&search).await {
            Err(ServerError::Invalid { detail, errors }) => {
                wrong = words::wrong_question(&errors, "query");
                if wrong.is_none() {
                    shell = shell.with_notice(Notice::error(detail));
                }
            }
            answer => found = Some(divided(&answer?)),
        }
    }
    let status = if wrong.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = SearchPage {
        shell,
        query: shortened(query, REPEATED),
        field: question(&asked.q, wrong),
        filtered: filters.any(),
        filters: FilterFields::new(&filters, errors, most(&asked.limit)),
        found,
    };
    Ok(html_with(status, &page))
}

/// Sets weak matches apart, and leaves out what fits not at all.
fn divided(answer: &picard_client::Found) -> Found {
    let fits = |hit: &&Hit| words::fits(hit.score);
    let hits: Vec<_> = answer.memories.iter().filter(fits).collect();
    let is_weak = |hit: &&&Hit| hit.score.is_some_and(|score| score < words::WEAK);
    let card = |hit: &&Hit| Card::own(&hit.memory).scored(hit);
    Found {
        notices: notices(&answer.notices),
        ranked: hits.iter().any(|hit| hit.score.is_some()),
        fitting: hits.iter().filter(|hit| !is_weak(hit)).map(card).collect(),
        weak: hits.iter().filter(is_weak).map(card).collect(),
    }
}

fn question(typed: &str, wrong: Option<String>) -> Field {
    Field::input("search", "q", "What are you looking for?")
        .hint(
            "Describe it in your own words, in any language: meaning counts. Words in \"quotes\" must be there.",
        )
        .attribute("maxlength", "2000")
        .required()
        .value(typed)
        .error(wrong)
}

fn most(chosen: &str) -> Field {
    let limits = [
        ("5", "5"),
        ("10", "10"),
        ("25", "25"),
        ("50", "50"),
        ("100", "100"),
    ];
    Field::select("limit", "At most", &limits).value(chosen)
}
