//! Other models: a tiny one of a few kB, laid out as Hugging Face does. See `scripts/model/tiny.py`.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use picard_embed::{Embedder, Error, OnnxModel, load_dir};
use tempfile::TempDir;

fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny")
}

/// A copy of the tiny model with more files beside it.
fn with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["model.onnx", "tokenizer.json"] {
        fs::copy(tiny().join(name), folder.path().join(name)).unwrap();
    }
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn one(model: &dyn Embedder, text: &str) -> Vec<f32> {
    let [vector] = model
        .embed_passage(text)
        .unwrap()
        .try_into()
        .expect("a short text");
    vector
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn a_folder_with_another_model_is_recognised() {
    let model = load_dir(&tiny()).unwrap();
    assert_eq!(model.dimensions(), 8);
    let vector = one(&*model, "The cat runs.");
    assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-5);
    assert!(cosine(&vector, &one(&*model, "the KITTEN running")) > 0.95);
    assert!(cosine(&vector, &one(&*model, "crimson hound")) < 0.5);
}

#[test]
fn the_name_tells_models_apart_that_share_a_folder_name() {
    let model = OnnxModel::from_dir(&tiny()).unwrap();
    let (name, digest) = model.model().split_once('/').unwrap();
    assert_eq!((name, digest.len()), ("tiny", 8));
    let prompted = with(&[(
        "config_sentence_transformers.json",
        r#"{"prompts":{"query":"cat "}}"#,
    )]);
    let prompted = OnnxModel::from_dir(prompted.path()).unwrap();
    assert!(!prompted.model().ends_with(digest));
}

#[test]
fn prompts_go_before_queries_and_passages() {
    let prompts = r#"{"prompts": {"query": "cat: ", "document": "scarlet: "}, "other": 1}"#;
    let folder = with(&[("config_sentence_transformers.json", prompts)]);
    let prompted = OnnxModel::from_dir(folder.path()).unwrap();
    let plain = OnnxModel::from_dir(&tiny()).unwrap();
    assert_eq!(
        prompted.embed_query("dog").unwrap(),
        plain.embed_query("cat: dog").unwrap()
    );
    assert_eq!(one(&prompted, "dog"), one(&plain, "scarlet: dog"));
}

#[test]
fn the_first_token_is_the_vector_where_the_model_says_so() {
    let folder = with(&[(
        "1_Pooling/config.json",
        r#"{"pooling_mode_cls_token": true}"#,
    )]);
    let first = OnnxModel::from_dir(folder.path()).unwrap();
    // The tiny model has no attention, so the first token knows nothing of the text.
    assert_eq!(one(&first, "cat"), one(&first, "running dog"));
}

#[test]
fn the_end_of_a_long_text_has_a_vector_of_its_own() {
    let model = OnnxModel::from_dir(&tiny()).unwrap();
    let windows = model
        .embed_passage(&("the scarlet dog. ".repeat(200) + "a cat"))
        .unwrap();
    assert!((4..20).contains(&windows.len()), "{}", windows.len());
    let without = model
        .embed_passage(&"the scarlet dog. ".repeat(200))
        .unwrap();
    assert_ne!(windows.last(), without.last());
}

#[test]
fn a_long_question_is_read_up_to_where_the_model_says() {
    let prompts = r#"{"prompts": {"query": "cat: "}}"#;
    let folder = with(&[("config_sentence_transformers.json", prompts)]);
    let model = OnnxModel::from_dir(folder.path()).unwrap();
    let question = "scarlet dog ".repeat(300);
    let read = model.reads(&question).unwrap();
    assert!(read < question.len() && question[..read].ends_with("dog"));
    let beyond = |text: &str| model.embed_query(&format!("{}{text}", &question[..read]));
    assert_eq!(
        beyond(" cat cat cat").unwrap(),
        beyond(" the the the").unwrap()
    );
    assert_eq!(model.reads("scarlet dog").unwrap(), 11);
}

#[test]
fn any_string_has_finite_vectors() {
    let model = OnnxModel::from_dir(&tiny()).unwrap();
    for text in [
        "",
        " ",
        "\0",
        "🎉",
        &"x".repeat(65_536),
        &"x ".repeat(32_768),
        &"漢".repeat(21_845),
    ] {
        let windows = model.embed_passage(text).unwrap();
        assert!((1..=64).contains(&windows.len()));
        for vector in windows.iter().chain([&model.embed_query(text).unwrap()]) {
            assert!(vector.len() == 8 && vector.iter().all(|x| x.is_finite()));
        }
    }
}

#[test]
fn what_is_not_a_model_is_refused_with_the_reason() {
    let empty = tempfile::tempdir().unwrap();
    let Err(Error::NoModel { folder }) = OnnxModel::from_dir(empty.path()) else {
        panic!("an empty folder holds no model");
    };
    assert_eq!(folder, empty.path());
    let broken = with(&[("model.onnx", "not a graph")]);
    assert!(matches!(
        OnnxModel::from_dir(broken.path()),
        Err(Error::Graph(_))
    ));
    let broken = with(&[("tokenizer.json", "{}")]);
    assert!(matches!(
        OnnxModel::from_dir(broken.path()),
        Err(Error::Tokenizer(_))
    ));
    let broken = with(&[("1_Pooling/config.json", "[")]);
    assert!(matches!(
        OnnxModel::from_dir(broken.path()),
        Err(Error::Settings { .. })
    ));
}
