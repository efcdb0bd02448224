//! What ended at one node has ended at all of them, at once.

use picard_tests::{
    application::{Application, Tokens, call, post_form},
    nodes::{Nodes, PASSWORD},
    visitor::{Page, Visitor},
};
use serde_json::{Value, json};

use super::{nodes, works};

/// A person with an application, known to every node.
struct Connected {
    nodes: Nodes,
    application: Application,
    person: Visitor,
    tokens: Tokens,
}

impl Connected {
    async fn at(count: usize) -> Self {
        let nodes = nodes(count).await;
        let application = nodes.application(0).await;
        let mut person = nodes.person(1, "guinan").await;
        let tokens = application.connect(&mut person).await;
        let connected = Self {
            nodes,
            application,
            person,
            tokens,
        };
        let remember = json!({"text": "The bar is on deck ten.", "permission": "public"});
        let (status, _) = call(
            connected.nodes.at(0),
            &connected.tokens.access,
            "submit_memory",
            remember,
        )
        .await;
        assert_eq!(status, 200);
        connected
    }

    /// Every node answers the token, which leaves the key and the partition in its memory.
    async fn warm(&self, tokens: &Tokens) {
        for base in self.nodes.all() {
            let ask = json!({"query": "Where is the bar?"});
            let (status, found) = call(&base, &tokens.access, "query_memory", ask).await;
            assert_eq!(status, 200, "{found}");
            assert_eq!(found["memories"].as_array().map(Vec::len), Some(1));
        }
    }

    /// What each node answers to the access token, and to the refresh token.
    async fn ended(&self, tokens: &Tokens) {
        for base in self.nodes.all() {
            assert_eq!(works(&base, &tokens.access).await, 401, "at {base}");
            let page = refresh(&base, &self.application, &tokens.refresh).await;
            assert_eq!(error(&page), "invalid_grant", "at {base}");
        }
    }

    /// Tells a node that a token is to end.
    async fn revoke(&self, node: usize, token: &str) {
        let mut form = vec![("token", token.to_owned())];
        form.extend(self.application.credentials());
        let url = format!("{}/oauth/revoke", self.nodes.at(node));
        assert_eq!(post_form(&url, &form).await.status, 200);
    }

    /// The same browser at another node.
    fn person_at(&self, node: usize) -> Visitor {
        let mut person = self.person.clone();
        self.nodes.at(node).clone_into(&mut person.base);
        person
    }

    /// The status of the account page for this browser at each node.
    async fn account_at_each(&self, person: &Visitor) -> Vec<u16> {
        let mut statuses = Vec::new();
        for base in self.nodes.all() {
            let mut person = person.clone();
            person.base = base;
            statuses.push(person.get("/account").await.status);
        }
        statuses
    }
}

async fn refresh(base: &str, application: &Application, token: &str) -> Page {
    post_form(&format!("{base}/oauth/token"), &application.refresh(token)).await
}

