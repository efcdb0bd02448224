//! `picard eval`: recall measured by the real binary, with the real model.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use picard_tests::process::{picard, signal_to};
use serde_json::{Value, json};
use tempfile::TempDir;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/eval.jsonl");

/// The figures of each measure, and no others.
const FIGURES: [&str; 5] = ["R@1", "R@5", "R@10", "MRR", "nDCG@10"];

/// A folder, with one in it for what is temporary.
fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let temporary = dir.path().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    (dir, temporary)
}

fn eval(dir: &TempDir, arguments: &[&str]) -> Output {
    picard(dir.path())
        .arg("eval")
        .args(arguments)
        .env("TMPDIR", dir.path().join("temporary"))
        .output()
        .expect("it runs")
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn has_the_figures(measure: &Value) {
    let named = measure.as_object().expect("the figures");
    let named: BTreeSet<&str> = named.keys().map(String::as_str).collect();
    assert_eq!(named, BTreeSet::from(FIGURES));
}

fn figure(report: &Value, measure: &str, name: &str) -> f64 {
    let figure = report[measure][name].as_f64();
    figure.unwrap_or_else(|| panic!("{measure} {name}: {report}"))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").next().is_none()
}

/// Two conversations of the shape of LoCoMo.
fn conversations() -> Value {
    let conversation = |name: &str, pet: &str, sport: &str, town: &str| {
        let say =
            |id: &str, who: &str, text: String| json!({"dia_id": id, "speaker": who, "text": text});
        json!({
            "sample_id": name,
            "conversation": {
                "speaker_a": "Ro", "speaker_b": "Guinan",
                "session_1_date_time": "1:56 pm on 8 May, 2023",
                "session_1": [
                    say("D1:1", "Ro", "Good to see you again!".to_owned()),
                    say("D1:2", "Guinan", "Do you have an animal at home?".to_owned()),
                    say("D1:3", "Ro", format!("Yes, a {pet}, and it sleeps all day.")),
                    say("D1:4", "Guinan", "How lovely.".to_owned()),
                ],
                "session_2_date_time": "10:05 am on 2 June, 2023",
                "session_2": [
                    say("D2:1", "Guinan", format!("I moved to {town} last week.")),
                    say("D2:2", "Ro", "What is it like there?".to_owned()),
                    say("D2:3", "Guinan", "Quiet, with many trees.".to_owned()),
                    say("D2:4", "Ro", format!("I have taken up {sport} on Sundays.")),
                    say("D2:5", "Guinan", "You never could sit still.".to_owned()),
                    say("D2:6", "Ro", "That is true.".to_owned()),
                    say("D2:7", "Guinan", "Let us talk again soon.".to_owned()),
                ],
            },
            "observation": {
                "session_1_observation": {"Ro": [[format!("Ro has a {pet} at home."), "D1:3"]]},
                "session_2_observation": {
                    "Guinan": [[format!("Guinan moved to {town}."), "D2:1"]],
                    "Ro": [[format!("Ro does {sport} on Sundays."), ["D2:4"]]],
                },
            },
            "qa": [
                {"question": "Which pet does Ro have?", "answer": pet, "evidence": ["D1:3"], "category": 4},
                {"question": "Where does Guinan live now?", "answer": town, "evidence": ["D2:1"], "category": 4},
                {"question": "What does Ro do on Sundays?", "answer": sport, "evidence": ["D2:4"], "category": 2},
                {"question": "What has Guinan heard of the life of Ro?", "answer": "both", "evidence": ["D1:3", "D2:4"], "category": 1},
                {"question": "Which pet does Guinan have?", "adversarial_answer": pet, "evidence": ["D1:3"], "category": 5},
            ],
        })
    };
    json!([
        conversation("one", "tortoise", "fencing", "Vancouver"),
        conversation("two", "parrot", "rowing", "Lisbon"),
    ])
}

fn write(dir: &TempDir, name: &str, text: &str) -> String {
    let file = dir.path().join(name);
    fs::write(&file, text).expect("it can be written");
    file.to_str().expect("a path of text").to_owned()
}

#[test]
fn a_set_of_ones_own_is_measured_and_nothing_of_it_stays() {
    let (dir, temporary) = folder();
    let report = json(&eval(&dir, &["--data", EXAMPLE, "--json"]));
    has_the_figures(&report["memories"]);
    assert!(figure(&report, "memories", "R@5") > 80.0, "{report}");
    assert!(figure(&report, "memories", "MRR") > 80.0, "{report}");
    let details = &report["details"]["memories"];
    assert_eq!(details["questions"], 9);
    assert_eq!(details["unanswerable"]["questions"], 1);
    assert_eq!(details["categories"]["people"]["questions"], 2);
    assert!(
        details["latency_ms"]["p50"]
            .as_f64()
            .is_some_and(|millis| millis > 0.0)
    );
    assert!(is_empty(&temporary));

    let table = eval(&dir, &["--data", EXAMPLE]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    for part in ["memories", "  people", "nDCG@10", "for 1 without one"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn conversations_are_measured_by_turns_facts_sessions_and_chunks() {
    let (dir, _) = folder();
    let data = write(&dir, "conversations.json", &conversations().to_string());
    let report = json(&eval(&dir, &["--data", &data, "--json"]));
    for measure in ["turns", "facts", "sessions", "sessions_by_turns", "chunks"] {
        has_the_figures(&report[measure]);
        assert_eq!(report["details"][measure]["questions"], 8, "{measure}");
    }
    assert!(figure(&report, "turns", "R@5") > 60.0, "{report}");
    // There are three facts and two sessions for each.
    for measure in ["facts", "sessions", "sessions_by_turns"] {
        assert!(
            (figure(&report, measure, "R@5") - 100.0).abs() < 1e-9,
            "{measure}: {report}"
        );
    }
    assert_eq!(report["details"]["turns"]["unanswerable"]["questions"], 2);
    assert!(report.get("memories").is_none() && report.get("multilingual").is_none());

    let only = json(&eval(
        &dir,
        &[
            "--data",
            &data,
            "--json",
            "--only",
            "facts,sessions_by_turns",
        ],
    ));
    assert_eq!(only["facts"], report["facts"]);
    assert_eq!(only["sessions_by_turns"], report["sessions_by_turns"]);
    assert!(only.get("turns").is_none() && only.get("sessions").is_none());
}

#[test]
fn a_ranking_that_is_broken_on_purpose_scores_lower_and_the_difference_is_told() {
    let (dir, _) = folder();
    let kept = dir.path().join("kept").display().to_string();
    let data = ["--data", EXAMPLE, "--keep", &kept, "--json"];
    let compared = [
        &data[..],
        &[
            "--compare",
            "dense_weight=0,fair_match=10,identifier_bonus=0",
        ],
    ]
    .concat();
    let report = json(&eval(&dir, &compared));
    let difference = &report["comparison"]["memories"]["differences"]["MRR"];
    assert!(
        difference["mean"].as_f64().is_some_and(|mean| mean < -5.0),
        "{report}"
    );
    assert!(
        difference["p"].as_f64().is_some_and(|p| p < 0.2),
        "{report}"
    );
    assert_eq!(report["comparison"]["settings"]["fair_match"], 10.0);

    // The other way round, on what was kept, it is the same two configurations.
    let broken = [
        &data[..],
        &[
            "--with",
            "dense_weight=0",
            "--with",
            "fair_match=10,identifier_bonus=0",
        ],
    ]
    .concat();
    let broken = json(&eval(&dir, &broken));
    assert_eq!(
        broken["memories"]["MRR"],
        report["comparison"]["memories"]["MRR"]
    );

    let same = [
        &data[..],
        &[
            "--compare",
            "dense_weight=0.5",
            "--with",
            "dense_weight=0.5",
        ],
    ]
    .concat();
    let same = json(&eval(&dir, &same));
    assert_eq!(
        same["comparison"]["memories"]["differences"]["MRR"]["p"],
        1.0
    );
}

#[test]
fn settings_are_chosen_on_the_other_conversations() {
    let (dir, _) = folder();
    let data = write(&dir, "conversations.json", &conversations().to_string());
    let tune = [
        "--data",
        &data,
        "--only",
        "facts",
        "--json",
        "--tune",
        "dense_weight=0,0.65",
    ];
    let report = json(&eval(&dir, &tune));
    let tuning = &report["tuning"];
    assert_eq!(tuning["tried"].as_array().map(Vec::len), Some(2));
    let folds = tuning["folds"].as_object().expect("each conversation");
    assert_eq!(folds.keys().collect::<Vec<_>>(), ["one", "two"]);
    assert!(figure(&tuning["held_out"], "facts", "R@5") > 0.0);
    let table = eval(
        &dir,
        &tune
            .iter()
            .copied()
            .filter(|flag| *flag != "--json")
            .collect::<Vec<_>>(),
    );
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("chosen on the others"), "{table}");
}

#[test]
fn languages_are_measured_by_their_own_and_against_english() {
    let (dir, _) = folder();
    let lists = json!({
        "en": ["My cat sleeps on the sofa.", "I play the trombone.", "The rent is due on Monday."],
        "en_q": ["Where does the cat sleep?", "Which instrument do I play?", "When must I pay the rent?"],
        "de": ["Meine Katze schläft auf dem Sofa.", "Ich spiele Posaune.", "Die Miete ist am Montag fällig."],
        "de_q": ["Wo schläft die Katze?", "Welches Instrument spiele ich?", "Wann muss ich die Miete zahlen?"],
    });
    let data = write(&dir, "languages.json", &lists.to_string());
    let report = json(&eval(&dir, &["--data", &data, "--json"]));
    let expected = json!({"own": {"de": 100.0, "en": 100.0}, "cross": {"de": 100.0}});
    assert_eq!(report["multilingual"], expected);
}

#[test]
fn what_cannot_be_measured_is_told_in_one_sentence() {
    let (dir, temporary) = folder();
    let missing = dir.path().join("missing.json").display().to_string();
    let mut lines = fs::read_to_string(EXAMPLE).expect("the example");
    lines.push_str("{\"question\":\"Who?\",\"relevant\":[\"nobody\"]}\n");
    let gold = write(&dir, "gold.jsonl", &lines);
    let text = write(&dir, "text.txt", "These are no memories.");
    let languages =
        json!({"en": ["A cat."], "en_q": ["A pet?"], "de": ["Eine Katze."], "de_q": ["Ein Tier?"]});
    let languages = write(&dir, "languages.json", &languages.to_string());
    let no_questions = write(&dir, "memories.jsonl", "{\"id\":\"a\",\"text\":\"a\"}\n");
    let other = dir.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("picard.db"), "precious").expect("it can be written");
    let other = other.display().to_string();
    for (arguments, expected) in [
        (&["--data", &missing][..], "missing.json cannot be read"),
        (&["--data", &text], "the file is no JSON"),
        (&["--data", &no_questions], "the file has no questions"),
        (&["--data", &gold], "line 23: relevant names \"nobody\""),
        (
            &["--data", EXAMPLE, "--only", "turns"],
            "the file has no turns",
        ),
        (
            &["--data", EXAMPLE, "--with", "luck=1"],
            "no setting \"luck\"; it has: dense_weight",
        ),
        (
            &["--data", EXAMPLE, "--tune", "bm25_b=0,1"],
            "--tune needs several conversations",
        ),
        (
            &["--data", &languages, "--tune", "bm25_b=0,1"],
            "each language has the same memories",
        ),
        (&["--data", EXAMPLE, "--keep", &other], "is not empty"),
    ] {
        let output = eval(&dir, arguments);
        let said = said(&output);
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{arguments:?}: {said}"
        );
        assert!(
            said.starts_with("picard: ") && said.contains(expected),
            "{arguments:?}: {said}"
        );
    }
    assert_eq!(
        fs::read_to_string(dir.path().join("other/picard.db")).expect("it is there"),
        "precious"
    );
    assert!(is_empty(&temporary));
}

#[test]
fn stopping_in_the_middle_leaves_no_folder_behind() {
    let (dir, temporary) = folder();
    let memory = |n: usize| {
        format!(
            "{{\"id\":\"{n}\",\"text\":\"{}\"}}\n",
            "A long day. ".repeat(200 + n)
        )
    };
    let mut lines: String = (0..400).map(memory).collect();
    lines.push_str("{\"question\":\"How was the day?\",\"relevant\":[\"1\"]}\n");
    let data = write(&dir, "many.jsonl", &lines);
    let mut child = picard(dir.path())
        .args(["eval", "--data", &data])
        .env("TMPDIR", &temporary)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let database = || {
        let made = fs::read_dir(&temporary).expect("a folder").next()?;
        made.ok()
            .filter(|made| made.path().join("picard.db").exists())
    };
    while database().is_none() {
        assert!(
            child.try_wait().expect("it can be asked").is_none(),
            "it ended by itself"
        );
        std::thread::yield_now();
    }
    signal_to(&child, "-INT");
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("it can be read");
    assert!(!child.wait().expect("it ends").success());
    assert!(said.contains("stopped before the end"), "{said}");
    assert!(is_empty(&temporary));
}
