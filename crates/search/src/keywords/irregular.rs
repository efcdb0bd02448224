//! Forms of English words that a stemmer, which only cuts endings, leaves apart.
//!
//! Forms that are more often another word are left out: `bit`, `rose`, `wound`. No form
//! is cut before it is looked up: what was `founded` was not `found`.

use std::{collections::HashMap, sync::LazyLock};

/// A word and its forms on each line.
const FORMS: &str = "
arise arose arisen
awake awoke awoken
beat beaten
become became
begin began begun
bend bent
bite bitten
bleed bled
blow blew blown
break broke broken
breed bred
bring brought
build built
burn burnt
buy bought
catch caught
child children
choose chose chosen
cling clung
come came
creep crept
deal dealt
dig dug
draw drew drawn
dream dreamt
drink drank drunk
drive drove driven
eat ate eaten
fall fell fallen
feed fed
feel felt
fight fought
find found
flee fled
fling flung
fly flew flown
foot feet
forget forgot forgotten
forgive forgave forgiven
freeze froze frozen
give gave given
go went gone
goose geese
grow grew grown
half halves
hang hung
hear heard
hide hid hidden
hold held
keep kept
knife knives
know knew known
lead led
leap leapt
learn learnt
leave left
lend lent
light lit
loaf loaves
lose lost
make made
man men
mean meant
meet met
mistake mistook mistaken
mouse mice
overcome overcame
pay paid
rebuild rebuilt
ride rode ridden
ring rang rung
rise risen
run ran
say said
scarf scarves
see saw seen
seek sought
sell sold
send sent
sew sewn
shake shook shaken
shelf shelves
shine shone
shoot shot
show shown
shrink shrank shrunk
sing sang sung
sink sank sunk
sit sat
sleep slept
slide slid
speak spoke spoken
speed sped
spend spent
spin spun
spring sprang sprung
stand stood
steal stole stolen
stick stuck
sting stung
strike struck
swear swore sworn
sweep swept
swim swam swum
swing swung
take took taken
teach taught
tear tore torn
tell told
thief thieves
think thought
throw threw thrown
tooth teeth
understand understood
wake woke woken
wear wore worn
weave wove woven
weep wept
wife wives
win won
wolf wolves
woman women
write wrote written
";

static WORDS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for line in FORMS.lines() {
        let mut line = line.split_whitespace();
        if let Some(word) = line.next() {
            words.extend(line.map(|form| (form, word)));
        }
    }
    words
});

/// Returns the word of which this is an irregular form, or what was given.
pub(super) fn regular(word: &str) -> &str {
    WORDS.get(word).copied().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_of_one_word_which_is_no_form_itself() {
        let forms = FORMS
            .lines()
            .map(|line| line.split_whitespace().skip(1).count());
        assert_eq!(forms.sum::<usize>(), WORDS.len());
        assert!(WORDS.values().all(|word| regular(word) == *word));
        assert_eq!(regular("gone"), "go");
        assert_eq!(regular("founded"), "founded");
    }
}
