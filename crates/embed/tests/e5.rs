//! The model that comes with Picard, by the vectors it gives.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use picard_embed::{E5, Embedder, ModelFiles, files, load_dir};
use serde::Deserialize;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/multilingual-e5-small")
}

static MODEL: LazyLock<E5> = LazyLock::new(|| E5::from_dir(&folder()).unwrap());

/// Languages in the order of the file, which is the order of the reference vectors.
#[derive(Deserialize)]
struct Texts {
    languages: Languages,
}

#[derive(Deserialize)]
struct Languages {
    en: Language,
    de: Language,
    fr: Language,
    es: Language,
    ru: Language,
    ja: Language,
    zh: Language,
    ar: Language,
}

#[derive(Deserialize)]
struct Language {
    memories: Vec<String>,
    questions: Vec<String>,
}

fn languages() -> [(&'static str, Language); 8] {
    let texts: Texts = serde_json::from_str(include_str!("fixtures/texts.json")).unwrap();
    let Languages {
        en,
        de,
        fr,
        es,
        ru,
        ja,
        zh,
        ar,
    } = texts.languages;
    [
        ("en", en),
        ("de", de),
        ("fr", fr),
        ("es", es),
        ("ru", ru),
        ("ja", ja),
        ("zh", zh),
        ("ar", ar),
    ]
}

fn passage(text: &str) -> Vec<f32> {
    let [vector] = MODEL
        .embed_passage(text)
        .unwrap()
        .try_into()
        .expect("a short text");
    vector
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn nearest(query: &[f32], passages: &[Vec<f32>]) -> usize {
    let likeness = |i: &usize| cosine(query, &passages[*i]);
    (0..passages.len())
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .unwrap()
}

/// How many questions find their own memory before the twelve others.
fn found(questions: &[String], memories: &[Vec<f32>]) -> usize {
    let questions = questions.iter().enumerate();
    questions
        .filter(|(i, q)| nearest(&MODEL.embed_query(q).unwrap(), memories) == *i)
        .count()
}

fn f16(bytes: &[u8]) -> f32 {
    let half = u16::from_le_bytes(bytes.try_into().unwrap());
    let value = f32::from_bits(u32::from(half & 0x7fff) << 13) * f32::from_bits(239 << 23);
    if half >> 15 == 1 { -value } else { value }
}

#[test]
fn vectors_are_those_of_the_f32_weights_in_onnx_runtime() {
    let reference: Vec<f32> = include_bytes!("fixtures/reference.f16")
        .chunks_exact(2)
        .map(f16)
        .collect();
    let mut reference = reference.chunks_exact(384);
    let mut cosines = Vec::new();
    for (
        _,
        Language {
            memories,
            questions,
        },
    ) in languages()
    {
        let memories = memories.iter().map(|text| passage(text));
        let questions = questions
            .iter()
            .map(|text| MODEL.embed_query(text).unwrap());
        for vector in memories.chain(questions) {
            assert!(
                (cosine(&vector, &vector) - 1.0).abs() < 1e-5,
                "vectors have length 1"
            );
            cosines.push(cosine(&vector, reference.next().unwrap()));
        }
    }
    assert_eq!((cosines.len(), reference.next()), (200, None));
    let mean = cosines.iter().sum::<f32>() / 200.0;
    let least = cosines.iter().copied().fold(1.0, f32::min);
    assert!(mean > 0.998 && least > 0.995, "mean {mean}, least {least}");
}

#[test]
fn a_question_finds_its_memory_in_its_own_language() {
    let mut all = 0;
    for (
        name,
        Language {
            memories,
            questions,
        },
    ) in languages()
    {
        let memories: Vec<_> = memories.iter().map(|text| passage(text)).collect();
        let found = found(&questions, &memories);
        assert!(found >= 10, "{name}: {found} of {}", questions.len());
        all += found;
    }
    assert!(all >= 90, "{all} of 96");
}

#[test]
fn a_question_finds_its_memory_in_another_language() {
    let languages = languages();
    let english: Vec<_> = languages[0]
        .1
        .memories
        .iter()
        .map(|text| passage(text))
        .collect();
    let found = languages[1..]
        .iter()
        .map(|(_, language)| found(&language.questions, &english));
    let found: Vec<usize> = found.collect();
    assert!(
        found.iter().all(|found| *found >= 10),
        "of 12 each: {found:?}"
    );
}

#[test]
fn the_end_of_a_long_text_has_a_vector_of_its_own() {
    let filler = "The minutes of the housing association note the weather and who was there. ";
    let needle = "The alarm code of the workshop is 7731.";
    let long = filler.repeat(60) + needle;
    let windows = MODEL.embed_passage(&long).unwrap();
    assert!(windows.len() > 3, "{}", windows.len());
    let query = MODEL
        .embed_query("What is the code for the workshop alarm?")
        .unwrap();
    assert_eq!(nearest(&query, &windows), windows.len() - 1);
    let middle = cosine(&query, &windows[1]);
    assert!(cosine(&query, &windows[windows.len() - 1]) > middle + 0.03);
}

#[test]
fn threads_that_embed_at_once_get_what_one_gets_alone() {
    let texts: Vec<String> = (0..6)
        .map(|i| format!("Text {i} is about {}.", "sheep and ".repeat(i * 3)))
        .collect();
    let alone: Vec<_> = texts.iter().map(|text| passage(text)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for (text, alone) in texts.iter().zip(&alone) {
                    assert_eq!(&passage(text), alone);
                }
            });
        }
    });
}

