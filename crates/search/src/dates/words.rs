//! The words of dates in several languages, without accents and in lower case.

use std::{collections::HashMap, sync::LazyLock};

use crate::keywords::is_frequent;

/// What a relative date counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Year,
}

/// `last week`: one unit back. In `# weeks ago` the number stands for `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Relative {
    pub(super) unit: Unit,
    pub(super) by: i32,
}

/// The words of one language.
struct Language {
    /// January to December, those that are written differently by case with `/`.
    months: &'static str,
    /// What a month or a year may follow without a day.
    before: &'static str,
    /// One to ten.
    numbers: &'static str,
    relative: &'static [(&'static str, Unit, i32)],
}

use Unit::{Day, Month, Week, Year};

const LANGUAGES: &[Language] = &[
    Language {
        months: "january february march april may june july august september october november december",
        before: "in of since during until till by early mid late last this next",
        numbers: "one/a/an two three four five six seven eight nine ten",
        relative: &[
            ("today", Day, 0),
            ("tonight", Day, 0),
            ("this morning", Day, 0),
            ("yesterday", Day, -1),
            ("last night", Day, -1),
            ("tomorrow", Day, 1),
            ("this week", Week, 0),
            ("last week", Week, -1),
            ("next week", Week, 1),
            ("this month", Month, 0),
            ("last month", Month, -1),
            ("next month", Month, 1),
            ("this year", Year, 0),
            ("last year", Year, -1),
            ("next year", Year, 1),
            ("# day/days ago", Day, -1),
            ("# week/weeks ago", Week, -1),
            ("# month/months ago", Month, -1),
            ("# year/years ago", Year, -1),
            ("in # day/days", Day, 1),
            ("in # week/weeks", Week, 1),
            ("in # month/months", Month, 1),
            ("in # year/years", Year, 1),
        ],
    },
    Language {
        months: "januar/janner februar marz april mai juni juli august september oktober november dezember",
        before: "im in seit anfang mitte ende bis letzten diesen nachsten jahr",
        numbers: "ein/eine/einem/einer zwei drei vier funf sechs sieben acht neun zehn",
        relative: &[
            ("heute", Day, 0),
            ("gestern", Day, -1),
            ("vorgestern", Day, -2),
            ("ubermorgen", Day, 2),
            ("diese/dieser woche", Week, 0),
            ("letzte/letzter/vergangene/vorige woche", Week, -1),
            ("nachste/nachster/kommende woche", Week, 1),
            ("diesen/diesem monat", Month, 0),
            ("letzten/letztem/vergangenen monat", Month, -1),
            ("nachsten/nachstem monat", Month, 1),
            ("dieses/diesem jahr", Year, 0),
            ("letztes/letzten/letztem/voriges jahr", Year, -1),
            ("nachstes/nachsten jahr", Year, 1),
            ("vor # tag/tagen", Day, -1),
            ("vor # woche/wochen", Week, -1),
            ("vor # monat/monaten", Month, -1),
            ("vor # jahr/jahren", Year, -1),
            ("in # tag/tagen", Day, 1),
            ("in # woche/wochen", Week, 1),
            ("in # monat/monaten", Month, 1),
        ],
    },
    Language {
        months: "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
        before: "en depuis debut mi fin jusqu de annee",
        numbers: "un/une deux trois quatre cinq six sept huit neuf dix",
        relative: &[
            ("aujourd ' hui", Day, 0),
            ("hier", Day, -1),
            ("demain", Day, 1),
            ("cette semaine", Week, 0),
            ("la semaine derniere/passee", Week, -1),
            ("la semaine prochaine", Week, 1),
            ("ce mois", Month, 0),
            ("le mois dernier/passe", Month, -1),
            ("le mois prochain", Month, 1),
            ("cette annee", Year, 0),
            ("l ' annee derniere/passee", Year, -1),
            ("l ' annee prochaine", Year, 1),
            ("il y a # jour/jours", Day, -1),
            ("il y a # semaine/semaines", Week, -1),
            ("il y a # mois", Month, -1),
            ("il y a # an/ans", Year, -1),
            ("dans # jour/jours", Day, 1),
            ("dans # semaine/semaines", Week, 1),
        ],
    },
    Language {
        months: "enero febrero marzo abril mayo junio julio agosto septiembre/setiembre octubre noviembre diciembre",
        before: "en de desde hasta del ano",
        numbers: "un/una dos tres cuatro cinco seis siete ocho nueve diez",
        relative: &[
            ("hoy", Day, 0),
            ("ayer", Day, -1),
            ("anteayer", Day, -2),
            ("pasado manana", Day, 2),
            ("esta semana", Week, 0),
            ("la semana pasada", Week, -1),
            ("la proxima semana", Week, 1),
            ("este mes", Month, 0),
            ("el mes pasado", Month, -1),
            ("el proximo mes", Month, 1),
            ("este ano", Year, 0),
            ("el ano pasado", Year, -1),
            ("el proximo ano", Year, 1),
            ("hace # dia/dias", Day, -1),
            ("hace # semana/semanas", Week, -1),
            ("hace # mes/meses", Month, -1),
            ("hace # ano/anos", Year, -1),
        ],
    },
    Language {
        months: "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        before: "in di da nel dal fino anno",
        numbers: "un/una/uno due tre quattro cinque sei sette otto nove dieci",
        relative: &[
            ("oggi", Day, 0),
            ("ieri", Day, -1),
            ("domani", Day, 1),
            ("questa settimana", Week, 0),
            ("la settimana scorsa", Week, -1),
            ("la prossima settimana", Week, 1),
            ("questo mese", Month, 0),
            ("il mese scorso", Month, -1),
            ("il prossimo mese", Month, 1),
            ("quest ' anno", Year, 0),
            ("l ' anno scorso", Year, -1),
            ("# giorno/giorni fa", Day, -1),
            ("# settimana/settimane fa", Week, -1),
            ("# mese/mesi fa", Month, -1),
            ("# anno/anni fa", Year, -1),
        ],
    },
    Language {
        months: "janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro",
        before: "em de desde ate do ano",
        numbers: "um/uma dois/duas tres quatro cinco seis sete oito nove dez",
        relative: &[
            ("hoje", Day, 0),
            ("ontem", Day, -1),
            ("anteontem", Day, -2),
            ("amanha", Day, 1),
            ("esta/nesta semana", Week, 0),
            ("a/na semana passada", Week, -1),
            ("a/na proxima semana", Week, 1),
            ("este/neste mes", Month, 0),
            ("o/no mes passado", Month, -1),
            ("o/no proximo mes", Month, 1),
            ("este/neste ano", Year, 0),
            ("o/no ano passado", Year, -1),
            ("ha # dia/dias", Day, -1),
            ("ha # semana/semanas", Week, -1),
            ("ha # mes/meses", Month, -1),
            ("ha # ano/anos", Year, -1),
        ],
    },
    Language {
        months: "januari februari maart april mei juni juli augustus september oktober november december",
        before: "in sinds tot begin eind vorige deze volgende jaar",
        numbers: "een twee drie vier vijf zes zeven acht negen tien",
        relative: &[
            ("vandaag", Day, 0),
            ("gisteren", Day, -1),
            ("eergisteren", Day, -2),
            ("overmorgen", Day, 2),
            ("deze week", Week, 0),
            ("vorige/afgelopen week", Week, -1),
            ("volgende week", Week, 1),
            ("deze maand", Month, 0),
            ("vorige/afgelopen maand", Month, -1),
            ("volgende maand", Month, 1),
            ("dit jaar", Year, 0),
            ("vorig/afgelopen jaar", Year, -1),
            ("volgend jaar", Year, 1),
            ("# dag/dagen geleden", Day, -1),
            ("# week/weken geleden", Week, -1),
            ("# maand/maanden geleden", Month, -1),
            ("# jaar geleden", Year, -1),
        ],
    },
    Language {
        months: "январь/января/январе февраль/февраля/феврале март/марта/марте апрель/апреля/апреле май/мая/мае июнь/июня/июне июль/июля/июле август/августа/августе сентябрь/сентября/сентябре октябрь/октября/октябре ноябрь/ноября/ноябре декабрь/декабря/декабре",
        before: "в во с до за начале конце середине",
        numbers: "один/одну два/две три четыре пять шесть семь восемь девять десять",
        relative: &[
            ("сегодня", Day, 0),
            ("вчера", Day, -1),
            ("позавчера", Day, -2),
            ("завтра", Day, 1),
            ("на этой неделе", Week, 0),
            ("на прошлой неделе", Week, -1),
            ("на следующей неделе", Week, 1),
            ("в этом месяце", Month, 0),
            ("в прошлом месяце", Month, -1),
            ("в следующем месяце", Month, 1),
            ("в этом году", Year, 0),
            ("в прошлом году", Year, -1),
            ("# день/дня/дней назад", Day, -1),
            ("# неделю/недели/недель назад", Week, -1),
            ("# месяц/месяца/месяцев назад", Month, -1),
            ("# год/года/лет назад", Year, -1),
        ],
    },
    // Months are numbers in Chinese and Japanese: see `read`.
    Language {
        months: "",
        before: "",
        numbers: "一 二/两 三 四 五 六 七 八 九 十",
        relative: &[
            ("今 天", Day, 0),
            ("今 日", Day, 0),
            ("昨 天", Day, -1),
            ("昨 日", Day, -1),
            ("前 天", Day, -2),
            ("明 天", Day, 1),
            ("明 日", Day, 1),
            ("这/本/今 周/週", Week, 0),
            ("上 周/週", Week, -1),
            ("下 周/週", Week, 1),
            ("先 週", Week, -1),
            ("来 週", Week, 1),
            ("这/本 个 月", Month, 0),
            ("上 个/個 月", Month, -1),
            ("下 个/個 月", Month, 1),
            ("先 月", Month, -1),
            ("来 月", Month, 1),
            ("今 年", Year, 0),
            ("去 年", Year, -1),
            ("明 年", Year, 1),
            ("来 年", Year, 1),
            ("# 天/日 前", Day, -1),
            ("# 周 前", Week, -1),
            ("# 年 前", Year, -1),
        ],
    },
];

