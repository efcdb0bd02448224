//! What every answer may be: a model in memory of everybody's memories.
//!
//! A memory is a row of versions. A write that began adds one; it is *certain* from the moment
//! at which it was acknowledged, or somebody read it. An answer that was asked for at `from` and
//! came at `to` may show any version that began before `to`, and that no later one had replaced
//! for certain before `from`. So a write whose answer was lost leaves two states, until
//! somebody reads the new one or its writer finds out; and what one node has shown, no other may
//! fail to show afterwards.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, UNIX_EPOCH},
};

use picard_domain::Instant as Wall;
use serde_json::{Value, json};

/// How long a memory that is gone is looked for by its name; after that it may come back as
/// one that nobody wrote, which is as wrong.
const MOURNED: Duration = Duration::from_mins(1);

/// A moment, by the clock that never goes back and by the one that memories expire by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) tick: Instant,
    pub(super) wall: Wall,
}

impl Moment {
    pub(super) fn now() -> Self {
        let since = UNIX_EPOCH.elapsed().expect("the clock is set");
        Self {
            tick: Instant::now(),
            wall: Wall::from_micros(since.as_micros() as i64),
        }
    }
}

/// What a memory is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    /// Begins with the memory's name.
    pub(super) text: String,
    pub(super) public: bool,
    pub(super) expires: Option<Wall>,
}

impl State {
    /// What an answer shows.
    pub(super) fn of(memory: &Value) -> Self {
        let expires = memory["expiration_date"].as_str();
        Self {
            text: memory["text"].as_str().unwrap_or_default().to_owned(),
            public: memory["permission"] == "public",
            expires: expires.map(|end| end.parse().expect("an instant")),
        }
    }

    /// As the tools call it.
    pub(super) fn permission(&self) -> &'static str {
        if self.public { "public" } else { "private" }
    }

    /// Tells whether it has expired.
    pub(super) fn has_ended(&self) -> bool {
        self.expires.is_some_and(|end| end <= Moment::now().wall)
    }

    /// What a tool is told to store.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "text": self.text,
            "permission": self.permission(),
            "expiration_date": self.expires,
        })
    }

    /// Tells whether an answer shows this.
    pub(super) fn is_shown_by(&self, memory: &Value) -> bool {
        *self == Self::of(memory) && memory["permission"] == self.permission()
    }
}

/// Which memories of a person an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// All, to their owner.
    All,
    /// Those that have not expired, to their owner.
    Valid,
    /// Those that are public and have not expired, to somebody else.
    Foreign,
}

impl View {
    /// Tells whether it may show this state, and whether it may leave it out.
    fn may(self, state: Option<&State>, from: Moment, to: Moment) -> (bool, bool) {
        match (self, state) {
            (_, None) => (false, true),
            (Self::All, Some(_)) => (true, false),
            (Self::Foreign, Some(state)) if !state.public => (false, true),
            (_, Some(state)) => match state.expires {
                None => (true, false),
                Some(end) => (from.wall < end, to.wall >= end),
            },
        }
    }
}

/// What is wrong with an answer.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Whether it shows what is not to be shown to anybody who asks.
    pub(super) is_leak: bool,
    /// What it is.
    pub(super) what: String,
}

#[derive(Debug, Clone)]
struct Version {
    state: Option<State>,
    began: Instant,
    certain: Option<Instant>,
}

struct Memory {
    id: Option<String>,
    versions: Vec<Version>,
    /// Writes that never happened.
    void: Vec<Version>,
}

/// One person's memories by their names.
type Person = BTreeMap<String, Memory>;

/// Everybody's memories.
pub(super) struct Model {
    people: Vec<Mutex<Person>>,
}

impl Memory {
    /// Everything about it, for whoever has to find out what was wrong.
    fn history(&self, from: Instant, to: Instant) -> String {
        let before = |at: Instant| format!("{:.4}", (to - at).as_secs_f64());
        let all = |versions: &[Version]| {
            let lines = versions.iter().map(|version| {
                let certain = version
                    .certain
                    .map(|at| match at.checked_duration_since(to) {
                        Some(_) => "later".to_owned(),
                        None => before(at),
                    });
                let began = match version.began.checked_duration_since(to) {
                    Some(_) => "later".to_owned(),
                    None => before(version.began),
                };
                format!(
                    "    begun {began} certain {certain:?}: {:?}\n",
                    version.state
                )
            });
            lines.collect::<String>()
        };
        format!(
            "  asked {} s before the answer; versions, in seconds before it:\n{}  void:\n{}",
            before(from),
            all(&self.versions),
            all(&self.void)
        )
    }

    /// Takes back the last write, which never happened.
    fn forget_last(&mut self) {
        let last = self.versions.pop();
        self.void.extend(last);
    }

