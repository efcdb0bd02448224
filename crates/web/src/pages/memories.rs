//! `/memories`: the list, with filters and pages in its address.

use askama::Template;
use axum::response::Response;
use picard_client::Error as ServerError;
use picard_ui::{Field, Pager, Shell, html, see_other};

use super::{
    PageQuery,
    views::{Card, FilterFields},
};
use crate::{
    Error,
    filters::Filters,
    member::{Granted, Read},
};

/// How many memories one page shows.
const PAGE: u32 = 20;

#[derive(Template)]
#[template(path = "memories.html")]
struct Memories {
    shell: Shell,
    filters: FilterFields,
    filtered: bool,
    may_write: bool,
    cards: Vec<Card>,
    pager: Pager,
}

pub(super) async fn list(
    granted: Granted<Read>,
    PageQuery(filters): PageQuery<Filters>,
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
        filters: FilterFields::new(&filters, errors, show(&filters.show)),
    }))
}

fn show(chosen: &str) -> Field {
    let shows = [
        ("", "Valid"),
        ("all", "Valid and expired"),
        ("expired", "Expired"),
    ];
    Field::select("show", "Expiration", &shows).value(chosen)
}
