//! `/personas`: what is known of oneself or of somebody else.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use picard_client::{Error as ServerError, Hit, Persona, PersonaQuery};
use picard_domain::UserId;
use picard_ui::{CopyText, Field, Notice, Shell, html_with};
use serde::Deserialize;

use super::{
    PageQuery,
    views::{Card, REPEATED, notices, shortened},
};
use crate::{
    Error,
    member::{Connection, Granted, Read},
    words,
};

#[derive(Template)]
#[template(path = "personas.html")]
struct Personas {
    shell: Shell,
    who: Field,
    prompt: Field,
    limit: Field,
    own: String,
    answer: Option<Answer>,
}

/// What came back.
struct Answer {
    name: String,
    handle: String,
    user_id: CopyText,
    is_own: bool,
    prompt: Option<String>,
    total: String,
    count: u64,
    shown: usize,
    is_all: bool,
    /// By how well they fit; operators without words list what is newest.
    ranked: bool,
    notices: Vec<Notice>,
    cards: Vec<Card>,
}

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    user: String,
    prompt: String,
    limit: String,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            user: String::new(),
            prompt: String::new(),
            limit: "20".to_owned(),
        }
    }
}

pub(super) async fn personas(
    granted: Granted<Read>,
    PageQuery(asked): PageQuery<Asked>,
) -> Result<Response, Error> {
    let own = own_id(&granted);
    let user = asked.user.trim().trim_start_matches('@');
    let prompt = Some(asked.prompt.trim()).filter(|prompt| !prompt.is_empty());
    let limit = asked
        .limit
        .parse()
        .ok()
        .map(|limit: u32| limit.clamp(1, 100));
    let (mut status, mut shell) = (StatusCode::OK, granted.member.shell());
    let (mut answer, mut wrong, mut wrong_prompt) = (None, None, None);
    if !user.is_empty() {
        match granted
            .picard
            .query_user(&PersonaQuery {
                user,
                prompt,
                limit,
            })
            .await
        {
            Ok(persona) => answer = Some(shown(persona, own)),
            Err(ServerError::NotFound) => {
                status = StatusCode::NOT_FOUND;
                wrong = Some("There is nobody with this handle or UUID on the server.".to_owned());
            }
            Err(ServerError::Invalid { detail, errors }) => {
                status = StatusCode::UNPROCESSABLE_ENTITY;
                wrong = errors
                    .iter()
                    .find(|error| error.field == "user_id")
                    .map(|error| format!("This {}.", error.message));
                wrong_prompt = words::wrong_question(&errors, "prompt");
                if wrong.is_none() && wrong_prompt.is_none() {
                    shell = shell.with_notice(Notice::error(detail));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let page = Personas {
        shell,
        who: who(&asked.user, wrong),
        prompt: question(&asked.prompt, wrong_prompt),
        limit: most(&asked.limit),
        own: own.map(|id| id.to_string()).unwrap_or_default(),
        answer,
    };
    Ok(html_with(status, &page))
}

fn own_id(granted: &Granted<Read>) -> Option<UserId> {
    match &granted.member.connection {
        Connection::Live(partner) => Some(partner.user_id),
        Connection::None | Connection::Lost(..) => None,
    }
}

fn shown(persona: Persona, own: Option<UserId>) -> Answer {
    let is_own = own == Some(persona.user.id);
    let card = if is_own { Card::own } else { Card::foreign };
    let is_all = persona.memories.len() as u64 == persona.total;
    // Who wants all gets all; a limit need not be filled up with what fits not at all.
    let is_shown = |hit: &&Hit| is_all || words::fits(hit.score);
    let hits: Vec<_> = persona.memories.iter().filter(is_shown).collect();
    Answer {
        name: persona.user.name,
        handle: persona.user.handle.to_string(),
        user_id: CopyText::new("persona-id", persona.user.id),
        is_own,
        prompt: persona
            .prompt
            .filter(|prompt| !prompt.is_empty())
            .map(|prompt| shortened(&prompt, REPEATED)),
        total: words::memories(persona.total),
        count: persona.total,
        shown: hits.len(),
        notices: notices(&persona.notices),
        ranked: hits.iter().any(|hit| hit.score.is_some()),
        is_all,
        cards: hits
            .iter()
            .map(|hit| card(&hit.memory).scored(hit))
            .collect(),
    }
}

fn who(typed: &str, wrong: Option<String>) -> Field {
    Field::text("user", "Whose persona?")
        .hint("A handle such as ada, or a UUID.")
        .attribute("autocapitalize", "none")
        .attribute("spellcheck", "false")
        .attribute("maxlength", "64")
        .required()
        .value(typed)
        .error(wrong)
}

fn question(typed: &str, wrong: Option<String>) -> Field {
    Field::text("prompt", "What do you want to know?")
        .hint(
            "The memories that fit best come first. \"Exact words\" and dates are written as in a \
             search. Leave it empty to see what tells most about the person.",
        )
        .attribute("maxlength", "2000")
        .optional()
        .value(typed)
        .error(wrong)
}

fn most(typed: &str) -> Field {
    let limits = [
        ("5", "5"),
        ("20", "20"),
        ("50", "50"),
        ("100", "100"),
        ("all", "All"),
    ];
    Field::select("limit", "At most", &limits).value(typed)
}