/// English and German months as they are shortened; they only count beside a day.
const SHORT: &str = "jan feb mar/mrz apr may/mai jun jul aug sep/sept oct/okt nov dec/dez";

/// What a word may mean.
#[derive(Default)]
pub(super) struct Meaning {
    /// A month, 1 to 12.
    pub(super) month: Option<u32>,
    /// A month that needs a day or a year beside it.
    pub(super) short_month: Option<u32>,
    /// A month or a year may follow without a day.
    pub(super) before: bool,
    /// A number from one to ten.
    pub(super) number: Option<u32>,
    /// The relative dates that begin with it; the longest first.
    pub(super) phrases: Vec<Phrase>,
    /// No date in words alone is without a word like this.
    pub(super) tells: bool,
}

/// A relative date: its words, each with its other forms.
pub(super) struct Phrase {
    pub(super) words: Vec<Vec<&'static str>>,
    pub(super) relative: Relative,
}

type Words = HashMap<&'static str, Meaning>;

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words = Words::new();
    for language in LANGUAGES {
        for (word, month) in counted(language.months) {
            let word = words.entry(word).or_default();
            (word.month, word.tells) = (Some(month), true);
        }
        for (word, number) in counted(language.numbers) {
            words.entry(word).or_default().number = Some(number);
        }
        for word in language.before.split_whitespace() {
            words.entry(word).or_default().before = true;
        }
        for relative in language.relative {
            add_phrase(relative, &mut words);
        }
    }
    for (word, month) in counted(SHORT) {
        words.entry(word).or_default().short_month = Some(month);
    }
    for word in words.values_mut() {
        let longest_first = |phrase: &Phrase| std::cmp::Reverse(phrase.words.len());
        word.phrases.sort_by_key(longest_first);
    }
    words
});

