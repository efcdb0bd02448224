//! Somebody who writes and reads at whichever node is up, and knows what every
//! answer may be.

use std::{sync::Arc, time::Duration};

use picard_domain::Span;
use picard_tests::{
    application::{Application, Tokens},
    visitor::http,
};
use serde_json::{Value, json};

use super::{
    dice::Dice,
    model::{Moment, State, View, name_of},
    world::{Sent, World, count, tool},
};

/// More memories than this are not kept by one writer: what two of them have fits into one
/// answer of each tool.
const MOST: usize = 30;

const SUBJECTS: [&str; 6] = [
    "I drink my tea hot, with bergamot.",
    "The violin needs a new string.",
    "Poker is on Thursday evening.",
    "My cat does not like the transporter.",
    "I am allergic to metorapan.",
    "The garden in San Francisco has two trees.",
];

const QUESTIONS: [&str; 4] = [
    "What do I drink?",
    "When do we play?",
    "allergy",
    "Which animals are there?",
];

/// One writer of a person, with tokens of its own. A person may have several;
/// each memory has one.
pub(super) struct Actor {
    pub(super) world: Arc<World>,
    pub(super) who: usize,
    /// Begins the names of its memories.
    pub(super) name: String,
    pub(super) handles: Arc<Vec<String>>,
    pub(super) application: Application,
    pub(super) tokens: Tokens,
    pub(super) dice: Dice,
    kept: Vec<Kept>,
    unsure: Vec<Unsure>,
    written: usize,
}

/// A memory that is there for certain.
struct Kept {
    name: String,
    id: String,
    state: State,
}

/// A write of which more is to be learned.
struct Unsure {
    name: String,
    /// Whether a command has said so, and only its id is not known.
    told: bool,
}

impl Actor {
    pub(super) fn new(
        world: Arc<World>,
        who: usize,
        name: String,
        handles: Arc<Vec<String>>,
        (application, tokens): (Application, Tokens),
        dice: Dice,
    ) -> Self {
        Self {
            world,
            who,
            name,
            handles,
            application,
            tokens,
            dice,
            kept: Vec::new(),
            unsure: Vec::new(),
            written: 0,
        }
    }

    /// Works until the world stops, and leaves nothing uncertain.
    pub(super) async fn work(mut self) -> Self {
        while !self.world.is_stopping() {
            match self.dice.below(100) {
                0..40 => self.write().await,
                40..60 => self.look(self.who).await,
                60..86 => {
                    let whose = self.dice.below(self.handles.len());
                    self.look(whose).await;
                }
                86..92 => self.meddle().await,
                92..99 => self.renew().await,
                _ => self.import().await,
            }
            self.become_sure().await;
        }
        self
    }

    async fn send(&mut self, what: &str, data: Value) -> Sent {
        let node = self.world.some_node(&mut self.dice).await;
        self.send_to(node, what, data).await
    }

