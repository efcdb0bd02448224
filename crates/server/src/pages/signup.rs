//! `/signup`: making an account.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use picard_app::{App, NewAccount, SignUpError};
use picard_domain::Plaintext;
use picard_ui::{CsrfForm, Field, LocalPath, Shell, html, html_with, see_other};
use serde::Deserialize;

use super::{
    OnwardQuery,
    errors::Failure,
    onward,
    person::{Anyone, From},
};
use crate::state::Server;

#[derive(Deserialize)]
pub(super) struct SignUp {
    handle: String,
    name: String,
    #[serde(deserialize_with = "super::password")]
    password: Plaintext,
    #[serde(default, deserialize_with = "LocalPath::or_none")]
    next: Option<LocalPath>,
}

#[derive(Template)]
#[template(path = "signup.html")]
struct SignUpPage {
    shell: Shell,
    handle: Field,
    name: Field,
    password: Field,
    next: Option<LocalPath>,
    /// The log-in page that leads to the same place.
    log_in: String,
}

/// What is wrong with which field.
#[derive(Default)]
struct Mistakes {
    handle: Option<String>,
    name: Option<String>,
    password: Option<String>,
}

/// `GET /signup`.
pub(super) async fn show(query: OnwardQuery, anyone: Anyone) -> Response {
    let next = onward(query);
    if anyone.person.is_some() {
        return see_other(next.as_ref().map_or("/account", LocalPath::as_str));
    }
    html(&page(anyone.shell(), "", "", Mistakes::default(), next))
}

/// `POST /signup`: makes the account and logs in.
pub(super) async fn submit(
    State(server): State<Server>,
    anyone: Anyone,
    failure: Failure,
    From(visit): From,
    CsrfForm(form): CsrfForm<SignUp>,
) -> Response {
    let SignUp {
        handle,
        name,
        password,
        next,
    } = form;
    let account = NewAccount {
        handle: &handle,
        name: &name,
        password: password.expose(),
    };
    let mistakes = match server.app.sign_up(account, visit).await {
        Ok(signed_in) => {
            let cookies = anyone
                .browser
                .signed_in(signed_in.session.expose(), App::SESSION);
            let path = next.as_ref().map_or("/account", LocalPath::as_str);
            return (cookies, anyone.browser.redirect(path, "welcome")).into_response();
        }
        Err(SignUpError::Other(error)) => return failure.page(error),
        Err(error) => Mistakes::of(&error),
    };
    let page = page(anyone.shell(), &handle, &name, mistakes, next);
    html_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

impl Mistakes {
    fn of(error: &SignUpError) -> Self {
        let said = |text: String| Some(super::sentence(&text));
        match error {
            SignUpError::Handle(wrong) => Self {
                handle: said(format!("it {wrong}")),
                ..Self::default()
            },
            SignUpError::HandleTaken => {
                let taken = "Somebody has this handle already. Choose another one.";
                Self {
                    handle: Some(taken.to_owned()),
                    ..Self::default()
                }
            }
            SignUpError::Name(wrong) => Self {
                name: said(format!("it {wrong}")),
                ..Self::default()
            },
            SignUpError::WeakPassword(wrong) => Self {
                password: said(format!("it {wrong}")),
                ..Self::default()
            },
            SignUpError::Other(_) => Self::default(),
        }
    }
}

fn page(
    shell: Shell,
    handle: &str,
    name: &str,
    mistakes: Mistakes,
    next: Option<LocalPath>,
) -> SignUpPage {
    SignUpPage {
        shell: super::leading(shell, next.as_ref()),
        handle: Field::handle("handle", "Handle")
            .hint("What you log in with, and how others can ask your persona. Letters, digits, dots, dashes.")
            .value(handle)
            .error(mistakes.handle)
            .required(),
        name: Field::text("name", "Name")
            .hint("How you are shown, for example on consent pages.")
            .attribute("autocomplete", "name")
            .attribute("maxlength", "80")
            .value(name)
            .error(mistakes.name)
            .required(),
        password: Field::password("password", "Password", "new-password")
            .hint("At least 8 characters. Longer is better than complicated.")
            .attribute("minlength", "8")
            .error(mistakes.password)
            .required(),
        log_in: next.as_ref().map_or("/login".to_owned(), |next| next.after("/login")),
        next,
    }
}
