//! The same request at several nodes at the same moment: the database decides,
//! once.

use futures::future::join_all;
use picard_sql::{Db, Options, sql};
use picard_tests::{
    application::{Application, Tokens, parameter, post_form},
    nodes::Nodes,
    visitor::{Page, Visitor},
};
use serde_json::Value;

use super::{nodes, works};

/// Posts a form to every node at once.
async fn at_once(nodes: &Nodes, path: &str, form: &[(&'static str, String)]) -> Vec<Page> {
    let urls: Vec<_> = nodes
        .all()
        .iter()
        .map(|base| format!("{base}{path}"))
        .collect();
    // Twice to each: the first two of one node meet each other, and those of the others.
    let requests = urls.iter().chain(&urls).map(|url| post_form(url, form));
    join_all(requests).await
}

async fn refresh(base: &str, application: &Application, token: &str) -> Page {
    post_form(&format!("{base}/oauth/token"), &application.refresh(token)).await
}

fn error(page: &Page) -> String {
    let body: Value = serde_json::from_str(&page.body).expect("JSON");
    body["error"].as_str().unwrap_or_default().to_owned()
}

async fn dead(nodes: &Nodes, application: &Application, tokens: &Tokens) {
    for base in nodes.all() {
        assert_eq!(works(&base, &tokens.access).await, 401);
        let page = refresh(&base, application, &tokens.refresh).await;
        assert_eq!(error(&page), "invalid_grant");
    }
}

#[tokio::test]
async fn a_refresh_at_several_nodes_at_once_has_one_successor() {
    let nodes = nodes(3).await;
    let application = nodes.application(0).await;
    let mut person = nodes.person(1, "kira").await;
    let mut tokens = application.connect(&mut person).await;
    for _ in 0..10 {
        let form = application.refresh(&tokens.refresh);
        let pages = at_once(&nodes, "/oauth/token", &form).await;
        let pairs: Vec<_> = pages.iter().map(Tokens::from_page).collect();
        for pair in &pairs {
            assert_eq!(
                (&pair.access, &pair.refresh),
                (&pairs[0].access, &pairs[0].refresh)
            );
        }
        tokens = pairs[0].clone();
        for base in nodes.all() {
            assert_eq!(works(&base, &tokens.access).await, 200);
        }
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_back_later_ends_the_family_at_every_node() {
    let nodes = nodes(2).await;
    let application = nodes.application(0).await;
    let mut person = nodes.person(1, "odo").await;

    // Its successor was used: the grace is over at once.
    let first = application.connect(&mut person).await;
    let at = |n: usize| nodes.at(n);
    let second = Tokens::from_page(&refresh(at(0), &application, &first.refresh).await);
    let missed = Tokens::from_page(&refresh(at(1), &application, &first.refresh).await);
    assert_eq!(missed.refresh, second.refresh, "the answer got lost");
    let third = Tokens::from_page(&refresh(at(1), &application, &second.refresh).await);
    for n in 0..2 {
        assert_eq!(works(at(n), &third.access).await, 200);
    }
    let page = refresh(at(0), &application, &first.refresh).await;
    assert_eq!(error(&page), "invalid_grant");
    dead(&nodes, &application, &third).await;

    // Nobody used its successor, and a minute has passed.
    let first = application.connect(&mut person).await;
    let second = Tokens::from_page(&refresh(at(0), &application, &first.refresh).await);
    let db = Db::open(&nodes.shared.database, &Options::default()).await;
    let earlier = sql!(
        "UPDATE refresh_tokens SET used_at = used_at - $1 WHERE used_at IS NOT NULL",
        61_000_000_i64,
    );
    let moved = db.expect("the database opens").execute(earlier).await;
    assert!(moved.expect("the clock is turned") > 0);
    let page = refresh(at(1), &application, &first.refresh).await;
    assert_eq!(error(&page), "invalid_grant");
    dead(&nodes, &application, &second).await;
}

#[tokio::test]
async fn a_code_at_several_nodes_at_once_gives_tokens_once_and_none_that_stay() {
    let nodes = nodes(3).await;
    let application = nodes.application(0).await;
    let mut person = nodes.person(1, "jadzia").await;
    for _ in 0..5 {
        let back = application.consent(&mut person).await;
        let code = parameter(&back, "code").expect("a code");
        let pages = at_once(&nodes, "/oauth/token", &application.exchange(&code)).await;
        let (won, lost): (Vec<_>, Vec<_>) = pages.iter().partition(|page| page.status == 200);
        assert!(won.len() <= 1, "{} pairs for one code", won.len());
        assert!(lost.iter().all(|page| error(page) == "invalid_grant"));
        // A code that came twice is in other hands.
        for page in won {
            dead(&nodes, &application, &Tokens::from_page(page)).await;
        }
    }
    // One at a time, each at another node.
    let back = application.consent(&mut person).await;
    let form = application.exchange(&parameter(&back, "code").expect("a code"));
    let url = |n: usize| format!("{}/oauth/token", nodes.at(n));
    let tokens = Tokens::from_page(&post_form(&url(0), &form).await);
    for base in nodes.all() {
        assert_eq!(works(&base, &tokens.access).await, 200);
    }
    assert_eq!(error(&post_form(&url(1), &form).await), "invalid_grant");
    dead(&nodes, &application, &tokens).await;
}

#[tokio::test]
async fn a_consent_page_that_is_answered_at_several_nodes_at_once_gives_one_code() {
    let nodes = nodes(3).await;
    let application = nodes.application(0).await;
    let mut person = nodes.person(1, "ezri").await;
    let address = Application::address(&application.request());
    for _ in 0..5 {
        let page = person.get(&address).await;
        let (csrf, ticket) = (page.csrf(), page.input("ticket").expect("a ticket"));
        let fields = [
            ("csrf", &*csrf),
            ("ticket", &*ticket),
            ("decision", "allow"),
        ];
        let answers = nodes.all().into_iter().map(|base| {
            let mut person = person.clone();
            person.base = base;
            async move { person.post("/oauth/authorize", &fields).await }
        });
        let answers = join_all(answers).await;
        let codes = answers.iter().filter(|page| page.status == 303);
        assert_eq!(codes.count(), 1, "{answers:?}");
    }
}

#[tokio::test]
async fn a_handle_that_is_wanted_at_several_nodes_at_once_goes_to_one_person() {
    let nodes = nodes(3).await;
    for round in 0..3 {
        let handle = format!("vic-{round}");
        let wanted = nodes.all().into_iter().map(|base| {
            let handle = &handle;
            async move {
                let fields = [
                    ("handle", handle.as_str()),
                    ("name", "Vic"),
                    ("password", picard_tests::nodes::PASSWORD),
                ];
                let page = Visitor::new(base).fill("/signup", "/signup", &fields).await;
                page.status
            }
        });
        let statuses = join_all(wanted).await;
        let made = statuses.iter().filter(|status| **status == 303);
        assert_eq!(made.count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| *status < 500), "{statuses:?}");
    }
}