fn add_phrase((text, unit, by): &(&'static str, Unit, i32), to: &mut Words) {
    let words: Vec<Vec<&'static str>> = text
        .split_whitespace()
        .map(|word| word.split('/').collect())
        .collect();
    // The rarest of its words: long, and none that every other sentence has; of equals
    // what is counted (`last week`), or what other languages do not have (`il y a un an`).
    let rarity = |(at, forms): &(usize, &Vec<&str>)| {
        let is_word = forms.iter().all(|form| form.contains(char::is_alphabetic));
        let is_rare = !forms.iter().any(|form| is_frequent(form));
        let length = forms.iter().map(|form| form.chars().count()).min();
        let place = if is_rare { *at } else { words.len() - at };
        (is_word, is_rare, length, place)
    };
    let rarest = words.iter().enumerate().max_by_key(rarity);
    for form in rarest.into_iter().flat_map(|(_, forms)| forms) {
        to.entry(form).or_default().tells = true;
    }
    for first in &words[0] {
        to.entry(first).or_default().phrases.push(Phrase {
            words: words.clone(),
            relative: Relative {
                unit: *unit,
                by: *by,
            },
        });
    }
}

/// Returns what a word means in any of the languages; `#` stands for a number.
pub(super) fn meaning(word: &str) -> &'static Meaning {
    WORDS.get(word).unwrap_or(&NOTHING)
}

/// What is no word of dates.
pub(super) static NOTHING: Meaning = Meaning {
    month: None,
    short_month: None,
    before: false,
    number: None,
    phrases: Vec::new(),
    tells: false,
};

/// The words of a list with their places from 1 on.
fn counted(list: &'static str) -> impl Iterator<Item = (&'static str, u32)> {
    list.split_whitespace()
        .zip(1..)
        .flat_map(|(forms, place)| forms.split('/').map(move |form| (form, place)))
}