fn error(page: &Page) -> String {
    let body: Value = serde_json::from_str(&page.body).expect("JSON");
    body["error"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_token_that_one_node_revokes_is_dead_at_every_other() {
    let mut connected = Connected::at(3).await;
    for node in 0..3 {
        let tokens = connected.application.connect(&mut connected.person).await;
        connected.warm(&tokens).await;
        // An access token alone; the application goes on with its refresh token.
        connected.revoke(node, &tokens.access).await;
        for base in connected.nodes.all() {
            assert_eq!(works(&base, &tokens.access).await, 401, "at {base}");
        }
        let other = connected.nodes.at(node + 1);
        let page = refresh(other, &connected.application, &tokens.refresh).await;
        let tokens = Tokens::from_page(&page);
        connected.warm(&tokens).await;
        connected.revoke(node, &tokens.refresh).await;
        connected.ended(&tokens).await;
    }
    connected.warm(&connected.tokens).await;
}

#[tokio::test]
async fn access_that_is_taken_away_on_the_account_page_ends_at_every_node() {
    let connected = Connected::at(2).await;
    connected.warm(&connected.tokens).await;
    let mut person = connected.person_at(0);
    let page = person.get("/account").await;
    let action = page
        .body
        .split('"')
        .find(|part| part.starts_with("/account/applications/"));
    let action = action.expect("the page has the application").to_owned();
    let done = person.fill("/account", &action, &[]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    connected.ended(&connected.tokens).await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_all_tokens_at_every_node() {
    let connected = Connected::at(2).await;
    let mut elsewhere = Visitor::new(connected.nodes.at(1));
    assert_eq!(elsewhere.log_in("guinan", PASSWORD).await.status, 303);
    connected.warm(&connected.tokens).await;
    assert_eq!(connected.account_at_each(&elsewhere).await, [200, 200]);
    let mut person = connected.person_at(0);
    let new = "a Mintakan tapestry";
    let fields = [("current_password", PASSWORD), ("new_password", new)];
    let done = person.fill("/account", "/account/password", &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(connected.account_at_each(&person).await, [200, 200]);
    assert_eq!(connected.account_at_each(&elsewhere).await, [303, 303]);
    connected.ended(&connected.tokens).await;
    for base in connected.nodes.all() {
        let mut visitor = Visitor::new(base);
        assert_ne!(visitor.log_in("guinan", PASSWORD).await.status, 303);
        assert_eq!(visitor.log_in("guinan", new).await.status, 303);
    }
}

#[tokio::test]
async fn an_account_that_is_deleted_at_one_node_is_gone_from_every_other() {
    let connected = Connected::at(3).await;
    let mut other = connected.nodes.person(2, "ro").await;
    let other = connected.application.connect(&mut other).await;
    let ask = json!({"user_id": "guinan", "prompt": "Where is the bar?"});
    for base in connected.nodes.all() {
        let (status, found) = call(&base, &other.access, "query_user", ask.clone()).await;
        assert_eq!((status, &found["total"]), (200, &json!(1)), "{found}");
    }
    connected.warm(&connected.tokens).await;
    let mut person = connected.person_at(0);
    let fields = [("password", PASSWORD)];
    let done = person
        .fill("/account/delete", "/account/delete", &fields)
        .await;
    assert_eq!(done.status, 303, "{}", done.body);
    for base in connected.nodes.all() {
        let (status, found) = call(&base, &other.access, "query_user", ask.clone()).await;
        assert_eq!(status, 404, "at {base}: {found}");
    }
    connected.ended(&connected.tokens).await;
    let gone = [303, 303, 303];
    assert_eq!(connected.account_at_each(&connected.person).await, gone);
    for base in connected.nodes.all() {
        let mut visitor = Visitor::new(base);
        assert_ne!(visitor.log_in("guinan", PASSWORD).await.status, 303);
    }
    // The name is free again, and whoever takes it gets nothing of what was there.
    let mut heir = connected.nodes.person(1, "guinan").await;
    let heir = connected.application.connect(&mut heir).await;
    for base in connected.nodes.all() {
        let ask = json!({"query": "Where is the bar?"});
        let (status, found) = call(&base, &heir.access, "query_memory", ask).await;
        assert_eq!((status, &found["memories"]), (200, &json!([])));
    }
}

#[tokio::test]
async fn a_session_is_good_at_every_node_until_any_of_them_ends_it() {
    let connected = Connected::at(2).await;
    let mut elsewhere = Visitor::new(connected.nodes.at(0));
    assert_eq!(elsewhere.log_in("guinan", PASSWORD).await.status, 303);
    assert_eq!(connected.account_at_each(&elsewhere).await, [200, 200]);
    assert_eq!(
        connected.account_at_each(&connected.person).await,
        [200, 200]
    );
    let mut person = connected.person_at(1);
    let page = person.get("/account").await;
    let ends = page
        .body
        .split('"')
        .filter(|part| part.starts_with("/account/sessions/"));
    let ends: Vec<_> = ends.map(str::to_owned).collect();
    assert_eq!(ends.len(), 1, "the other session can be ended");
    let done = person.fill("/account", &ends[0], &[]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(connected.account_at_each(&elsewhere).await, [303, 303]);
    let mut before = person.clone();
    before.base = connected.nodes.at(0).to_owned();
    let done = person.fill("/account", "/logout", &[]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(connected.account_at_each(&before).await, [303, 303]);
}