#[test]
fn any_string_has_finite_vectors_and_not_too_many() {
    let long = [
        "0123456789".repeat(1_000),
        "a".repeat(2_000),
        "漢".repeat(1_000),
        "🦀".repeat(2_000),
        "\0".repeat(65_536),
        " \n".repeat(32_768),
        "\u{0301}".repeat(1_000),
    ];
    let short = [
        "",
        " ",
        "\0",
        "🎉",
        "\u{200b}",
        "\u{feff}",
        "</s>",
        "\u{10ffff}",
        "ﷺ",
    ];
    for text in long.iter().map(String::as_str).chain(short) {
        let start: String = text.chars().take(8).collect();
        let windows = MODEL.embed_passage(text).unwrap();
        assert!(
            (1..=64).contains(&windows.len()),
            "{start:?}: {}",
            windows.len()
        );
        for vector in windows.iter().chain([&MODEL.embed_query(text).unwrap()]) {
            assert_eq!(vector.len(), MODEL.dimensions());
            assert!((cosine(vector, vector) - 1.0).abs() < 1e-4, "{start:?}");
        }
    }
}

#[test]
fn a_query_that_is_too_long_is_read_from_its_beginning() {
    let start = "Where is the key of the garden shed? ".repeat(10);
    let long = start.repeat(20);
    let cut = MODEL.embed_query(&long).unwrap();
    assert!(cosine(&cut, &MODEL.embed_query(&start).unwrap()) > 0.95);
    let read = MODEL.reads(&long).unwrap();
    assert!((1_500..3_000).contains(&read), "{read} bytes");
    let same = MODEL.embed_query(&long[..read]).unwrap();
    assert!(cosine(&cut, &same) > 0.9999, "the rest makes no difference");
    assert_eq!(MODEL.reads(&start).unwrap(), start.len());
}

#[test]
fn a_query_is_not_embedded_as_a_passage_is() {
    let text = "the spare key";
    assert!(cosine(&MODEL.embed_query(text).unwrap(), &passage(text)) < 0.99);
}

#[test]
fn the_folder_is_recognised_and_named() {
    let model = load_dir(&folder()).unwrap();
    assert_eq!(
        (model.model(), model.dimensions()),
        ("multilingual-e5-small/1", 384)
    );
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let read = || ModelFiles::read(&folder()).unwrap();
    assert!(
        E5::from_bytes(ModelFiles {
            tokens: read().scales,
            ..read()
        })
        .is_err()
    );
    assert!(
        E5::from_bytes(ModelFiles {
            encoder: read().vocabulary,
            ..read()
        })
        .is_err()
    );
    let mut short = read().tokens.into_owned();
    short.pop();
    let refused = E5::from_bytes(ModelFiles {
        tokens: short.into(),
        ..read()
    });
    let message = refused.err().expect("a byte is missing").to_string();
    assert!(message.contains(files::TOKENS), "{message}");
}

/// `picard-search` takes it off a question: see its module `asking`.
#[test]
fn what_questions_of_a_language_have_in_common_is_the_mean_of_their_vectors() {
    let questions = include_str!("../../search/src/asking/questions.txt");
    let means = include_bytes!("../../search/src/asking/e5.i8").chunks_exact(384);
    let languages: Vec<&str> = questions.split("\n\n").collect();
    assert_eq!(languages.len(), means.len());
    for (language, mean) in languages.into_iter().zip(means) {
        let vectors: Vec<Vec<f32>> = language
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|question| MODEL.embed_query(question).unwrap())
            .collect();
        for (at, code) in mean.iter().enumerate() {
            let sum: f32 = vectors.iter().map(|vector| vector[at]).sum();
            let own = sum / vectors.len() as f32;
            let kept = f32::from(code.cast_signed()) * 1e-3;
            assert!((own - kept).abs() < 2e-3, "{at}: {own}, not {kept}");
        }
    }
}
