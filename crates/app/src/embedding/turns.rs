//! Whose turn it is with the model. Only the order is decided here: no threads, no clock.
//!
//! A turn is one piece of work: a question, or one window of a text that is stored. What waits is
//! kept by kind, by person and by call.
//!
//! - **Between people**: fair queueing by tokens. Each person has a mark, how far they have come,
//!   and the one with the lowest mark is next; a turn moves the mark on by its tokens. Whoever comes
//!   anew starts where those are who were served last. So a person who was not waiting waits for one
//!   turn at most of each who was, however much these have waiting, and those who always have
//!   something waiting get the same number of tokens.
//! - **Between the calls of one person**: in turns, so that a single memory does not wait for all of
//!   an import.
//! - **Questions before texts**, since somebody looks at a screen. While texts wait, each question
//!   earns them a part of its tokens, [`QUESTIONS_PER_TEXT`] to one; as soon as these are enough for
//!   the text that is next, it goes first. So texts get a fifth of the tokens at least.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::Hash,
};

/// How many tokens of questions are embedded for one token of texts, when more of both wait than
/// can be done. With 4, a question of 12 tokens lets a window of 200 pass before it once in 67.
pub(crate) const QUESTIONS_PER_TEXT: u64 = 4;

/// What is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody waits for the answer.
    Question,
    /// Something is stored.
    Text,
}

/// Names a call, so that what is left of it can be taken back.
pub(crate) type Call = u64;

/// Work of one turn.
#[derive(Debug)]
pub(crate) struct Piece<T> {
    pub(crate) work: T,
    /// What this turn costs, in tokens.
    pub(crate) cost: u64,
    /// What it counts for while it waits. More than the turn for a long text, which is only cut in
    /// it: its windows come after.
    pub(crate) tokens: u64,
}

/// What waits.
#[derive(Debug)]
pub(crate) struct Turns<K, T> {
    questions: Class<K, T>,
    texts: Class<K, T>,
    /// The tokens of questions that went before a text which waited.
    passed_by: u64,
}

/// What waits of one kind.
#[derive(Debug)]
struct Class<K, T> {
    people: HashMap<K, Person<T>>,
    /// Who waits, by their marks; the number behind keeps the order of arrival among equals.
    order: BTreeMap<(u64, u64), K>,
    /// The mark of whoever was served last.
    now: u64,
    arrivals: u64,
    tokens: u64,
    /// With more people than this, those are forgotten who have nothing waiting and no debt.
    sweep_at: usize,
}

#[derive(Debug)]
struct Person<T> {
    /// How far they have come.
    mark: u64,
    /// Where they stand in the order, if they wait.
    place: Option<(u64, u64)>,
    calls: VecDeque<(Call, VecDeque<Piece<T>>)>,
    tokens: u64,
}

impl<K: Copy + Eq + Hash, T> Turns<K, T> {
    pub(crate) fn new() -> Self {
        Self {
            questions: Class::new(),
            texts: Class::new(),
            passed_by: 0,
        }
    }

    /// Adds work of a call, behind what its person has waiting.
    pub(crate) fn add(
        &mut self,
        kind: Kind,
        who: K,
        call: Call,
        pieces: impl IntoIterator<Item = Piece<T>>,
    ) {
        self.class_mut(kind)
            .add(who, call, pieces.into_iter().collect());
    }

    /// Takes what is next.
    pub(crate) fn next(&mut self) -> Option<(K, Call, T)> {
        let text = self.texts.cost_of_next();
        let is_due = text.is_some_and(|cost| self.passed_by >= cost * QUESTIONS_PER_TEXT);
        if !is_due && let Some((who, call, piece)) = self.questions.next() {
            self.passed_by = match text {
                Some(_) => self.passed_by + piece.cost,
                None => 0,
            };
            return Some((who, call, piece.work));
        }
        let (who, call, piece) = self.texts.next()?;
        self.passed_by = self
            .passed_by
            .saturating_sub(piece.cost * QUESTIONS_PER_TEXT);
        Some((who, call, piece.work))
    }

