//! What people do with their own account, and cannot do with another's.

use crate::browser::{PASSWORD, Service};

#[tokio::test]
async fn the_account_shows_who_one_is_with_an_id_to_copy() {
    let service = Service::start().await;
    let page = service.member("geordi").await.get("/account").await;
    let id = page.between("<code id=\"user-id\">", "<");
    assert_eq!(id[0].len(), 36, "{id:?}");
    assert!(page.body.contains("No application has access"));
    assert!(
        page.body.contains("http://localhost:8000"),
        "the web client is linked"
    );
}

#[tokio::test]
async fn a_new_name_is_shown_as_text_whatever_is_in_it() {
    let service = Service::start().await;
    let mut member = service.member("geordi").await;
    let name = "<script>alert('La Forge')</script>";
    let answer = member
        .fill("/account", "/account/name", &[("name", name)])
        .await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/account")
    );
    let page = member.get("/account").await;
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    assert!(
        page.body.contains("&#60;script&#62;alert") || page.body.contains("&lt;script&gt;alert")
    );

    let refused = member
        .fill("/account", "/account/name", &[("name", " ")])
        .await;
    assert_eq!(refused.status, 422);
    assert!(
        refused
            .body
            .contains("id=\"name-error\">It must be 1 to 80")
    );
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let service = Service::start().await;
    let mut here = service.member("geordi").await;
    let mut there = service.browser();
    there.log_in("geordi", PASSWORD).await;
    let change = |current, new| [("current_password", current), ("new_password", new)];
    for (current, new, field) in [
        ("wrong", "a new and better one", "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "geordi", "new_password"),
    ] {
        let page = here
            .fill("/account", "/account/password", &change(current, new))
            .await;
        assert_eq!(page.status, 422);
        assert!(
            page.body.contains(&format!("id=\"{field}-error\"")),
            "{field}"
        );
    }
    assert_eq!(there.get("/account").await.status, 200);

    let done = here
        .fill(
            "/account",
            "/account/password",
            &change(PASSWORD, "a new and better one"),
        )
        .await;
    assert_eq!(done.status, 303);
    assert_eq!(here.get("/account").await.status, 200);
    assert_eq!(there.get("/account").await.status, 303);
    assert_eq!(there.log_in("geordi", PASSWORD).await.status, 401);
    assert_eq!(
        there.log_in("geordi", "a new and better one").await.status,
        303
    );
}

#[tokio::test]
async fn another_session_of_ones_own_can_be_ended_and_nobody_elses() {
    let service = Service::start().await;
    let mut here = service.member("geordi").await;
    let mut there = service.browser();
    there.log_in("geordi", PASSWORD).await;
    let mut stranger = service.member("lore").await;

    let ends = here
        .get("/account")
        .await
        .between("action=\"/account/sessions/", "\"");
    assert_eq!(
        ends.len(),
        1,
        "one's own session has Log out in the header instead"
    );
    let action = format!("/account/sessions/{}", ends[0]);
    stranger.fill("/account", &action, &[]).await;
    assert_eq!(
        there.get("/account").await.status,
        200,
        "a stranger ends nothing"
    );
    assert_eq!(here.fill("/account", &action, &[]).await.status, 303);
    assert_eq!(there.get("/account").await.status, 303);
    assert_eq!(here.get("/account").await.status, 200);
}

#[tokio::test]
async fn an_id_that_is_none_names_nothing() {
    let service = Service::start().await;
    let mut member = service.member("geordi").await;
    for action in [
        "/account/sessions/1/end",
        "/account/applications/%2e%2e/revoke",
        "/account/sessions/%ff/end",
    ] {
        assert_eq!(
            member.fill("/account", action, &[]).await.status,
            404,
            "{action}"
        );
    }
}

#[tokio::test]
async fn deleting_the_account_spells_out_the_consequences_and_asks_for_the_password() {
    let service = Service::start().await;
    let mut member = service.member("geordi").await;
    let page = member.get("/account/delete").await;
    for said in [
        "cannot be undone",
        "memories",
        "application",
        "backups",
        "geordi",
    ] {
        assert!(page.body.contains(said), "{said}");
    }
    let wrong = member
        .fill(
            "/account/delete",
            "/account/delete",
            &[("password", "wrong")],
        )
        .await;
    assert_eq!(wrong.status, 422);
    assert_eq!(member.get("/account").await.status, 200);

    let gone = member
        .fill(
            "/account/delete",
            "/account/delete",
            &[("password", PASSWORD)],
        )
        .await;
    assert_eq!((gone.status, gone.header("location")), (303, "/"));
    assert!(member.get("/").await.body.contains("are gone"));
    assert_eq!(member.get("/account").await.status, 303);
    assert_eq!(
        service.browser().log_in("geordi", PASSWORD).await.status,
        401
    );
}
