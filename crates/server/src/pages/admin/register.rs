//! `/admin/applications/new`: an application that the administrator vouches for.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use picard_app::{InvalidRegistration, Kept, NewApplication};
use picard_domain::{Scope, Scopes};
use picard_ui::{Choice, CopyText, CsrfForm, Field, Shell, html, html_with};
use serde::Deserialize;

use super::{
    super::{errors::Failure, sentence},
    failed,
    guard::{Admin, Confirmed},
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct New {
    name: String,
    redirect_uris: String,
    scope: String,
    kept: String,
}

#[derive(Template)]
#[template(path = "admin/new_application.html")]
struct NewPage {
    shell: Shell,
    name: Field,
    redirect_uris: Field,
    scope: Choice,
    kept: Choice,
}

#[derive(Template)]
#[template(path = "admin/registered.html")]
struct RegisteredPage {
    shell: Shell,
    name: String,
    id: CopyText,
    secret: Option<CopyText>,
    page: String,
}

/// What is wrong with which field.
#[derive(Default)]
struct Mistakes {
    name: Option<String>,
    redirect_uris: Option<String>,
}

/// `GET /admin/applications/new`.
pub(super) async fn show(Confirmed(admin): Confirmed) -> Response {
    page(&admin, &New::default(), Mistakes::default(), StatusCode::OK)
}

/// `POST /admin/applications/new`. The answer is the page itself, not a
/// redirect: the secret is on it, and kept nowhere else.
pub(super) async fn submit(
    Confirmed(admin): Confirmed,
    failure: Failure,
    CsrfForm(form): CsrfForm<New>,
) -> Response {
    let uris = form.redirect_uris.split_whitespace().map(str::to_owned);
    let new = NewApplication {
        name: form.name.clone(),
        redirect_uris: uris.collect(),
        scopes: scopes(&form.scope),
        kept: match form.kept.as_str() {
            "nothing" => Kept::Nothing,
            _ => Kept::Secret,
        },
    };
    let mistakes = match admin.administration.register(new).await {
        Ok((id, secret)) => {
            return html(&RegisteredPage {
                shell: admin.shell(),
                name: form.name,
                page: format!("/admin/applications/{id}"),
                id: CopyText::new("client-id", id),
                secret: secret.map(|secret| CopyText::new("client-secret", secret.expose())),
            });
        }
        Err(InvalidRegistration::Other(error)) => return failed(&admin, &failure, error),
        Err(error @ InvalidRegistration::RedirectUri { .. }) => Mistakes {
            redirect_uris: Some(sentence(&error.to_string())),
            ..Mistakes::default()
        },
        Err(error) if form.redirect_uris.trim().is_empty() && !form.name.trim().is_empty() => {
            Mistakes {
                redirect_uris: Some(sentence(&error.to_string())),
                ..Mistakes::default()
            }
        }
        Err(error) => Mistakes {
            name: Some(sentence(&error.to_string())),
            ..Mistakes::default()
        },
    };
    page(&admin, &form, mistakes, StatusCode::UNPROCESSABLE_ENTITY)
}

fn scopes(chosen: &str) -> Scopes {
    match chosen {
        "read" => Scopes::NONE.with(Scope::Read),
        "all" => Scopes::all(),
        _ => Scopes::read_write(),
    }
}

fn page(admin: &Admin, form: &New, mistakes: Mistakes, status: StatusCode) -> Response {
    let or = |chosen: &str, else_: &str| if chosen.is_empty() { else_ } else { chosen }.to_owned();
    html_with(
        status,
        &NewPage {
            shell: admin.shell(),
            name: Field::text("name", "Name")
                .hint("People see it when they are asked for consent.")
                .attribute("maxlength", "80")
                .attribute("autocomplete", "off")
                .value(form.name.as_str())
                .error(mistakes.name)
                .required(),
            redirect_uris: Field::area("redirect_uris", "Redirect addresses", 3)
                .hint("Where it may send people back to, one a line: https, or http on a loopback address.")
                .attribute("spellcheck", "false")
                .value(form.redirect_uris.as_str())
                .error(mistakes.redirect_uris)
                .required(),
            scope: Choice::new("scope", "The most that it may ask for")
                .option("read", "Read", "Find and read memories.")
                .option("read-write", "Read and write", "Also store, change and delete them.")
                .option("all", "Everything", "Also what later versions keep for memories:admin.")
                .selected(&or(&form.scope, "read-write")),
            kept: Choice::new("kept", "Where it runs")
                .option("secret", "On a server", "It gets a secret, which it can keep.")
                .option(
                    "nothing",
                    "On people’s machines",
                    "In a browser, on a phone or a desktop: it could keep no secret.",
                )
                .selected(&or(&form.kept, "secret")),
        },
    )
}
