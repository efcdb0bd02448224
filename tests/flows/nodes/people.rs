//! What people and applications begin at one node and end at another.

use picard_tests::{
    application::{Application, Tokens, call, parameter, post_form},
    nodes::PASSWORD,
    visitor::Visitor,
};
use serde_json::{Value, json};
use url::Url;

use super::{nodes, works};

#[tokio::test]
async fn each_step_of_a_connect_may_come_to_another_node() {
    let nodes = nodes(3).await;
    // Registered at the first, and used at once at the others.
    for first in 0..3 {
        let application = nodes.application(first).await;
        let handle = format!("person-{first}");
        nodes.person(first, &handle).await;
        let mut browser = Visitor::new(nodes.at(first + 1));
        let move_on = |browser: &mut Visitor, by: usize| {
            nodes.at(first + by).clone_into(&mut browser.base);
        };
        let address = Application::address(&application.request());
        let to_log_in = browser.get(&address).await;
        assert_eq!(to_log_in.status, 303, "{}", to_log_in.body);
        move_on(&mut browser, 2);
        let page = browser.follow(to_log_in).await;
        let (csrf, next) = (page.csrf(), page.input("next").expect("where it goes on"));
        move_on(&mut browser, 0);
        let fields = [
            ("csrf", &*csrf),
            ("next", &*next),
            ("handle", &*handle),
            ("password", PASSWORD),
        ];
        let logged_in = browser.post("/login", &fields).await;
        move_on(&mut browser, 1);
        let consent = browser.follow(logged_in).await;
        move_on(&mut browser, 2);
        let answer = Application::decide(&mut browser, &consent, "allow").await;
        let back = Url::parse(answer.location()).expect("a redirect to the application");
        move_on(&mut browser, 0);
        let again = Application::decide(&mut browser, &consent, "allow").await;
        assert_ne!(again.status, 303, "a consent page is answered once");

        let code = parameter(&back, "code").expect("a code");
        let url = format!("{}/oauth/token", nodes.at(first + 1));
        let tokens = Tokens::from_page(&post_form(&url, &application.exchange(&code)).await);
        for base in nodes.all() {
            assert_eq!(works(&base, &tokens.access).await, 200);
            let mut form = vec![("token", tokens.access.clone())];
            form.extend(application.credentials());
            let page = post_form(&format!("{base}/oauth/introspect"), &form).await;
            let known: Value = serde_json::from_str(&page.body).expect("JSON");
            assert_eq!(known["active"], true, "{known}");
            assert_eq!(known["username"], json!(handle), "{known}");
        }
    }
}

/// Ten wrong passwords from one address for one account, whichever nodes they came to.
#[tokio::test]
async fn guesses_at_all_nodes_add_up() {
    let nodes = nodes(2).await;
    nodes.person(0, "ishara").await;
    for n in 0..10 {
        let mut visitor = Visitor::new(nodes.at(n));
        let page = visitor.log_in("ishara", "a wrong password").await;
        assert_ne!(page.status, 303);
        assert_ne!(page.status, 429, "guess {n}");
    }
    for base in nodes.all() {
        let page = Visitor::new(base).log_in("ishara", PASSWORD).await;
        assert_eq!(page.status, 429, "even the right one has to wait");
        assert!(!page.header("retry-after").is_empty());
    }

    // The password asked for again within a session.
    let mut person = nodes.person(0, "tasha").await;
    let fields = [("password", "a wrong password")];
    let mut guess = async |n: usize| {
        nodes.at(n).clone_into(&mut person.base);
        let page = person
            .fill("/account/delete", "/account/delete", &fields)
            .await;
        page.status
    };
    for n in 0..10 {
        assert_ne!(guess(n).await, 429, "guess {n}");
    }
    assert_eq!((guess(0).await, guess(1).await), (429, 429));
}

#[tokio::test]
async fn a_new_master_key_is_used_by_nodes_that_were_not_restarted() {
    let nodes = nodes(3).await;
    let application = nodes.application(0).await;
    let mut known = Vec::new();
    for n in 0..3 {
        let mut person = nodes.person(n, &format!("before-{n}")).await;
        known.push(application.connect(&mut person).await.access);
    }
    let run = |arguments: &[&str]| {
        let done = nodes.shared.run(arguments, "");
        done.unwrap_or_else(|why| panic!("{arguments:?}: {why}"))
    };
    for round in 0..2 {
        run(&["key", "rotate", "--shared"]);
        for n in 0..3 {
            let mut person = nodes.person(n, &format!("during-{round}-{n}")).await;
            known.push(application.connect(&mut person).await.access);
        }
        run(&["key", "rotate", "--retire"]);
        for n in 0..3 {
            let mut person = nodes.person(n, &format!("after-{round}-{n}")).await;
            known.push(application.connect(&mut person).await.access);
        }
        let keys: Value = serde_json::from_str(&run(&["key", "status", "--json"])).expect("JSON");
        let keys = keys.as_array().expect("a list");
        assert_eq!(keys.len(), 1, "{keys:?}");
        assert_eq!(keys[0]["data_keys"], json!(known.len()), "{keys:?}");
        for (n, token) in known.iter().enumerate() {
            let remember = json!({"text": format!("round {round}")});
            let (status, memory) = call(nodes.at(n), token, "submit_memory", remember).await;
            assert_eq!(status, 200, "{memory}");
            for base in nodes.all() {
                let ask = json!({"query": "Which round is it?"});
                let (status, found) = call(&base, token, "query_memory", ask).await;
                assert_eq!(status, 200, "{found}");
                assert!(
                    found["memories"]
                        .to_string()
                        .contains(&format!("round {round}"))
                );
            }
        }
    }
}
