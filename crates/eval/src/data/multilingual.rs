//! Short memories in several languages: the lists `en`, `de` and so on hold the same memories,
//! and `en_q`, `de_q` the questions that they answer, in the same order.
//!
//! Each language's memories are asked in that language. The English ones are asked in all
//! others, too: whether a question finds what was written in another language.

use serde_json::{Map, Value};

use super::{Collection, DataSet, InvalidData, Measure, Passage, Question, text, undated};

/// What the name of a list of questions ends in.
const QUESTIONS: &str = "_q";

/// The language whose memories are asked in all others.
const COMMON: &str = "en";

/// Returns the category of questions in one language about memories in another.
pub(crate) fn across(from: &str, to: &str) -> String {
    format!("{from}→{to}")
}

/// Tells whether an object is of this form.
pub(super) fn is_one(fields: &Map<String, Value>) -> bool {
    !fields.is_empty() && fields.values().all(Value::is_array) || languages(fields).next().is_some()
}

fn languages(fields: &Map<String, Value>) -> impl Iterator<Item = &str> {
    fields
        .keys()
        .filter_map(|name| name.strip_suffix(QUESTIONS))
        .filter(|language| fields.contains_key(*language))
}

pub(super) fn read(fields: &Map<String, Value>) -> Result<DataSet, InvalidData> {
    let mut collections = Vec::new();
    let mut conversations: Vec<String> = languages(fields).map(str::to_owned).collect();
    // Whether a JSON object keeps the order of its fields is decided by other crates.
    conversations.sort();
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort();
    for name in names {
        let language = name.strip_suffix(QUESTIONS).unwrap_or(name);
        if !conversations.iter().any(|known| known == language) {
            let reason = format!(
                "stands alone; memories in a list {language:?} go with questions in a list {:?}",
                format!("{language}{QUESTIONS}")
            );
            return Err(InvalidData::at(name, reason));
        }
    }
    for (conversation, language) in conversations.iter().enumerate() {
        let texts = list(fields, language)?;
        let mut questions = asked(fields, language, language.clone(), texts.len())?;
        if language == COMMON {
            for other in conversations.iter().filter(|other| *other != COMMON) {
                questions.extend(asked(fields, other, across(other, COMMON), texts.len())?);
            }
        }
        let passages = texts.into_iter().map(|written| {
            let passage = |text| Passage {
                text,
                created_at: undated(),
                session: 0,
            };
            text(written)
                .map(passage)
                .map_err(|why| InvalidData::at(language, format!("a text {why}")))
        });
        collections.push(Collection {
            measure: Measure::Multilingual,
            conversation,
            passages: passages.collect::<Result<_, _>>()?,
            questions,
        });
    }
    Ok(DataSet::new(conversations, collections, Vec::new()))
}

/// The i-th question is answered by the i-th memory.
fn asked(
    fields: &Map<String, Value>,
    language: &str,
    category: String,
    memories: usize,
) -> Result<Vec<Question>, InvalidData> {
    let name = format!("{language}{QUESTIONS}");
    let texts = list(fields, &name)?;
    if texts.len() != memories {
        let reason = format!("has {} questions for {memories} memories", texts.len());
        return Err(InvalidData::at(name, reason));
    }
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err(InvalidData::at(name, "a question is empty"));
    }
    let questions = texts.into_iter().enumerate().map(|(at, text)| Question {
        text,
        category: Some(category.clone()),
        relevant: [at].into(),
    });
    Ok(questions.collect())
}

fn list(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, InvalidData> {
    let texts = fields[name].as_array().and_then(|texts| {
        let texts = texts.iter().map(|text| text.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>()
    });
    texts.ok_or_else(|| InvalidData::at(name, "is not a list of texts"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_language_is_asked_in_itself_and_english_in_all() {
        let file = json!({
            "en": ["I have a cat.", "I play the trombone."], "en_q": ["Which pet?", "Which instrument?"],
            "de": ["Ich habe eine Katze.", "Ich spiele Posaune."], "de_q": ["Welches Tier?", "Welches Instrument?"],
        });
        let set = DataSet::parse(file.to_string().as_bytes()).expect("it is good");
        assert_eq!(set.measures(), [Measure::Multilingual]);
        let asked: Vec<_> = set
            .collections
            .iter()
            .flat_map(|of| of.questions.iter().map(|asked| (of.conversation, asked)))
            .map(|(language, asked)| {
                let category = asked.category.as_deref().expect("a category");
                (
                    set.conversations[language].as_str(),
                    category,
                    asked.relevant.first().copied(),
                )
            })
            .collect();
        let expected = [
            ("de", "de", Some(0)),
            ("de", "de", Some(1)),
            ("en", "en", Some(0)),
            ("en", "en", Some(1)),
            ("en", "de→en", Some(0)),
            ("en", "de→en", Some(1)),
        ];
        assert_eq!(asked, expected);
    }

    #[test]
    fn lists_that_do_not_go_together_are_told() {
        let file = json!({"en": ["One."], "en_q": ["Which?", "And which?"]});
        let wrong = DataSet::parse(file.to_string().as_bytes()).expect_err("it is wrong");
        assert_eq!(wrong.to_string(), "en_q: has 2 questions for 1 memories");
        for alone in [
            json!({"en": ["One."], "de": ["Eins."]}),
            json!({"en": ["One."], "en_q": ["Which?"], "de": ["Eins."], "deq": ["Was?"]}),
        ] {
            let wrong = DataSet::parse(alone.to_string().as_bytes()).expect_err("it is wrong");
            assert_eq!(
                wrong.to_string(),
                r#"de: stands alone; memories in a list "de" go with questions in a list "de_q""#
            );
        }
    }
}