    /// The versions that an answer may show, by their place.
    fn possible(&self, from: Moment, to: Moment) -> impl Iterator<Item = usize> {
        let replaced = |version: &Version| version.certain.is_some_and(|at| at <= from.tick);
        let first = self.versions.iter().rposition(replaced).unwrap_or(0);
        // What was there at the beginning was so since ever, also of a memory that began after
        // the answer and before it is looked at here.
        (first..self.versions.len())
            .filter(move |n| *n == first || self.versions[*n].began <= to.tick)
    }

    /// Holds an answer, in which the memory is `shown` or left out, against what is possible.
    fn read(
        &mut self,
        view: View,
        (from, to): (Moment, Moment),
        shown: Option<&Value>,
    ) -> Result<(), String> {
        let fits = |state: Option<&State>| {
            let (shows, leaves_out) = view.may(state, from, to);
            match shown {
                None => leaves_out,
                Some(memory) => shows && state.is_some_and(|state| state.is_shown_by(memory)),
            }
        };
        let possible: Vec<_> = self.possible(from, to).collect();
        let mut fitting = possible
            .iter()
            .filter(|n| fits(self.versions[**n].state.as_ref()));
        let Some(first) = fitting.next().copied() else {
            let what = match shown {
                Some(memory) => format!("is shown as {memory}"),
                None => "is left out".to_owned(),
            };
            return Err(format!("{what}\n{}", self.history(from.tick, to.tick)));
        };
        // Somebody has read this version or a later one: nothing older is there any more.
        for version in &mut self.versions[..=first] {
            version.certain.get_or_insert(to.tick);
        }
        Ok(())
    }
}

impl Model {
    pub(super) fn of(people: usize) -> Self {
        Self {
            people: (0..people).map(|_| Mutex::default()).collect(),
        }
    }

    fn person(&self, who: usize) -> MutexGuard<'_, Person> {
        let person = self.people[who].lock();
        person.unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a write begins. There is one writer for each memory, with one write at a time.
    pub(super) fn begin(&self, who: usize, name: &str, state: Option<State>) {
        let began = Instant::now();
        let mut person = self.person(who);
        let memory = person.entry(name.to_owned()).or_insert_with(|| Memory {
            id: None,
            versions: vec![Version {
                state: None,
                began,
                certain: Some(began),
            }],
            void: Vec::new(),
        });
        memory.versions.push(Version {
            state,
            began,
            certain: None,
        });
    }

    /// Notes under which id a memory is kept.
    pub(super) fn known_as(&self, who: usize, name: &str, id: &str) {
        let mut person = self.person(who);
        let memory = person.get_mut(name).expect("it was begun");
        memory.id.get_or_insert_with(|| id.to_owned());
    }

    /// Notes that the last write was acknowledged.
    pub(super) fn acknowledged(&self, who: usize, name: &str) {
        let now = Instant::now();
        let mut person = self.person(who);
        let memory = person.get_mut(name).expect("it was begun");
        for version in &mut memory.versions {
            version.certain.get_or_insert(now);
        }
    }

    /// Notes that the last write never reached a node.
    pub(super) fn withdraw(&self, who: usize, name: &str) {
        let mut person = self.person(who);
        let memory = person.get_mut(name).expect("it was begun");
        memory.forget_last();
    }

    /// Decides what became of the last write, after an answer was read that tells: either
    /// somebody has read it, or it never happened. Tells which.
    pub(super) fn conclude(&self, who: usize, name: &str) -> bool {
        let mut person = self.person(who);
        let memory = person.get_mut(name).expect("it was begun");
        let last = memory.versions.last().expect("there is a first one");
        let happened = last.certain.is_some();
        if !happened {
            memory.forget_last();
        }
        happened
    }

