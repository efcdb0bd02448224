//! One memory: write it, read it, change it, delete it.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use picard_client::{Error as ServerError, Expiration, Memory, MemoryChange, NewMemory};
use picard_domain::{Instant, MemoryId, Permission};
use picard_ui::{Badge, CopyText, CsrfForm, Moment, Notice, Shell, html, html_with};
use serde::Deserialize;

use super::{
    Shared, failure,
    views::{MemoryFields, Typed, Wrong},
};
use crate::{
    Error, filters,
    member::{Granted, Member, Read, Write},
    service::Service,
};

#[derive(Template)]
#[template(path = "memory_new.html")]
struct NewPage {
    shell: Shell,
    fields: MemoryFields,
}

#[derive(Template)]
#[template(path = "memory.html")]
struct ViewPage {
    shell: Shell,
    id: String,
    copy_id: CopyText,
    text: String,
    badge: Badge,
    is_public: bool,
    expired: bool,
    expires: Option<(Moment, String)>,
    created: Moment,
    updated: Option<Moment>,
    may_write: bool,
}

#[derive(Template)]
#[template(path = "memory_edit.html")]
struct EditPage {
    shell: Shell,
    id: String,
    read_at: String,
    /// What is stored, when it changed while the form was open.
    theirs: Option<Theirs>,
    fields: MemoryFields,
}

/// What is stored by now.
struct Theirs {
    text: String,
    badge: Badge,
    expires: Option<Moment>,
}

#[derive(Template)]
#[template(path = "memory_delete.html")]
struct DeletePage {
    shell: Shell,
    id: String,
    text: String,
}

/// The form of a memory.
#[derive(Deserialize)]
pub(super) struct MemoryForm {
    text: String,
    permission: Permission,
    #[serde(default)]
    expiration: String,
    /// The `updated_at` of what was changed; empty for a new memory.
    #[serde(default)]
    read_at: String,
}

#[derive(Deserialize)]
pub(super) struct PermissionForm {
    permission: Permission,
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

impl MemoryForm {
    /// What was typed. Browsers send line ends as CR LF, whatever was typed;
    /// a memory has them as LF.
    fn typed(&self) -> Typed {
        Typed {
            text: self.text.replace("\r\n", "\n"),
            permission: self.permission,
            expiration: self.expiration.clone(),
        }
    }
}

pub(super) async fn new_form(State(service): Shared, granted: Granted<Write>) -> Response {
    let empty = Typed {
        text: String::new(),
        permission: Permission::Private,
        expiration: String::new(),
    };
    html(&NewPage {
        shell: granted.member.shell(),
        fields: MemoryFields::new(&empty, Wrong::default(), service.now()),
    })
}

pub(super) async fn create(
    State(service): Shared,
    granted: Granted<Write>,
    CsrfForm(form): CsrfForm<MemoryForm>,
) -> Result<Response, Error> {
    let typed = form.typed();
    let stored = match filters::expiration(&typed.expiration) {
        Ok(expiration_date) => {
            let Typed {
                text, permission, ..
            } = &typed;
            let new = NewMemory {
                text,
                permission: *permission,
                expiration_date,
            };
            granted
                .picard
                .submit_memory(&new)
                .await
                .map_err(Problem::Server)
        }
        Err(message) => Err(Problem::Expiration(message)),
    };
    match stored {
        Ok(memory) => {
            let path = format!("/memories/{}", memory.id);
            Ok(granted.member.browser.redirect(&path, "stored"))
        }
        Err(problem) => {
            let (status, shell, wrong) = problem.explain(&service, &granted.member);
            let fields = MemoryFields::new(&typed, wrong, service.now());
            Ok(html_with(status, &NewPage { shell, fields }))
        }
    }
}

pub(super) async fn view(
    granted: Granted<Read>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let memory = granted.picard.get_memory(read_id(&id)?).await?;
    Ok(html(&ViewPage {
        shell: granted.member.shell(),
        id: memory.id.to_string(),
        copy_id: CopyText::new("memory-id", memory.id),
        text: memory.text.expose().to_owned(),
        badge: memory.permission.into(),
        is_public: memory.permission == Permission::Public,
        expired: memory.expired,
        expires: memory
            .expiration_date
            .map(|end| (Moment(end), filters::exactly(end))),
        created: Moment(memory.created_at),
        updated: (memory.updated_at != memory.created_at).then_some(Moment(memory.updated_at)),
        may_write: granted.may_write(),
    }))
}

pub(super) async fn edit_form(
    State(service): Shared,
    granted: Granted<Write>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let memory = granted.picard.get_memory(read_id(&id)?).await?;
    let typed = Typed {
        text: memory.text.expose().to_owned(),
        permission: memory.permission,
        expiration: filters::in_field(memory.expiration_date),
    };
    Ok(html(&EditPage {
        shell: granted.member.shell(),
        id: memory.id.to_string(),
        read_at: memory.updated_at.to_string(),
        theirs: None,
        fields: MemoryFields::new(&typed, Wrong::default(), service.now()),
    }))
}

pub(super) async fn edit(
    State(service): Shared,
    granted: Granted<Write>,
    Path(id): Path<String>,
    CsrfForm(form): CsrfForm<MemoryForm>,
) -> Result<Response, Error> {
    let id = read_id(&id)?;
    let typed = form.typed();
    let changed = match change(&typed, &form.read_at) {
        Ok(change) => granted
            .picard
            .update_memory(id, &change)
            .await
            .map_err(Problem::Server),
        Err(message) => Err(Problem::Expiration(message)),
    };
    match changed {
        Ok(_) => Ok(granted
            .member
            .browser
            .redirect(&format!("/memories/{id}"), "changed")),
        Err(Problem::Server(ServerError::Conflict)) => {
            let theirs = granted.picard.get_memory(id).await?;
            Ok(conflict_page(
                &granted.member,
                &typed,
                &theirs,
                service.now(),
            ))
        }
        Err(Problem::Server(ServerError::NotFound)) => Err(Error::NotFound),
        Err(problem) => {
            let (status, shell, wrong) = problem.explain(&service, &granted.member);
            let page = EditPage {
                shell,
                id: id.to_string(),
                read_at: form.read_at,
                theirs: None,
                fields: MemoryFields::new(&typed, wrong, service.now()),
            };
            Ok(html_with(status, &page))
        }
    }
}

fn change<'a>(typed: &'a Typed, read_at: &str) -> Result<MemoryChange<'a>, String> {
    let expiration = filters::expiration(&typed.expiration)?;
    Ok(MemoryChange {
        text: Some(&typed.text),
        permission: Some(typed.permission),
        expiration: expiration.map_or(Expiration::Never, Expiration::At),
        expected_updated_at: read_at.parse().ok(),
    })
}

