//! What is a date, what is none, and how close a memory is to one.

use proptest::prelude::*;

use super::*;

/// Thursday, 2023-06-15, noon.
fn now() -> Instant {
    at("2023-06-15")
}

fn at(day: &str) -> Instant {
    Instant::from_micros(i64::from(days(day, day).first) * DAY + DAY / 2)
}

fn days(first: &str, last: &str) -> Days {
    let read = |text: &str| text.parse::<NaiveDate>().expect("a date");
    Days::between(read(first), read(last))
}

/// What a text names, as `first..last`, `month-day` or `month`.
fn named(text: &str) -> Vec<String> {
    let show = |day: i32| date(day).expect("in range").to_string();
    read(text, now())
        .into_iter()
        .map(|named| match named {
            Named::Days(days) if days.first == days.last => show(days.first),
            Named::Days(days) => format!("{}..{}", show(days.first), show(days.last)),
            Named::Yearly {
                month,
                day: Some(day),
            } => format!("{month}-{day}"),
            Named::Yearly { month, day: None } => format!("month {month}"),
        })
        .collect()
}

#[track_caller]
fn names(text: &str, expected: &[&str]) {
    assert_eq!(named(text), expected, "{text}");
}

#[test]
fn a_date_in_numbers_is_read_as_it_is_written_around_the_world() {
    for text in [
        "on 2023-05-27.",
        "2023/05/27?",
        "am 27.5.2023",
        "am 27. 5. 2023",
        "27-05-2023",
        "27/5/2023",
        "5/27/2023",
        "2023年5月27日",
        "2023년 5월 27일",
    ] {
        names(text, &["2023-05-27"]);
    }
    names("3/4/2023", &["2023-04-03", "2023-03-04"]);
    names("2023-05", &["2023-05-01..2023-05-31"]);
    names("5月7日", &["5-7"]);
    names("10月に", &["month 10"]);
}

#[test]
fn a_month_has_a_name_in_each_language() {
    for text in [
        "7 May 2023",
        "May 7th, 2023",
        "7th of May, 2023",
        "7. Mai 2023",
        "le 7 mai 2023",
        "7 de mayo de 2023",
        "7 maggio 2023",
        "7 de maio de 2023",
        "7 mei 2023",
        "7 мая 2023",
    ] {
        names(text, &["2023-05-07"]);
    }
    names("im März", &["month 3"]);
    names("en août", &["month 8"]);
    names("в июне", &["month 6"]);
    names("since Dec 5", &["12-5"]);
    names("in February 2024", &["2024-02-01..2024-02-29"]);
    names("In June and in July", &["month 6", "month 7"]);
    names("what happened in 2022", &["2022-01-01..2022-12-31"]);
}

#[test]
fn what_is_relative_is_read_against_the_day_of_writing() {
    names("today", &["2023-06-15"]);
    names("What did I do yesterday?", &["2023-06-14"]);
    names("last week", &["2023-06-05..2023-06-11"]);
    names("next month", &["2023-07-01..2023-07-31"]);
    names("last year", &["2022-01-01..2022-12-31"]);
    names("three days ago", &["2023-06-12"]);
    names("a week ago", &["2023-06-05..2023-06-11"]);
    names("10 days ago", &["2023-06-05"]);
    names("vor zwei Tagen", &["2023-06-13"]);
    names("letzte Woche", &["2023-06-05..2023-06-11"]);
    names("aujourd\u{2019}hui", &["2023-06-15"]);
    names("la semaine dernière", &["2023-06-05..2023-06-11"]);
    names("il y a deux jours", &["2023-06-13"]);
    names("el año pasado", &["2022-01-01..2022-12-31"]);
    names("due giorni fa", &["2023-06-13"]);
    names("há 3 dias", &["2023-06-12"]);
    names("vorige week", &["2023-06-05..2023-06-11"]);
    names("на прошлой неделе", &["2023-06-05..2023-06-11"]);
    names("我昨天做了什么", &["2023-06-14"]);
    names("上个月", &["2023-05-01..2023-05-31"]);
    names("三天前", &["2023-06-12"]);
}

#[test]
fn what_only_looks_like_a_date_is_none() {
    for text in [
        "May I ask? We march on.",
        "April likes tea",
        "version 1.2.3, and 10.0.0.1",
        "1/2 a cup, 3-4 times, 24/7",
        "call 555-2023-11",
        "31.2.2023 and 2023-13-01",
        "it cost 2023 dollars",
        "the year 12345-01-02",
        "set 5 alarms",
        "2023x",
        "",
    ] {
        names(text, &[]);
    }
}

#[test]
fn a_memory_is_close_by_when_it_was_written_and_by_what_it_names() {
    let asked = |text: &str| read(text, now());
    let close = |text: &str, written: &str, question: &str| {
        When::of(text, at(written)).closeness(&asked(question), now(), 7.0)
    };
    let full = |closeness: f32| (closeness - 1.0).abs() < 1e-6;
    assert!(full(close("Tea.", "2023-05-07", "on 7 May 2023")));
    assert!(
        full(close("Tea.", "2023-05-08", "on 7 May 2023")),
        "a time zone away"
    );
    assert!(full(close("Tea.", "2021-05-20", "in May")), "of any year");
    assert!(full(close(
        "Flight on 3 March 2024.",
        "2023-05-08",
        "2024-03-03"
    )));
    assert!(full(close(
        "The dentist tomorrow.",
        "2023-06-30",
        "on 1 July 2023"
    )));
    let week = close("Tea.", "2023-05-15", "on 7 May 2023");
    assert!((week - (-1.0_f32).exp()).abs() < 1e-6, "{week}");
    assert!(close("Tea.", "2022-05-15", "on 7 May 2023") < 1e-6);
    assert!(
        close("Tea.", "2023-05-15", "tea") < 1e-6,
        "nothing was asked"
    );
}

#[test]
fn the_turn_of_the_year_is_no_gap() {
    let december = [Named::Yearly {
        month: 12,
        day: Some(31),
    }];
    let closeness = When::of("", at("2023-01-01")).closeness(&december, now(), 7.0);
    assert!((closeness - 1.0).abs() < 1e-6, "{closeness}");
}

#[test]
fn of_a_log_only_the_first_dates_are_kept() {
    let log: Vec<String> = (1..=28).map(|day| format!("2023-02-{day:02} up")).collect();
    let log = log.join("\n");
    let when = When::of(&log, now());
    assert_eq!(when.named.map(|named| named.len()), Some(MOST_TOLD));
}

#[test]
fn of_a_question_only_the_first_few_days_count_and_each_once() {
    let many: Vec<String> = (1..=28).map(|day| format!("{day} May ")).collect();
    let first = |text: &str| read(text, now());
    assert_eq!(asked(&"5 May ".repeat(999), now()), first("5 May"));
    assert_eq!(asked(&many.concat(), now()), first(&many[..8].concat()));
    assert_eq!(asked(&many.concat(), now()).len(), 8);
}

proptest! {
    #[test]
    fn any_text_at_any_time_is_read(
        text in "(\\PC|[0-9]{1,12}|[-/. ,年月日#']|May|in |ago|last |week|days){0,40}",
        micros in any::<i64>(),
        other in any::<i64>(),
    ) {
        let asked = read(&text, Instant::from_micros(micros));
        let when = When::of(&text, Instant::from_micros(other));
        let closeness = when.closeness(&asked, Instant::from_micros(micros), 7.0);
        prop_assert!((0.0..=1.0).contains(&closeness));
    }
}