    /// Takes back what is left of a call.
    #[must_use = "dropping it may take longer than a lock should be held"]
    pub(crate) fn take_back(&mut self, kind: Kind, who: K, call: Call) -> Vec<Piece<T>> {
        self.class_mut(kind).take_back(who, call)
    }

    /// Tells how many tokens wait of one person,
    pub(crate) fn tokens_of(&self, kind: Kind, who: K) -> u64 {
        let person = self.class(kind).people.get(&who);
        person.map_or(0, |person| person.tokens)
    }

    /// and of all.
    pub(crate) fn tokens(&self, kind: Kind) -> u64 {
        self.class(kind).tokens
    }

    /// Tells how many tokens wait of all when of each person only so many count. It looks
    /// at everybody who waits.
    pub(crate) fn tokens_up_to(&self, kind: Kind, most: u64) -> u64 {
        let people = self.class(kind).people.values();
        people.map(|person| person.tokens.min(most)).sum()
    }

    fn class(&self, kind: Kind) -> &Class<K, T> {
        match kind {
            Kind::Question => &self.questions,
            Kind::Text => &self.texts,
        }
    }

    fn class_mut(&mut self, kind: Kind) -> &mut Class<K, T> {
        match kind {
            Kind::Question => &mut self.questions,
            Kind::Text => &mut self.texts,
        }
    }
}

/// The least number of people that is worth a walk over all of them.
const FEW: usize = 64;

impl<K: Copy + Eq + Hash, T> Class<K, T> {
    fn new() -> Self {
        Self {
            people: HashMap::new(),
            order: BTreeMap::new(),
            now: 0,
            arrivals: 0,
            tokens: 0,
            sweep_at: FEW,
        }
    }

    fn add(&mut self, who: K, call: Call, pieces: VecDeque<Piece<T>>) {
        if pieces.is_empty() {
            return;
        }
        let tokens: u64 = pieces.iter().map(|piece| piece.tokens).sum();
        let now = self.now;
        let person = self.people.entry(who).or_insert_with(|| Person {
            mark: now,
            place: None,
            calls: VecDeque::new(),
            tokens: 0,
        });
        person.calls.push_back((call, pieces));
        person.tokens += tokens;
        self.tokens += tokens;
        if person.place.is_none() {
            person.mark = person.mark.max(now);
            self.arrivals += 1;
            let place = (person.mark, self.arrivals);
            person.place = Some(place);
            self.order.insert(place, who);
        }
    }

    fn cost_of_next(&self) -> Option<u64> {
        let (_, who) = self.order.first_key_value()?;
        let (_, pieces) = self.people.get(who)?.calls.front()?;
        pieces.front().map(|piece| piece.cost)
    }

    fn next(&mut self) -> Option<(K, Call, Piece<T>)> {
        let ((mark, _), who) = self.order.pop_first()?;
        self.now = mark;
        let person = self.people.get_mut(&who)?;
        person.place = None;
        let (call, mut pieces) = person.calls.pop_front()?;
        let piece = pieces.pop_front()?;
        if !pieces.is_empty() {
            person.calls.push_back((call, pieces));
        }
        person.tokens -= piece.tokens;
        self.tokens -= piece.tokens;
        person.mark = mark + piece.cost;
        if !person.calls.is_empty() {
            self.arrivals += 1;
            let place = (person.mark, self.arrivals);
            person.place = Some(place);
            self.order.insert(place, who);
        }
        self.sweep();
        Some((who, call, piece))
    }