/// Shows what is stored by now above what was typed. Sending the form again
/// replaces exactly that.
fn conflict_page(member: &Member, typed: &Typed, theirs: &Memory, now: Instant) -> Response {
    let notice = Notice::error(
        "This memory was changed elsewhere while you were editing it. Nothing of yours is lost: \
         compare both, then save.",
    );
    let page = EditPage {
        shell: member.shell().with_notice(notice),
        id: theirs.id.to_string(),
        read_at: theirs.updated_at.to_string(),
        theirs: Some(Theirs {
            text: theirs.text.expose().to_owned(),
            badge: theirs.permission.into(),
            expires: theirs.expiration_date.map(Moment),
        }),
        fields: MemoryFields::new(typed, Wrong::default(), now),
    };
    html_with(StatusCode::CONFLICT, &page)
}

pub(super) async fn set_permission(
    granted: Granted<Write>,
    Path(id): Path<String>,
    CsrfForm(form): CsrfForm<PermissionForm>,
) -> Result<Response, Error> {
    let memory = granted
        .picard
        .modify_permissions(read_id(&id)?, form.permission)
        .await?;
    let notice = match memory.permission {
        Permission::Private => "now-private",
        Permission::Public => "now-public",
    };
    Ok(granted
        .member
        .browser
        .redirect(&format!("/memories/{}", memory.id), notice))
}

pub(super) async fn delete_form(
    granted: Granted<Write>,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let memory = granted.picard.get_memory(read_id(&id)?).await?;
    Ok(html(&DeletePage {
        shell: granted.member.shell(),
        id: memory.id.to_string(),
        text: memory.text.expose().to_owned(),
    }))
}

pub(super) async fn delete(
    granted: Granted<Write>,
    Path(id): Path<String>,
    CsrfForm(Nothing {}): CsrfForm<Nothing>,
) -> Result<Response, Error> {
    granted.picard.delete_memory(read_id(&id)?).await?;
    Ok(granted.member.browser.redirect("/memories", "deleted"))
}

/// An address with something else than an id leads nowhere.
fn read_id(text: &str) -> Result<MemoryId, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

/// Why a form was not carried out. What was typed is shown again in any case.
enum Problem {
    Expiration(String),
    Server(ServerError),
}

impl Problem {
    fn explain(self, service: &Service, member: &Member) -> (StatusCode, Shell, Wrong) {
        match self {
            Self::Expiration(message) => {
                let wrong = Wrong {
                    expiration: Some(message),
                    ..Wrong::default()
                };
                (StatusCode::UNPROCESSABLE_ENTITY, member.shell(), wrong)
            }
            Self::Server(ServerError::Invalid { detail, errors }) => {
                let find = |name: &str, shown: &str| {
                    let error = errors.iter().find(|error| error.field == name)?;
                    Some(format!(
                        "The {shown} {}.",
                        error.message.trim_end_matches('.')
                    ))
                };
                let wrong = Wrong {
                    text: find("text", "text"),
                    permission: find("permission", "permission"),
                    expiration: find("expiration_date", "expiration"),
                };
                let named = [&wrong.text, &wrong.permission, &wrong.expiration]
                    .iter()
                    .any(|e| e.is_some());
                let shell = member.shell();
                let shell = if named {
                    shell
                } else {
                    shell.with_notice(Notice::error(detail))
                };
                (StatusCode::UNPROCESSABLE_ENTITY, shell, wrong)
            }
            Self::Server(error) => {
                let explained = failure::explain(service, &Error::Server(error));
                let notice = Notice::error(explained.in_short());
                (
                    explained.status,
                    member.shell().with_notice(notice),
                    Wrong::default(),
                )
            }
        }
    }
}