    async fn send_to(&self, node: usize, what: &str, data: Value) -> Sent {
        let body = json!({"tool": what, "data": data});
        let token = &self.tokens.access;
        let sent = self.world.send(node, what, |base| tool(base, token, &body));
        let sent = sent.await;
        if !matches!(sent, Sent::Answer { .. }) {
            // Whoever is told to come again does not do it at once.
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        sent
    }

    fn new_state(&mut self, name: &str) -> State {
        self.written += 1;
        let end = match self.dice.below(6) {
            0 => Some(Span::days(400)),
            // It passes while the test runs.
            1 => Some(Span::seconds(5 + self.dice.below(15) as i64)),
            _ => None,
        };
        State {
            text: format!("{name} {}: {}", self.written, self.dice.pick(&SUBJECTS)),
            public: self.dice.once_in(2),
            expires: end.map(|end| Moment::now().wall + end),
        }
    }

    async fn write(&mut self) {
        let which = self.dice.below(self.kept.len().max(1));
        let deletes = self.kept.len() >= MOST || self.dice.once_in(8);
        if self.kept.is_empty() || (!deletes && self.dice.once_in(3)) {
            self.submit().await;
            return;
        }
        let Kept { name, id, state } = &self.kept[which];
        let (name, id, mut next) = (name.clone(), id.clone(), state.clone());
        if deletes {
            let data = json!({"memory_id": id});
            self.change(which, "delete_memory", data, None).await;
        } else if self.dice.once_in(2) {
            next.public = !next.public;
            let data = json!({"memory_id": id, "permission": next.permission()});
            self.change(which, "modify_permissions", data, Some(next))
                .await;
        } else {
            let other = self.new_state(&name);
            let (mut data, mut all) = (json!({"memory_id": id}), other.to_json());
            match self.dice.below(3) {
                0 => {
                    data["text"] = all["text"].take();
                    next.text = other.text;
                }
                1 if other.expires != next.expires => {
                    data["expiration_date"] = all["expiration_date"].take();
                    next.expires = other.expires;
                }
                _ => {
                    all["memory_id"] = json!(id);
                    (data, next) = (all, other);
                }
            }
            self.change(which, "update_memory", data, Some(next)).await;
        }
    }

    async fn submit(&mut self) {
        self.written += 1;
        let name = format!("{}n{}", self.name, self.written);
        let state = self.new_state(&name);
        self.world.model.begin(self.who, &name, Some(state.clone()));
        let sent = self.send("submit_memory", state.to_json()).await;
        self.done(sent, "submit_memory", name, Some(state));
    }

    async fn change(&mut self, which: usize, what: &str, data: Value, state: Option<State>) {
        let name = self.kept.swap_remove(which);
        self.world.model.begin(self.who, &name.name, state.clone());
        let sent = self.send(what, data).await;
        if matches!(sent, Sent::Never) {
            self.world.model.withdraw(self.who, &name.name);
            self.kept.push(name);
            return;
        }
        self.done(sent, what, name.name, state);
    }

    /// Notes what became of a write.
    fn done(&mut self, sent: Sent, what: &str, name: String, state: Option<State>) {
        let model = &self.world.model;
        match sent {
            Sent::Answer {
                status: 200, body, ..
            } => {
                let id = body["id"].as_str().unwrap_or_default().to_owned();
                let right = match &state {
                    Some(state) => state.is_shown_by(&body),
                    None => body["deleted"] == true,
                };
                if !right {
                    let wrong = format!("{what} {name}: {body} instead of {state:?}");
                    self.world.wrong(wrong);
                }
                model.acknowledged(self.who, &name);
                model.known_as(self.who, &name, &id);
                count(&self.world.counts.acknowledged);
                self.kept
                    .extend(state.map(|state| Kept { name, id, state }));
            }
            // It took so long that the memory would have been stored after its end.
            Sent::Answer { status: 422, .. }
                if what == "submit_memory" && state.as_ref().is_some_and(State::has_ended) =>
            {
                model.withdraw(self.who, &name);
            }
            Sent::Answer { status, body, .. } => {
                self.world.wrong(format!("{what} {name}: {status} {body}"));
                self.unsure.push(Unsure { name, told: false });
            }
            Sent::Never => model.withdraw(self.who, &name),
            Sent::Unsure => {
                count(&self.world.counts.unsure);
                self.unsure.push(Unsure { name, told: false });
            }
        }
    }

    /// Finds out what became of writes without an answer.
    ///
    /// A node that was killed may have left a commit behind that the database is still busy
    /// with. It holds the lock of the person's row; so when another write of the same person was
    /// acknowledged, it has happened or never will, and a list tells.
    async fn become_sure(&mut self) {
        for _ in 0..2_000 {
            if self.unsure.is_empty() {
                return;
            }
            // A write while nothing works would only be one more.
            if self.list().await.is_none() {
                continue;
            }
            let before = self.unsure.len();
            let acknowledged = self.kept.len();
            self.submit().await;
            if self.unsure.len() > before || self.kept.len() == acknowledged {
                continue;
            }
            let Some(list) = self.list().await else {
                continue;
            };
            for Unsure { name, told } in std::mem::take(&mut self.unsure) {
                if self.world.model.conclude(self.who, &name) && !told {
                    count(&self.world.counts.happened);
                }
                let found = list.iter().find(|memory| name_of(memory) == name);
                let Some(found) = found else { continue };
                let id = found["id"].as_str().unwrap_or_default().to_owned();
                self.world.model.known_as(self.who, &name, &id);
                let state = State::of(found);
                self.kept.push(Kept { name, id, state });
            }
        }
        self.world
            .wrong(format!("{}: nothing works any more", self.name));
    }

    /// Lists everything that the person has.
    async fn list(&mut self) -> Option<Vec<Value>> {
        let data = json!({"limit": 200, "expired": "include"});
        match self.send("get_memories", data).await {
            Sent::Answer {
                status: 200,
                body,
                asked,
            } => {
                let all = ("get_memories", &body);
                self.world.compare(self.who, View::All, asked, all);
                body["memories"].as_array().cloned()
            }
            Sent::Answer { status, body, .. } => {
                self.world.wrong(format!("get_memories: {status} {body}"));
                None
            }
            Sent::Never | Sent::Unsure => None,
        }
    }

    /// Asks about a person in one of the ways that there are.
    async fn look(&mut self, whose: usize) {
        let node = self.world.some_node(&mut self.dice).await;
        let way = self.dice.below(4);
        self.ask(node, whose, way).await;
    }

    /// Asks a node in the `way` of that number, and compares; tells whether it answered.
    pub(super) async fn ask(&mut self, node: usize, whose: usize, way: usize) -> bool {
        let question = *self.dice.pick(&QUESTIONS);
        let handle = &self.handles[whose];
        let own = whose == self.who;
        let prompted = json!({"user_id": handle, "prompt": question, "limit": 200});
        let (what, data, view) = match way {
            0 if own => {
                let data = json!({"limit": 200, "expired": "include"});
                ("get_memories", data, View::All)
            }
            1 if own => {
                let data = json!({"query": question, "limit": 100});
                ("query_memory", data, View::Valid)
            }
            0 => {
                let data = json!({"user_id": handle, "limit": 200});
                ("get_memories", data, View::Foreign)
            }
            2 => ("query_user", json!({"user_id": handle}), View::Foreign),
            _ => ("query_user", prompted, View::Foreign),
        };
        let view = if own && view == View::Foreign {
            View::Valid
        } else {
            view
        };
        match self.send_to(node, what, data).await {
            Sent::Answer {
                status: 200,
                body,
                asked,
            } => {
                let what = format!("{what} at node {node}, way {way}");
                self.world.compare(whose, view, asked, (&what, &body));
                true
            }
            Sent::Answer { status, body, .. } => {
                self.world.wrong(format!("{what}: {status} {body}"));
                true
            }
            Sent::Never | Sent::Unsure => false,
        }
    }

    /// Tries to read or change what is another person's.
    async fn meddle(&mut self) {
        let whose = (self.who + 1 + self.dice.below(self.handles.len() - 1)) % self.handles.len();
        let which = self.dice.below(1_000);
        let Some(id) = self.world.model.some_id(whose, which) else {
            return;
        };
        let (what, data) = match self.dice.below(4) {
            0 => ("get_memories", json!({"memory_id": id})),
            1 => ("update_memory", json!({"memory_id": id, "text": "meddled"})),
            2 => (
                "modify_permissions",
                json!({"memory_id": id, "permission": "public"}),
            ),
            _ => ("delete_memory", json!({"memory_id": id})),
        };
        if let Sent::Answer { status, body, .. } = self.send(what, data).await
            && status != 404
        {
            let wrong = format!("{what} with another person's memory: {status} {body}");
            self.world.wrong(wrong);
        }
    }

    /// Exchanges the refresh token, at two nodes at once; whoever missed the answer asks again.
    async fn renew(&mut self) {
        let form = self.application.refresh(&self.tokens.refresh);
        for _ in 0..2_000 {
            let nodes = [
                self.world.some_node(&mut self.dice).await,
                self.world.some_node(&mut self.dice).await,
            ];
            let send = |node| {
                let post = |base: &str| http().post(format!("{base}/oauth/token")).form(&form);
                self.world.send(node, "refresh", post)
            };
            let (one, other) = tokio::join!(send(nodes[0]), send(nodes[1]));
            let mut pairs = Vec::new();
            for sent in [one, other] {
                match sent {
                    Sent::Answer {
                        status: 200, body, ..
                    } => pairs.push(body),
                    Sent::Answer { status, body, .. } => {
                        self.world.wrong(format!("refresh: {status} {body}"));
                        return;
                    }
                    Sent::Never | Sent::Unsure => {}
                }
            }
            let secret = |pair: &Value, name: &str| pair[name].as_str().map(str::to_owned);
            let tokens =
                |pair: &Value| (secret(pair, "access_token"), secret(pair, "refresh_token"));
            let Some(first) = pairs.first() else {
                tokio::time::sleep(Duration::from_millis(30)).await;
                continue;
            };
            if pairs.iter().any(|pair| tokens(pair) != tokens(first)) {
                self.world
                    .wrong("a refresh token has two successors".to_owned());
            }
            let (Some(access), Some(refresh)) = tokens(first) else {
                self.world.wrong("a refresh without tokens".to_owned());
                return;
            };
            self.tokens = Tokens {
                access,
                refresh,
                response: first.clone(),
            };
            count(&self.world.counts.refreshed);
            return;
        }
        self.world
            .wrong("refresh: nothing works any more".to_owned());
    }

    /// Has a command bring memories in; it may be repeated until it succeeds.
    async fn import(&mut self) {
        let mut lines = String::new();
        let mut new = Vec::new();
        for _ in 0..3 {
            self.written += 1;
            let name = format!("{}n{}", self.name, self.written);
            let mut state = self.new_state(&name);
            // A line is stored whenever it comes, also after its end.
            state.expires = None;
            lines += &state.to_json().to_string();
            lines.push('\n');
            self.world.model.begin(self.who, &name, Some(state));
            new.push(Unsure { name, told: true });
        }
        for _ in 0..200 {
            let (world, lines) = (self.world.clone(), lines.clone());
            let handle = self.handles[self.who].clone();
            let from = Moment::now().tick;
            let run = move || {
                world
                    .shared
                    .run(&["import", "--user", &handle, "-"], &lines)
            };
            let done = tokio::task::spawn_blocking(run).await;
            let to = Moment::now().tick;
            match done.expect("it does not panic") {
                Ok(_) => {
                    count(&self.world.counts.imported);
                    for Unsure { name, .. } in &new {
                        self.world.model.acknowledged(self.who, name);
                    }
                    // They are there for certain. A list tells their ids.
                    self.unsure.extend(new);
                    return;
                }
                Err(why) if !self.world.may_fail(from, to) => {
                    self.world.wrong(format!("import with a database: {why}"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        self.world
            .wrong("import: nothing works any more".to_owned());
    }
}
