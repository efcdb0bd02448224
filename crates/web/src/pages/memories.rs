//! `/memories`: the list, with filters and pages in its address.

use askama::Template;
use axum::{extract::Query, response::Response};
use picard_client::Error as ServerError;
use picard_ui::{Field, Pager, Shell, html, see_other};

use super::views::Card;
use crate::{
    Error,
    filters::{FilterErrors, Filters},
    member::{Granted, Read},
};

/// How many memories one page shows.
const PAGE: u32 = 20;

#[derive(Template)]
#[template(path = "memories.html")]
struct Memories {
    shell: Shell,
    filters: [Field; 4],
    filtered: bool,
    may_write: bool,
    cards: Vec<Card>,
    pager: Pager,
}

pub(super) async fn list(
    granted: Granted<Read>,
    Query(filters): Query<Filters>,
) -> Result<Response, Error> {
    let (parsed, errors) = filters.parse();
    let wanted = parsed.list(&filters.cursor, PAGE);
    let page = match granted.picard.get_memories(&wanted).await {
        // A cursor of another time or person: begin again.
        Err(ServerError::Invalid { .. }) if !filters.cursor.is_empty() => {
            return Ok(see_other(&filters.link("/memories", "")));
        }
        page => page?,
    };
    let is_first = filters.cursor.is_empty();
    let next = page.next_cursor.as_deref();
    Ok(html(&Memories {
        shell: granted.member.shell(),
        filtered: filters.any(),
        may_write: granted.may_write(),
        cards: page.memories.iter().map(Card::own).collect(),
        pager: Pager {
            first: (!is_first).then(|| filters.link("/memories", "")),
            next: next.map(|cursor| filters.link("/memories", cursor)),
        },
        filters: fields(&filters, errors),
    }))
}

fn fields(filters: &Filters, errors: FilterErrors) -> [Field; 4] {
    let date = |name, label| {
        Field::text(name, label)
            .attribute("placeholder", "2026-12-31")
            .attribute("autocomplete", "off")
            .attribute("spellcheck", "false")
    };
    let permissions = [
        ("", "Private and public"),
        ("private", "Private"),
        ("public", "Public"),
    ];
    let shows = [
        ("", "Valid"),
        ("all", "Valid and expired"),
        ("expired", "Expired"),
    ];
    [
        Field::select("permission", "Permission", &permissions).value(&filters.permission),
        Field::select("show", "Expiration", &shows).value(&filters.show),
        date("after", "Expires from")
            .value(&filters.after)
            .error(errors.after),
        date("before", "Expires before")
            .value(&filters.before)
            .error(errors.before),
    ]
}
