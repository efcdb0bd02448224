//! The admin area: who sees it, what it shows, and what it does.

use picard_app::{ClientRegistration, NewAccount};
use picard_domain::{Permission, Scopes, Span, UserId};

use crate::browser::{Browser, PASSWORD, Page, Service};

/// Every address, with a method that it has. `ana` and the client are there.
const ROUTES: [(&str, &str); 20] = [
    ("GET", "/admin"),
    ("GET", "/admin/confirm"),
    ("POST", "/admin/confirm"),
    ("GET", "/admin/people"),
    ("GET", "/admin/people/ana"),
    ("POST", "/admin/people/ana/disable"),
    ("POST", "/admin/people/ana/enable"),
    ("POST", "/admin/people/ana/sessions/end"),
    ("POST", "/admin/people/ana/applications/revoke"),
    ("POST", "/admin/people/ana/admin/give"),
    ("POST", "/admin/people/ana/admin/take"),
    ("GET", "/admin/people/ana/delete"),
    ("POST", "/admin/people/ana/delete"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/applications"),
    ("GET", "/admin/applications/new"),
    ("POST", "/admin/applications/new"),
    (
        "GET",
        "/admin/applications/550e8400-e29b-41d4-a716-446655440000",
    ),
    (
        "GET",
        "/admin/applications/550e8400-e29b-41d4-a716-446655440000/delete",
    ),
    (
        "POST",
        "/admin/applications/550e8400-e29b-41d4-a716-446655440000/delete",
    ),
];

const CLIENT: &str = "550e8400-e29b-41d4-a716-446655440000";

/// A server with an administrator `root`, a person `ana`, and an application.
async fn server() -> (Service, Browser) {
    let service = Service::start().await;
    add(&service, "root", true).await;
    add(&service, "ana", false).await;
    let client = ClientRegistration {
        id: CLIENT.parse().expect("a UUID"),
        secret: None,
        name: "Assistant".to_owned(),
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
        scopes: Scopes::read_write(),
    };
    let registered = service.app.register_client(client).await;
    registered.expect("registered");
    let root = logged_in(&service, "root").await;
    (service, root)
}

async fn add(service: &Service, handle: &str, is_admin: bool) -> UserId {
    let account = NewAccount {
        handle,
        name: handle,
        password: PASSWORD,
    };
    let made = service.app.add_user(account, is_admin).await;
    made.expect("made")
}

async fn logged_in(service: &Service, handle: &str) -> Browser {
    let mut browser = service.browser();
    assert_eq!(browser.log_in(handle, PASSWORD).await.status, 303);
    browser
}

async fn ask(browser: &mut Browser, method: &str, path: &str) -> Page {
    match method {
        "GET" => browser.get(path).await,
        _ => browser.post(path, &[]).await,
    }
}

#[tokio::test]
async fn to_everybody_else_there_is_nothing_at_any_of_these_addresses() {
    let (service, mut root) = server().await;
    let mut ana = logged_in(&service, "ana").await;
    let absent = ana.get("/nowhere").await;
    assert_eq!(absent.status, 404);
    for (method, path) in ROUTES {
        let page = ask(&mut ana, method, path).await;
        assert_eq!(
            (page.status, &page.body),
            (404, &absent.body),
            "{method} {path}"
        );
        // Nor does the other method tell that there is something.
        let other = if method == "GET" { "POST" } else { "GET" };
        let page = ask(&mut ana, other, path).await;
        assert_eq!(page.status, 404, "{other} {path}");
    }
    for path in ["/admin/people/nobody", "/admin/nothing/of/this/name"] {
        assert_eq!(absent.body, ana.get(path).await.body, "{path}");
    }
    assert!(!ana.get("/account").await.body.contains("/admin"));

    // A visitor is asked to log in, whether there is anything or not.
    let mut visitor = service.browser();
    for path in ["/admin", "/admin/people/ana", "/admin/nothing"] {
        let page = visitor.get(path).await;
        let to = format!("/login?next={}", path.replace('/', "%2F"));
        assert_eq!((page.status, page.header("location")), (303, to.as_str()));
    }
    for (method, path) in ROUTES {
        let page = ask(&mut visitor, method, path).await;
        assert!(page.header("location").starts_with("/login"), "{path}");
    }

    // And to an administrator there is a page, or a form that asks for its token.
    for (method, path) in ROUTES {
        let page = ask(&mut root, method, path).await;
        let there = if method == "GET" { 200 } else { 403 };
        assert_eq!(page.status, there, "{method} {path}: {}", page.body);
    }
    assert_eq!(root.get("/admin/nothing").await.status, 404);
    assert!(root.get("/account").await.body.contains("href=\"/admin\""));
}

#[tokio::test]
async fn no_form_is_taken_without_its_token() {
    let (_service, mut root) = server().await;
    for (_, path) in ROUTES.iter().filter(|(method, _)| *method == "POST") {
        let forged = root
            .post(path, &[("csrf", "forged"), ("handle", "ana")])
            .await;
        assert_eq!(forged.status, 403, "{path}");
    }
    let ana = root.get("/admin/people/ana").await;
    assert!(ana.body.contains("Lock the account"), "nothing was done");
    assert!(ana.body.contains("Make them an administrator"));
    let client = format!("/admin/applications/{CLIENT}");
    assert_eq!(root.get(&client).await.status, 200);
}

#[tokio::test]
async fn whatever_changes_something_asks_for_the_password_again_after_a_while() {
    let (service, mut root) = server().await;
    service.clock.advance(Span::minutes(15));
    assert_eq!(
        root.get("/admin/people/ana").await.status,
        200,
        "looking does not"
    );
    for (method, path) in ROUTES {
        let changes = method == "POST" && path != "/admin/confirm";
        let leads_to_it = path.ends_with("/delete") || path.ends_with("/new");
        if !changes && !leads_to_it {
            continue;
        }
        let page = match method {
            "GET" => root.get(path).await,
            _ => root.fill("/admin/people/ana", path, &[]).await,
        };
        let to = page.header("location").to_owned();
        assert!(
            page.status == 303 && to.starts_with("/admin/confirm?next=%2Fadmin%2F"),
            "{method} {path}: {to}"
        );
        assert_eq!(root.get(&to).await.status, 200);
    }
    assert!(
        root.get("/admin/people/ana")
            .await
            .body
            .contains("Lock the account")
    );

    let confirm = "/admin/confirm?next=%2Fadmin%2Fpeople%2Fana";
    let wrong = root
        .fill(confirm, "/admin/confirm", &[("password", "wrong")])
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("This is not your password."));
    let before = root.clone();
    let fields = [("password", PASSWORD), ("next", "/admin/people/ana")];
    let right = root.fill(confirm, "/admin/confirm", &fields).await;
    assert_eq!(
        (right.status, right.header("location")),
        (303, "/admin/people/ana")
    );
    let mut before = before;
    assert_eq!(
        before.get("/account").await.status,
        303,
        "the session before has ended"
    );
    let done = root
        .fill("/admin/people/ana", "/admin/people/ana/disable", &[])
        .await;
    assert_eq!(
        (done.status, done.header("location")),
        (303, "/admin/people/ana")
    );
}

