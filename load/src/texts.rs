//! What people remember and what they ask: made up, and the same for the same seed.

use std::fmt::Write as _;

const PEOPLE: [&str; 16] = [
    "Anna", "Bruno", "Clara", "David", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko",
    "Liam", "Mira", "Noah", "Olga", "Pavel",
];
const PLACES: [&str; 16] = [
    "Lisbon", "Oslo", "Kyoto", "Berlin", "Nairobi", "Quito", "Vienna", "Dublin", "Hanoi", "Lima",
    "Porto", "Riga", "Seoul", "Tunis", "Utrecht", "Zagreb",
];
const THINGS: [&str; 16] = [
    "a red bicycle",
    "an old camera",
    "two concert tickets",
    "a sourdough starter",
    "a kayak",
    "running shoes",
    "a chess set",
    "a telescope",
    "piano lessons",
    "a tent for four",
    "the blue notebook",
    "a coffee grinder",
    "winter tyres",
    "a library card",
    "hiking boots",
    "a sewing machine",
];
const DEEDS: [&str; 12] = [
    "bought",
    "lost",
    "borrowed",
    "gave away",
    "repaired",
    "sold",
    "wished for",
    "found",
    "lent out",
    "forgot",
    "photographed",
    "paid too much for",
];
const REASONS: [&str; 12] = [
    "because the weather was bad that week",
    "for the birthday of our neighbour",
    "and promised to bring it back in spring",
    "which turned out to be a mistake",
    "after a long talk about money",
    "while waiting for the delayed train",
    "and we laughed about it for days",
    "since the doctor advised more exercise",
    "although it was not on the list",
    "to have something to do on Sundays",
    "before the move to the new flat",
    "and wrote the number down on the fridge",
];

/// A source of texts. The n-th text depends on the seed and n alone, so parallel
/// runs need no order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts {
    seed: u64,
}

impl Texts {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns the n-th memory: about 20 words, one in eight with a code.
    pub(crate) fn memory(self, n: u32) -> String {
        let mut dice = self.dice(u64::from(n));
        let mut text = format!(
            "In {} {} and I {} {} in {} {}.",
            1990 + dice.roll(36),
            dice.pick(&PEOPLE),
            dice.pick(&DEEDS),
            dice.pick(&THINGS),
            dice.pick(&PLACES),
            dice.pick(&REASONS),
        );
        if dice.roll(8) == 0 {
            let code = dice.roll(90_000) + 10_000;
            write!(text, " The receipt has the number RC-{code}.").expect("a string takes all");
        }
        text
    }

    /// Returns the n-th question; no two are equal.
    pub(crate) fn question(self, n: u32) -> String {
        let mut dice = self.dice(u64::from(n) | 1 << 40);
        format!(
            "What did {} and I do with {} in {}, and was it before day {n}?",
            dice.pick(&PEOPLE),
            dice.pick(&THINGS),
            dice.pick(&PLACES),
        )
    }

    fn dice(self, n: u64) -> Dice {
        Dice(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n)
    }
}

/// `SplitMix64`: good enough for dice.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_texts_and_another_seed_others() {
        assert_eq!(Texts::new(1).memory(7), Texts::new(1).memory(7));
        assert_ne!(Texts::new(1).memory(7), Texts::new(2).memory(7));
    }

    #[test]
    fn no_question_is_asked_twice() {
        let texts = Texts::new(1);
        let questions: HashSet<String> = (0..5000).map(|n| texts.question(n)).collect();
        assert_eq!(questions.len(), 5000);
    }
}