    fn take_back(&mut self, who: K, call: Call) -> Vec<Piece<T>> {
        let Some(person) = self.people.get_mut(&who) else {
            return Vec::new();
        };
        let (theirs, rest): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut person.calls)
            .into_iter()
            .partition(|(other, _)| *other == call);
        person.calls = rest;
        let pieces: Vec<_> = theirs.into_iter().flat_map(|(_, pieces)| pieces).collect();
        let tokens: u64 = pieces.iter().map(|piece| piece.tokens).sum();
        person.tokens -= tokens;
        self.tokens -= tokens;
        if person.calls.is_empty()
            && let Some(place) = person.place.take()
        {
            self.order.remove(&place);
        }
        self.sweep();
        pieces
    }

    /// Nobody owes anything once nobody waits.
    fn sweep(&mut self) {
        if self.order.is_empty() {
            self.people.clear();
        } else if self.people.len() > self.sweep_at {
            let now = self.now;
            self.people
                .retain(|_, person| person.place.is_some() || person.mark > now);
            self.sweep_at = FEW.max(2 * self.people.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn piece<T>(work: T, cost: u64) -> Piece<T> {
        Piece {
            work,
            cost,
            tokens: cost,
        }
    }

    /// All that waits, in the order in which it has its turns.
    fn all<T>(turns: &mut Turns<u8, T>) -> Vec<(u8, T)> {
        std::iter::from_fn(|| turns.next())
            .map(|(who, _, work)| (who, work))
            .collect()
    }

    #[test]
    fn texts_have_a_fifth_of_the_tokens_while_questions_never_end() {
        let mut turns = Turns::new();
        turns.add(Kind::Text, 0, 0, (0..100).map(|_| piece(Kind::Text, 200)));
        turns.add(
            Kind::Question,
            1,
            1,
            (0..1000).map(|_| piece(Kind::Question, 10)),
        );
        let mut tokens = (0, 0);
        for _ in 0..810 {
            match turns.next().expect("more of both waits").2 {
                Kind::Question => tokens.0 += 10,
                Kind::Text => tokens.1 += 200,
            }
            assert!(tokens.0 <= 4 * (tokens.1 + 200), "{tokens:?}");
        }
        assert!(tokens.0 >= 4 * tokens.1, "{tokens:?}");
    }

    #[test]
    fn questions_find_no_text_before_them_unless_others_went_by() {
        let mut turns = Turns::new();
        turns.add(Kind::Text, 0, 0, (0..9).map(|n| piece(n, 200)));
        for n in 100..105 {
            turns.add(Kind::Question, 1, 1, [piece(n, 100)]);
            assert_eq!(turns.next().map(|(_, _, work)| work), Some(n));
            // Meanwhile the core was free for the texts.
            assert!(turns.next().is_some_and(|(_, _, work)| work < 9));
        }
    }

    #[test]
    fn the_same_number_of_tokens_goes_to_those_who_have_little_texts_and_long_ones() {
        let mut turns = Turns::new();
        turns.add(Kind::Text, 1_u8, 0, (0..400).map(|_| piece((), 10)));
        turns.add(Kind::Text, 2, 0, (0..10).map(|_| piece((), 400)));
        let mut tokens = [0_i64; 3];
        while tokens[1] < 3_000 && tokens[2] < 3_000 {
            let (who, ..) = turns.next().expect("more waits");
            tokens[usize::from(who)] += if who == 1 { 10 } else { 400 };
            assert!((tokens[1] - tokens[2]).abs() <= 410, "{tokens:?}");
        }
    }

    #[test]
    fn who_has_nothing_waiting_is_forgotten() {
        let mut turns = Turns::new();
        let always = (0..20_000).map(|_| piece((), 1));
        turns.add(Kind::Text, u32::MAX, 0, always);
        for who in 0..10_000_u32 {
            turns.add(Kind::Text, who, 1, [piece((), 10)]);
            assert!(turns.next().is_some() && turns.next().is_some());
            assert!(turns.texts.people.len() < 200, "{who}");
        }
        while turns.next().is_some() {}
        assert!(turns.texts.people.is_empty());
    }

    /// What somebody does with the queue.
    #[derive(Debug, Clone)]
    enum Step {
        Add(Kind, u8, Vec<u64>),
        Next,
        TakeBack(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let kind = prop_oneof![Just(Kind::Question), Just(Kind::Text)];
        let add = (kind, 0..5_u8, vec(1..500_u64, 1..6));
        vec(
            prop_oneof![
                2 => add.prop_map(|(kind, who, costs)| Step::Add(kind, who, costs)),
                4 => Just(Step::Next),
                1 => (0..50_usize).prop_map(Step::TakeBack),
            ],
            1..120,
        )
    }

    proptest! {
        #[test]
        fn whoever_comes_anew_waits_for_one_turn_of_each_who_waits(
            waiting in vec((0..8_u8, 1..500_u64), 0..60),
            had in 0..60_usize,
            costs in vec(1..500_u64, 1..4),
        ) {
            const NEW: u8 = 100;
            let mut turns = Turns::new();
            for (call, (who, cost)) in waiting.iter().enumerate() {
                turns.add(Kind::Text, *who, call as Call, [piece((), *cost)]);
            }
            for _ in 0..had {
                turns.next();
            }
            turns.add(Kind::Text, NEW, 1_000, costs.iter().map(|cost| piece((), *cost)));
            let mut before: Vec<u8> = all(&mut turns)
                .into_iter()
                .map(|(who, ())| who)
                .take_while(|who| *who != NEW)
                .collect();
            let count = before.len();
            before.sort_unstable();
            before.dedup();
            prop_assert_eq!(before.len(), count, "somebody had two turns");
        }

        #[test]
        fn each_piece_is_done_once_or_taken_back_and_the_sums_are_right(steps in steps()) {
            let mut turns = Turns::new();
            // What waits: kind, person, call, number and tokens.
            let mut model: Vec<(Kind, u8, Call, usize, u64)> = Vec::new();
            let mut calls: Vec<(Kind, u8)> = Vec::new();
            for step in steps {
                match step {
                    Step::Add(kind, who, costs) => {
                        let call = calls.len() as Call;
                        calls.push((kind, who));
                        let pieces = costs.iter().enumerate();
                        model.extend(pieces.clone().map(|(n, cost)| (kind, who, call, n, *cost)));
                        turns.add(kind, who, call, pieces.map(|(n, cost)| piece(n, *cost)));
                    }
                    Step::Next => match turns.next() {
                        None => prop_assert!(model.is_empty()),
                        Some((who, call, number)) => {
                            // The first that is left of its call.
                            let at = model.iter().position(|piece| piece.2 == call);
                            let (_, whose, _, first, _) = model.remove(at.expect("it waits"));
                            prop_assert_eq!((whose, first), (who, number));
                        }
                    },
                    Step::TakeBack(call) => {
                        let Some((kind, who)) = calls.get(call) else { continue };
                        let call = call as Call;
                        let back = turns.take_back(*kind, *who, call);
                        let back: Vec<_> = back.into_iter().map(|piece| piece.work).collect();
                        let left = model.iter().filter(|piece| piece.2 == call);
                        prop_assert_eq!(back, left.map(|piece| piece.3).collect::<Vec<_>>());
                        model.retain(|piece| piece.2 != call);
                    }
                }
                for kind in [Kind::Question, Kind::Text] {
                    let of = |who: Option<u8>| -> u64 {
                        let theirs = model.iter().filter(|piece| {
                            piece.0 == kind && who.is_none_or(|who| piece.1 == who)
                        });
                        theirs.map(|piece| piece.4).sum()
                    };
                    prop_assert_eq!(turns.tokens(kind), of(None));
                    for who in 0..5 {
                        prop_assert_eq!(turns.tokens_of(kind, who), of(Some(who)));
                    }
                }
            }
            prop_assert_eq!(all(&mut turns).len(), model.len());
        }
    }
}