#[tokio::test]
async fn guesses_at_the_password_are_counted() {
    let (_service, mut root) = server().await;
    let mut last = 0;
    for _ in 0..12 {
        let wrong = root
            .fill("/admin/confirm", "/admin/confirm", &[("password", "wrong")])
            .await;
        last = wrong.status;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn people_are_looked_up_by_the_beginning_of_their_handle_page_by_page() {
    let (service, mut root) = server().await;
    for n in 0..60 {
        add(&service, &format!("crew-{n:02}"), false).await;
    }
    let handles = |page: &Page| {
        let mut handles = page.between("<a href=\"/admin/people/", "\"");
        handles.retain(|handle| !handle.is_empty());
        handles
    };
    let first = root.get("/admin/people?q=Crew").await;
    assert_eq!(handles(&first).len(), 50);
    let next = first.between("class=\"button quiet\" href=\"", "\"");
    let next = next
        .last()
        .expect("a next page")
        .replace("&#38;", "&")
        .replace("&amp;", "&");
    let second = root.get(&next).await;
    assert_eq!(handles(&second).len(), 10);
    assert_eq!(handles(&second)[0], "crew-50");
    let first_again = second.between("rel=\"first\"", "<");
    assert_eq!(first_again.len(), 1);

    let nobody = root.get("/admin/people?q=%3Cscript%3E").await;
    assert!(nobody.body.contains("Nobody’s handle begins like that"));
    assert!(!nobody.body.contains("<script>"));
}

#[tokio::test]
async fn who_is_locked_out_can_do_nothing_until_they_are_let_in_again() {
    let (service, mut root) = server().await;
    let mut ana = logged_in(&service, "ana").await;
    let page = "/admin/people/ana";
    let act = async |root: &mut Browser, what: &str| {
        let done = root.fill(page, &format!("{page}/{what}"), &[]).await;
        assert_eq!(
            (done.status, done.header("location")),
            (303, page),
            "{what}"
        );
    };
    act(&mut root, "disable").await;
    assert!(root.get(page).await.body.contains("Locked"));
    assert_eq!(
        ana.get("/account").await.status,
        303,
        "the session has ended"
    );
    assert_eq!(ana.log_in("ana", PASSWORD).await.status, 401);
    act(&mut root, "enable").await;
    assert_eq!(ana.log_in("ana", PASSWORD).await.status, 303);

    act(&mut root, "sessions/end").await;
    assert_eq!(ana.get("/account").await.status, 303);

    act(&mut root, "admin/give").await;
    assert_eq!(ana.log_in("ana", PASSWORD).await.status, 303);
    assert_eq!(ana.get("/admin").await.status, 200);
    act(&mut root, "admin/take").await;
    assert_eq!(ana.get("/admin").await.status, 404, "at once");
}

#[tokio::test]
async fn the_last_administrator_cannot_remove_themselves() {
    let (service, mut root) = server().await;
    let page = "/admin/people/root";
    for (act, fields) in [
        ("admin/take", &[][..]),
        ("disable", &[]),
        ("delete", &[("handle", "root")]),
    ] {
        let refused = root.fill(page, &format!("{page}/{act}"), fields).await;
        assert_eq!(refused.status, 409, "{act}");
        assert!(refused.body.contains("The last administrator stays"));
    }
    let fields = [("password", PASSWORD)];
    let refused = root
        .fill("/account/delete", "/account/delete", &fields)
        .await;
    assert_eq!(refused.status, 409);
    assert_eq!(root.get("/admin").await.status, 200);

    // With another one they may.
    add(&service, "will", true).await;
    let done = root.fill(page, &format!("{page}/admin/take"), &[]).await;
    assert_eq!((done.status, done.header("location")), (303, "/account"));
    assert_eq!(root.get("/admin").await.status, 404);
}

#[tokio::test]
async fn an_account_is_deleted_only_with_its_handle_typed() {
    let (service, mut root) = server().await;
    let page = "/admin/people/ana/delete";
    let wrong = root.fill(page, page, &[("handle", "anna")]).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong
            .body
            .contains("This is not the handle of the account.")
    );
    assert_eq!(root.get("/admin/people/ana").await.status, 200);
    let gone = root.fill(page, page, &[("handle", "Ana")]).await;
    assert_eq!(
        (gone.status, gone.header("location")),
        (303, "/admin/people")
    );
    assert_eq!(root.get("/admin/people/ana").await.status, 404);
    assert_eq!(service.browser().log_in("ana", PASSWORD).await.status, 401);
    let again = root.fill("/admin/people", page, &[("handle", "ana")]).await;
    assert_eq!(again.status, 404);
}

#[tokio::test]
async fn an_application_is_registered_with_a_secret_that_is_shown_once() {
    let (service, mut root) = server().await;
    let counted = || {
        let text = picard_metrics::render(service.app.metrics().families());
        let of = |line: &&str| {
            line.starts_with("picard_client_registrations_total") && line.contains("administrator")
        };
        text.lines().find(of).map(ToOwned::to_owned)
    };
    let before = counted().expect("a counter");
    assert!(before.ends_with(" 1"), "{before}");
    let new = "/admin/applications/new";
    let fields = [
        ("name", "Ship’s computer"),
        (
            "redirect_uris",
            "https://enterprise.example/cb\nhttps://enterprise.example/cb2",
        ),
        ("scope", "read"),
        ("kept", "secret"),
    ];
    for (field, bad, said) in [
        (0, "", "name-error"),
        (1, "http://enterprise.example/cb", "redirect_uris-error"),
        (1, "", "redirect_uris-error"),
    ] {
        let mut fields = fields;
        fields[field].1 = bad;
        let refused = root.fill(new, new, &fields).await;
        assert_eq!(refused.status, 422, "{bad}");
        assert!(
            refused.body.contains(&format!("id=\"{said}\"")),
            "{}",
            refused.body
        );
    }
    let done = root.fill(new, new, &fields).await;
    assert_eq!(done.status, 200);
    let id = done.between("<code id=\"client-id\">", "<")[0].clone();
    let secret = done.between("<code id=\"client-secret\">", "<")[0].clone();
    assert!(secret.starts_with("pcs_") && secret.len() >= 32, "{secret}");
    let after = counted().expect("a counter");
    assert!(after.ends_with(" 2"), "{after}");

    let page = root.get(&format!("/admin/applications/{id}")).await;
    assert!(page.body.contains("https://enterprise.example/cb2"));
    assert!(page.body.contains("registered by an administrator"));
    assert!(!page.body.contains(&secret));
    let list = root.get("/admin/applications?kind=operator").await;
    assert!(list.body.contains("Ship’s computer") && !list.body.contains(&secret));
    let list = root.get("/admin/applications?kind=dynamic").await;
    assert!(!list.body.contains("Ship’s computer"));
}

#[tokio::test]
async fn an_application_is_forgotten() {
    let (_service, mut root) = server().await;
    let page = format!("/admin/applications/{CLIENT}");
    let act = format!("{page}/delete");
    let done = root.fill(&act, &act, &[]).await;
    assert_eq!(
        (done.status, done.header("location")),
        (303, "/admin/applications")
    );
    assert_eq!(root.get(&page).await.status, 404);
    for path in ["/admin/applications/1", "/admin/applications/%ff"] {
        assert_eq!(root.get(path).await.status, 404, "{path}");
    }
}

/// An administrator sees that there are memories, and how many; never one.
#[tokio::test]
async fn no_page_shows_what_somebody_keeps() {
    let (service, mut root) = server().await;
    for (text, permission) in [
        ("private canary", Permission::Private),
        ("public canary", Permission::Public),
    ] {
        service.remember("ana", text, permission).await;
    }
    for (method, path) in ROUTES {
        if method == "GET" {
            let page = root.get(path).await;
            assert!(!page.body.contains("canary"), "{path}");
        }
    }
    let page = root.get("/admin/people/ana").await;
    assert!(
        page.body
            .contains("<dt>Memories</dt><dd>2, 1 of them public</dd>")
    );
    let overview = root.get("/admin").await;
    assert!(
        overview
            .body
            .contains("no memory, question or answer of anybody is shown")
    );
}

#[tokio::test]
async fn what_administrators_did_is_written_down() {
    let (service, mut root) = server().await;
    let page = "/admin/people/ana";
    for act in ["admin/give", "admin/take", "disable", "enable"] {
        service.clock.advance(Span::seconds(1));
        let done = root.fill(page, &format!("{page}/{act}"), &[]).await;
        assert_eq!(done.status, 303, "{act}");
    }
    service.clock.advance(Span::seconds(1));
    let client = format!("/admin/applications/{CLIENT}/delete");
    root.fill(&client, &client, &[]).await;
    service.clock.advance(Span::seconds(1));
    let delete = format!("{page}/delete");
    root.fill(&delete, &delete, &[("handle", "ana")]).await;

    let audit = root.get("/admin/audit").await;
    assert_eq!(
        audit.between("data-label=\"What\">", "<"),
        [
            "Deleted the account",
            "Forgot the application",
            "Unlocked the account",
            "Locked the account",
            "Took the right to administer from",
            "Made an administrator",
        ]
    );
    let whom = audit.between("data-label=\"To whom\">", "</td>");
    assert_eq!(whom[0], "<a href=\"/admin/people/ana\">ana</a>");
    assert_eq!(whom[1], "<bdi>Assistant</bdi>");
}
