//! Every row of the attack table and every trap has a test: the ids of the
//! standard, looked for in the tests.

use std::{fs, path::Path};

/// The rows, by the letters of their ids. The numbers that are not here were
/// never given out.
const ROWS: &[(&str, &[u32])] = &[
    // The authorization endpoint and the pages before it.
    (
        "A",
        &[
            1, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24, 26, 27, 28, 30,
            32, 33, 34, 36, 37, 38, 39, 40, 41, 42, 43,
        ],
    ),
    // Tokens.
    (
        "T",
        &[
            1, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 27, 28, 30,
            31, 32, 34, 35, 36,
        ],
    ),
    // Registration, and documents about clients.
    (
        "R",
        &[
            1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 24, 25,
        ],
    ),
    // The resource: `/mcp` and the tools.
    (
        "M",
        &[
            1, 2, 3, 4, 6, 8, 10, 11, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 26, 27, 28, 30,
            31, 33, 34, 35, 36, 37, 40,
        ],
    ),
];

/// How many traps of real clients there are.
const TRAPS: u32 = 27;

/// The text of every test: the suite, and the tests of the crates.
fn tests() -> String {
    fn walk(dir: &Path, texts: &mut String) {
        for entry in fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("house") && !path.ends_with("target") {
                    walk(&path, texts);
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                texts.push_str(&fs::read_to_string(path).expect("a text"));
            }
        }
    }
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut texts = String::new();
    walk(&root.join("tests"), &mut texts);
    for entry in fs::read_dir(root.join("crates")).expect("a folder") {
        let folder = entry.expect("an entry").path().join("tests");
        if folder.is_dir() {
            walk(&folder, &mut texts);
        }
    }
    texts
}

#[test]
fn every_row_of_the_attack_table_has_a_test() {
    let tests = tests();
    // A row's id is a text of its own, or begins one that names a neighbour.
    let there = |id: &str| {
        ["\"", " ", "-"]
            .iter()
            .any(|end| tests.contains(&format!("\"{id}{end}")))
    };
    let missing: Vec<_> = ROWS
        .iter()
        .flat_map(|(letter, numbers)| numbers.iter().map(move |n| format!("{letter}{n}")))
        .filter(|id| !there(id))
        .collect();
    assert!(missing.is_empty(), "no test has the rows {missing:?}");
}

#[test]
fn every_trap_has_a_test_that_is_named_after_it() {
    let tests = tests();
    let missing: Vec<_> = (1..=TRAPS)
        .filter(|n| !tests.contains(&format!("fn trap_{n:02}_")))
        .collect();
    assert!(
        missing.is_empty(),
        "no test is named after the traps {missing:?}"
    );
}
