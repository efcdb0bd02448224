//! Making an account.

use crate::browser::{PASSWORD, Service};

#[tokio::test]
async fn a_sign_up_logs_in_and_says_welcome_once() {
    let service = Service::start().await;
    let mut browser = service.browser();
    let fields = [
        ("handle", "Jean-Luc"),
        ("name", "Jean-Luc Picard"),
        ("password", PASSWORD),
    ];
    let answer = browser.fill("/signup", "/signup", &fields).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/account")
    );

    let account = browser.get("/account").await;
    assert_eq!(account.status, 200);
    for shown in ["Your account is ready", "jean-luc", "Jean-Luc Picard"] {
        assert!(
            account.body.contains(shown),
            "{shown} is not in {}",
            account.body
        );
    }
    assert!(
        !browser
            .get("/account")
            .await
            .body
            .contains("Your account is ready")
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_field_and_nothing_else_is_lost() {
    let service = Service::start().await;
    service.member("riker").await;
    let cases = [
        (
            "riker",
            "Will",
            PASSWORD,
            "handle",
            "has this handle already",
        ),
        (
            "RIKER",
            "Will",
            PASSWORD,
            "handle",
            "has this handle already",
        ),
        ("w!", "Will", PASSWORD, "handle", "It must be 2 to 32"),
        ("will", "", PASSWORD, "name", "It must be 1 to 80"),
        (
            "will",
            "Will",
            "short",
            "password",
            "It must have at least 8 characters",
        ),
        (
            "will",
            "Will",
            "password",
            "password",
            "anybody would guess",
        ),
    ];
    for (handle, name, password, field, said) in cases {
        let mut browser = service.browser();
        let fields = [("handle", handle), ("name", name), ("password", password)];
        let page = browser.fill("/signup", "/signup", &fields).await;
        assert_eq!(page.status, 422, "{fields:?}");
        let error = page.between(&format!("id=\"{field}-error\">"), "<");
        assert!(
            error.len() == 1 && error[0].contains(said),
            "{error:?} for {fields:?}"
        );
        assert!(
            page.body.contains(&format!("value=\"{handle}\"")),
            "the handle is kept"
        );
        assert!(
            !page.body.contains(password) || password == "password",
            "a password is not"
        );
        assert!(!browser.cookies.contains_key("picard_server_session"));
    }
}
