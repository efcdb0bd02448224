//! The consent page: what it shows, and who may answer it.

use picard_tests::{
    application::Application,
    server::{Database, TestServer},
    table::Table,
    visitor::{Page, Visitor},
};

picard_tests::on_both!(
    it_says_who_asks_for_what_and_where_the_answer_goes,
    an_application_on_this_computer_only_is_warned_about,
    nobody_can_frame_cache_or_sniff_the_pages,
    an_answer_without_the_right_token_is_forbidden,
    an_answer_from_another_site_is_forbidden,
    a_consent_page_is_answered_once_and_by_whom_it_was_shown_to
);

async fn shown(server: &TestServer, application: &Application) -> (Visitor, Page) {
    let mut person = server.person("deanna").await;
    let page = person
        .get(&Application::address(&application.request()))
        .await;
    (person, page)
}

async fn it_says_who_asks_for_what_and_where_the_answer_goes(database: Database) {
    let server = TestServer::on(database).await;
    let (_, page) = shown(&server, &server.application().await).await;
    for said in [
        "Holodeck",
        "app.example",
        "Store, change and delete your memories",
    ] {
        assert!(page.body.contains(said), "{said} is not in {}", page.body);
    }
}

async fn an_application_on_this_computer_only_is_warned_about(database: Database) {
    let server = TestServer::on(database).await;
    let mut table = Table::new("A43: clients on this computer only");
    let warned =
        |page: &Page| page.body.contains("this computer") || page.body.contains("this device");
    let (mut person, page) = shown(&server, &server.public_application().await).await;
    table.holds("A43", "a loopback redirect", "warned about", warned(&page));
    let host = page.body.contains("127.0.0.1");
    table.holds("A43 host", "a loopback redirect", "the host is shown", host);
    let elsewhere = Application::address(&server.application().await.request());
    let page = person.get(&elsewhere).await;
    table.holds(
        "A43 https",
        "a client elsewhere",
        "no warning",
        !warned(&page),
    );
    table.assert();
}

async fn nobody_can_frame_cache_or_sniff_the_pages(database: Database) {
    let server = TestServer::on(database).await;
    let (mut person, consent) = shown(&server, &server.application().await).await;
    let mut pages = vec![("consent", consent)];
    for (name, path) in [
        ("account", "/account"),
        ("error", "/oauth/authorize?client_id=x"),
    ] {
        pages.push((name, person.get(path).await));
    }
    pages.push(("login", server.visitor().get("/login").await));
    let mut table = Table::new("A24: headers of pages");
    for (name, page) in pages {
        let policy = page.header("content-security-policy");
        let mut holds = |id: &str, rule: &str, held: bool| {
            table.holds(format!("{id} {name}"), name, rule, held);
        };
        holds(
            "A24",
            "frame-ancestors 'none'",
            policy.contains("frame-ancestors 'none'"),
        );
        holds(
            "A24 default",
            "default-src 'none'",
            policy.contains("default-src 'none'"),
        );
        holds(
            "A24 base",
            "base-uri 'none'",
            policy.contains("base-uri 'none'"),
        );
        holds(
            "A24 inline",
            "no unsafe-inline",
            !policy.contains("unsafe-"),
        );
        holds(
            "A24 XFO",
            "X-Frame-Options: DENY",
            page.header("x-frame-options") == "DENY",
        );
        holds(
            "A24 cache",
            "no-store",
            page.header("cache-control").contains("no-store"),
        );
        holds(
            "A24 referrer",
            "no-referrer",
            page.header("referrer-policy") == "no-referrer",
        );
        holds(
            "A24 sniff",
            "nosniff",
            page.header("x-content-type-options") == "nosniff",
        );
    }
    table.assert();
}

async fn an_answer_without_the_right_token_is_forbidden(database: Database) {
    let server = TestServer::on(database).await;
    let (mut person, page) = shown(&server, &server.application().await).await;
    let ticket = page.input("ticket").expect("a ticket");
    let foreign = server.person("worf").await.get("/account").await.csrf();
    let mut table = Table::new("A27: the consent form and its token");
    for (id, csrf) in [
        ("A27", None),
        ("A27 empty", Some("")),
        ("A27 nonsense", Some("nonsense")),
        ("A27 foreign", Some(&*foreign)),
    ] {
        let fields = [("ticket", &*ticket), ("decision", "allow")];
        let fields: Vec<_> = csrf
            .map(|csrf| ("csrf", csrf))
            .into_iter()
            .chain(fields)
            .collect();
        let answer = person.post("/oauth/authorize", &fields).await;
        table.row(
            id,
            format!("csrf {csrf:?}"),
            "403",
            answer.status.to_string(),
        );
    }
    let answer = Application::decide(&mut person, &page, "allow").await;
    table.row(
        "A27 good",
        "the page's own",
        "303",
        answer.status.to_string(),
    );
    table.assert();
}

async fn an_answer_from_another_site_is_forbidden(database: Database) {
    let server = TestServer::on(database).await;
    let (mut person, page) = shown(&server, &server.application().await).await;
    let ticket = page.input("ticket").expect("a ticket");
    let fields = [
        ("csrf", page.csrf()),
        ("ticket", ticket),
        ("decision", "allow".into()),
    ];
    let mut table = Table::new("A28: the consent form from elsewhere");
    for (id, name, value) in [
        ("A28", "origin", "https://evil.example"),
        ("A28 site", "sec-fetch-site", "cross-site"),
        ("A28 same site", "sec-fetch-site", "same-site"),
    ] {
        let request = person.request("POST".parse().expect("a method"), "/oauth/authorize");
        let answer = person.send(request.header(name, value).form(&fields)).await;
        table.row(
            id,
            format!("{name}: {value}"),
            "403",
            answer.status.to_string(),
        );
    }
    // From a page that sends no Referer a browser says "null", so ours does; such
    // an answer stands and falls with the form's token.
    let request = person.request("POST".parse().expect("a method"), "/oauth/authorize");
    let answer = person
        .send(request.header("origin", "null").form(&fields[1..]))
        .await;
    table.row(
        "A28 null",
        "origin: null, without the token",
        "403",
        answer.status.to_string(),
    );
    table.assert();
}

async fn a_consent_page_is_answered_once_and_by_whom_it_was_shown_to(database: Database) {
    let server = TestServer::on(database).await;
    let application = server.application().await;
    let (mut person, page) = shown(&server, &application).await;
    let mut other = server.person("worf").await;
    let csrf = other.get("/account").await.csrf();
    let ticket = page.input("ticket").expect("a ticket");
    let mut table = Table::new("A30: tickets");
    let fields = [
        ("csrf", &*csrf),
        ("ticket", &*ticket),
        ("decision", "allow"),
    ];
    let answer = other.post("/oauth/authorize", &fields).await;
    table.row(
        "A30 other",
        "another person's",
        "410",
        answer.status.to_string(),
    );
    let answer = Application::decide(&mut person, &page, "allow").await;
    table.row("A30 first", "once", "303", answer.status.to_string());
    let again = Application::decide(&mut person, &page, "allow").await;
    table.row("A30", "twice", "410", again.status.to_string());
    let denied = Application::decide(&mut person, &page, "deny").await;
    table.row(
        "A30 deny",
        "deny after allow",
        "410",
        denied.status.to_string(),
    );
    let address = Application::address(&application.request());
    let page = person.get(&address).await;
    server.clock.advance(picard_domain::Span::minutes(10));
    let late = Application::decide(&mut person, &page, "allow").await;
    table.row(
        "A30 late",
        "after ten minutes",
        "410",
        late.status.to_string(),
    );
    table.assert();
}