    /// Holds an answer about a person's memories against the model.
    pub(super) fn read(
        &self,
        who: usize,
        view: View,
        asked: (Moment, Moment),
        memories: &[Value],
    ) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        let mut tell = |is_leak: bool, what: String| wrong.push(Wrong { is_leak, what });
        let mut person = self.person(who);
        let (mut shown, mut ids) = (HashMap::new(), BTreeSet::new());
        for memory in memories {
            let name = name_of(memory);
            if !ids.insert(memory["id"].as_str().unwrap_or_default()) {
                tell(false, format!("{name} is shown twice"));
            }
            if person.contains_key(name) {
                shown.insert(name, memory);
            } else {
                tell(true, format!("shows what {who} does not have: {memory}"));
            }
        }
        person.retain(|name, memory| {
            let memory_shown = shown.get(name.as_str()).copied();
            if let Some((id, shown)) = memory.id.as_ref().zip(memory_shown)
                && shown["id"] != id.as_str()
            {
                tell(false, format!("{name} is {id}, and was shown as {shown}"));
            }
            if let Err(what) = memory.read(view, asked, memory_shown) {
                let is_leak = view == View::Foreign && memory_shown.is_some();
                tell(is_leak, format!("{name}: {what}"));
            }
            let last = memory.versions.last().expect("there is a first one");
            let gone =
                last.state.is_none() && last.certain.is_some_and(|at| at.elapsed() > MOURNED);
            !gone
        });
        wrong
    }

    /// Returns the id of one of a person's memories, if they have any that is known.
    pub(super) fn some_id(&self, who: usize, which: usize) -> Option<String> {
        let person = self.person(who);
        let ids: Vec<_> = person
            .values()
            .filter_map(|memory| memory.id.as_ref())
            .collect();
        ids.get(which % ids.len().max(1)).map(|id| (*id).clone())
    }

    /// How many memories there are.
    pub(super) fn len(&self) -> usize {
        let there = |memory: &&Memory| {
            memory
                .versions
                .last()
                .is_some_and(|last| last.state.is_some())
        };
        let people = 0..self.people.len();
        people
            .map(|who| self.person(who).values().filter(there).count())
            .sum()
    }
}

/// The name that a memory's text begins with.
pub(super) fn name_of(memory: &Value) -> &str {
    let text = memory["text"].as_str().unwrap_or_default();
    text.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str, public: bool) -> State {
        State {
            text: text.to_owned(),
            public,
            expires: None,
        }
    }

    fn shown(state: &State) -> Value {
        let mut memory = state.to_json();
        memory["id"] = json!("1");
        memory
    }

    fn ask(model: &Model, view: View, memories: &[Value]) -> Vec<Wrong> {
        let now = Moment::now();
        model.read(0, view, (now, Moment::now()), memories)
    }

    #[test]
    fn what_was_acknowledged_has_to_be_shown_and_what_it_replaced_must_not() {
        let model = Model::of(1);
        let (old, new) = (state("a 1", true), state("a 2", true));
        for state in [&old, &new] {
            model.begin(0, "a", Some(state.clone()));
            model.acknowledged(0, "a");
        }
        assert!(ask(&model, View::Foreign, &[shown(&new)]).is_empty());
        assert_eq!(ask(&model, View::Valid, &[]).len(), 1);
        assert_eq!(ask(&model, View::Valid, &[shown(&old)]).len(), 1);
        assert_eq!(
            ask(&model, View::Valid, &[shown(&new), shown(&new)]).len(),
            1
        );
        model.begin(0, "a", None);
        model.acknowledged(0, "a");
        assert!(ask(&model, View::All, &[]).is_empty());
        assert_eq!(ask(&model, View::All, &[shown(&new)]).len(), 1);
    }

    #[test]
    fn a_write_without_an_answer_may_be_there_until_somebody_has_seen_it() {
        let model = Model::of(1);
        let new = state("a 1", false);
        model.begin(0, "a", Some(new.clone()));
        assert!(ask(&model, View::All, &[]).is_empty());
        assert!(ask(&model, View::All, &[shown(&new)]).is_empty());
        assert_eq!(ask(&model, View::All, &[]).len(), 1, "it was there");
        assert!(model.conclude(0, "a"));
        model.begin(0, "a", None);
        assert!(ask(&model, View::All, &[shown(&new)]).is_empty());
        assert!(!model.conclude(0, "a"));
        assert_eq!(ask(&model, View::All, &[]).len(), 1);
    }

    #[test]
    fn what_is_private_or_another_persons_is_a_leak() {
        let model = Model::of(1);
        let private = state("a 1", false);
        model.begin(0, "a", Some(private.clone()));
        model.acknowledged(0, "a");
        for (view, memory) in [(View::Foreign, &private), (View::All, &state("b 1", true))] {
            let wrong = ask(&model, view, &[shown(memory)]);
            assert!(wrong.iter().any(|wrong| wrong.is_leak), "{wrong:?}");
        }
    }

    #[test]
    fn an_end_that_passes_while_one_waits_for_the_answer_leaves_both() {
        let model = Model::of(1);
        let before = Moment::now();
        let mut ending = state("a 1", true);
        ending.expires = Some(before.wall + picard_domain::Span::seconds(60));
        model.begin(0, "a", Some(ending.clone()));
        model.acknowledged(0, "a");
        let (early, late) = (Moment::now(), Moment::now());
        let late = Moment {
            wall: late.wall + picard_domain::Span::seconds(120),
            ..late
        };
        let read = |asked, memories: &[Value]| model.read(0, View::Foreign, asked, memories).len();
        assert_eq!(read((early, late), &[]), 0);
        assert_eq!(read((early, late), &[shown(&ending)]), 0);
        assert_eq!(read((early, early), &[]), 1);
        assert_eq!(read((late, late), &[shown(&ending)]), 1);
    }
}
