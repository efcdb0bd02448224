//! A data set of one's own as JSON Lines: memories and questions, in any order.
//!
//! ```text
//! {"id": "tea", "text": "I drink Earl Grey, hot.", "created_at": "2025-01-31T09:00:00Z"}
//! {"question": "What do I drink?", "relevant": ["tea"], "category": "habits"}
//! ```

use std::collections::{BTreeSet, HashMap};

use picard_domain::{Instant, MemoryText};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Value, error::Category};

use super::{Collection, DataSet, InvalidData, Measure, Passage, Question, text, undated};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    id: String,
    text: String,
    #[serde(default, deserialize_with = "dated")]
    created_at: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    question: String,
    relevant: Vec<String>,
    category: Option<String>,
}

/// Of the lines that are wrong besides the first, so many are named.
const MOST_TOLD: usize = 10;

enum Line {
    Memory(Memory),
    Asked(Asked),
}

/// Tells whether what is no JSON as a whole is meant to be a line for each: it begins as one,
/// and is no text over several lines that breaks off.
pub(super) fn may_be(bytes: &[u8]) -> bool {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    let first = lines.next().unwrap_or_default().trim_ascii();
    first.starts_with(b"{") && (first.ends_with(b"}") || lines.any(|line| parse(line).is_ok()))
}

pub(super) fn read(bytes: &[u8]) -> Result<DataSet, InvalidData> {
    let mut wrong = Vec::new();
    let (mut passages, mut asked) = (Vec::new(), Vec::new());
    let mut places: HashMap<String, (usize, usize)> = HashMap::new();
    for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match parse(line) {
            Ok(Line::Asked(question)) => asked.push((number, question)),
            Ok(Line::Memory(memory)) => {
                let new = (number, passages.len());
                match places.get(&memory.id) {
                    Some((before, _)) => {
                        let reason = format!("the id {:?} is that of line {before}", memory.id);
                        wrong.push((number, reason));
                    }
                    None => match text(memory.text.clone()) {
                        Ok(text) => {
                            passages.push(passage(text, &memory));
                            places.insert(memory.id, new);
                        }
                        Err(why) => wrong.push((number, format!("text {why}"))),
                    },
                }
            }
            Err(reason) => wrong.push((number, reason)),
        }
    }
    // A question must not be called wrong because the memory that it names is.
    let all_memories = wrong.is_empty();
    let mut questions = Vec::new();
    for (number, question) in asked {
        match relevant(&question, &places, all_memories) {
            Ok(relevant) => questions.push(Question {
                text: question.question,
                category: question.category,
                relevant,
            }),
            Err(reason) => wrong.push((number, reason)),
        }
    }
    wrong.sort();
    if let Some(((number, reason), others)) = wrong.split_first() {
        let reason = format!("{reason}{}", also(others));
        return Err(InvalidData::at(format!("line {number}"), reason));
    }
    if passages.is_empty() {
        return Err(InvalidData::whole("the file has no memories"));
    }
    let collection = Collection {
        measure: Measure::Memories,
        conversation: 0,
        passages,
        questions,
    };
    Ok(DataSet::new(
        vec!["memories".to_owned()],
        vec![collection],
        Vec::new(),
    ))
}

/// The numbers of the other lines that are wrong, as many as one reads.
fn also(others: &[(usize, String)]) -> String {
    let numbers: Vec<_> = others
        .iter()
        .take(MOST_TOLD)
        .map(|(number, _)| number.to_string())
        .collect();
    match others.len() {
        0 => String::new(),
        1 => format!(" (line {} is wrong, too)", numbers[0]),
        2..=MOST_TOLD => format!(" (lines {} are wrong, too)", numbers.join(", ")),
        all => {
            let more = all - MOST_TOLD;
            format!(
                " (lines {} and {more} more are wrong, too)",
                numbers.join(", ")
            )
        }
    }
}

fn passage(text: MemoryText, memory: &Memory) -> Passage {
    Passage {
        text,
        created_at: memory.created_at.unwrap_or_else(undated),
        session: 0,
    }
}

fn relevant(
    question: &Asked,
    places: &HashMap<String, (usize, usize)>,
    all_memories: bool,
) -> Result<BTreeSet<usize>, String> {
    if question.question.trim().is_empty() {
        return Err("question is empty".to_owned());
    }
    let known = question.relevant.iter();
    let known = known.filter(|id| all_memories || places.contains_key(*id));
    let relevant = known.map(|id| {
        let place = places.get(id).map(|(_, place)| *place);
        place.ok_or_else(|| format!("relevant names {id:?}, and no memory has this id"))
    });
    relevant.collect()
}

fn parse(line: &[u8]) -> Result<Line, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| refused(&error))?;
    let fields = value.as_object().ok_or("is not a JSON object")?;
    match (fields.contains_key("text"), fields.contains_key("question")) {
        (true, false) => serde_json::from_value(value).map(Line::Memory),
        (false, true) => serde_json::from_value(value).map(Line::Asked),
        _ => return Err("has neither a text nor a question, or both".to_owned()),
    }
    .map_err(|error| in_words(&error.to_string()))
}

/// A date, or what is wrong with it and where.
fn dated<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
    let told =
        |error: D::Error| D::Error::custom(format!("created_at {}", in_words(&error.to_string())));
    Option::deserialize(from).map_err(told)
}

/// What the reader of JSON says of a field, without the words of Rust, and what to write.
fn in_words(error: &str) -> String {
    let name = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
    if let Some(rest) = error.strip_prefix("missing field `") {
        return match name(rest).as_str() {
            "relevant" => "relevant is missing; write [] when no memory is an answer".to_owned(),
            name => format!("{name} is missing"),
        };
    }
    if let Some(rest) = error.strip_prefix("unknown field `") {
        let known = rest.split_once("expected ").map_or("", |(_, known)| known);
        let known = known.trim_start_matches("one of ").replace('`', "");
        return format!("{:?} is no field here; there are {known}", name(rest));
    }
    error.to_owned()
}

/// What the reader of JSON says, without what it says of the line: there is but one.
fn refused(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Eof => "ends within the JSON object".to_owned(),
        _ => format!("is not a JSON object (column {})", error.column()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"tea","text":"I drink Earl Grey, hot.","created_at":"2025-01-31T09:00:00Z"}

{"question":"What do I drink?","relevant":["tea","tea"],"category":"habits"}
{"question":"What is my shoe size?","relevant":[]}
{"id":"cat","text":"My cat is called Spot."}
{"question":"What is the name of my cat?","relevant":["cat"]}
"#;

    fn told(text: &str) -> String {
        DataSet::parse(text.as_bytes())
            .expect_err("it is wrong")
            .to_string()
    }

    #[test]
    fn memories_and_questions_stand_in_any_order() {
        let set = DataSet::parse(GOOD.as_bytes()).expect("it is good");
        assert_eq!(set.measures(), [Measure::Memories]);
        let collection = &set.collections[0];
        let relevant: Vec<Vec<usize>> = collection
            .questions
            .iter()
            .map(|question| question.relevant.iter().copied().collect())
            .collect();
        assert_eq!(relevant, [vec![0], vec![], vec![1]]);
        let dates = collection
            .passages
            .iter()
            .map(|passage| passage.created_at.to_string());
        assert_eq!(
            dates.collect::<Vec<_>>(),
            ["2025-01-31T09:00:00Z", "2025-01-01T00:00:00Z"]
        );
    }

    #[test]
    fn a_bad_line_is_told_with_its_number_and_what_is_wrong() {
        for (bad, expected) in [
            (
                r#"{"id":"a","text":""#,
                "line 7: ends within the JSON object",
            ),
            ("what?", "line 7: is not a JSON object (column 1)"),
            ("[1]", "line 7: is not a JSON object"),
            (
                r#"{"id":"a"}"#,
                "line 7: has neither a text nor a question, or both",
            ),
            (
                r#"{"id":"a","text":" "}"#,
                "line 7: text is empty; write at least one character",
            ),
            (r#"{"text":"a"}"#, "line 7: id is missing"),
            (
                r#"{"question":"Who?"}"#,
                "line 7: relevant is missing; write [] when no memory is an answer",
            ),
            (
                r#"{"id":"a","text":"a","colour":"red"}"#,
                r#"line 7: "colour" is no field here; there are id, text, created_at"#,
            ),
            (
                r#"{"id":"tea","text":"a"}"#,
                r#"line 7: the id "tea" is that of line 1"#,
            ),
            (
                r#"{"question":"Who?","relevant":["crew"]}"#,
                r#"line 7: relevant names "crew", and no memory has this id"#,
            ),
            (
                r#"{"question":" ","relevant":[]}"#,
                "line 7: question is empty",
            ),
        ] {
            assert_eq!(told(&format!("{GOOD}{bad}")), expected);
        }
        let dated = told(&format!(
            "{GOOD}{}",
            r#"{"id":"a","text":"a","created_at":"May"}"#
        ));
        assert!(
            dated.starts_with("line 7: created_at is not an ISO 8601 date"),
            "{dated}"
        );
        let misspelt = told(&format!("{GOOD}{}", r#"{"question":"Who?","relevent":[]}"#));
        assert!(
            misspelt.starts_with(r#"line 7: "relevent" is no field here"#),
            "{misspelt}"
        );
        let both = told(&format!("{GOOD}{{}}\n{{}}\n{{}}"));
        assert!(
            both.starts_with("line 7: ") && both.ends_with("(lines 8, 9 are wrong, too)"),
            "{both}"
        );
    }

    #[test]
    fn all_wrong_lines_are_named_and_a_question_is_not_blamed_for_its_memory() {
        let dated = r#"{"id":"a","text":"a","created_at":"May"}"#;
        let asked = r#"{"question":"Who?","relevant":["a"]}"#;
        let one = told(&format!("{dated}\n{asked}"));
        assert!(
            one.starts_with("line 1: created_at is not an ISO 8601 date"),
            "{one}"
        );
        assert!(!one.contains("too"), "{one}");
        let many = told(&format!("{asked}{}", "\n{}".repeat(14)));
        assert!(
            many.ends_with("(lines 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 3 more are wrong, too)"),
            "{many}"
        );
    }

    #[test]
    fn json_over_several_lines_that_breaks_off_is_no_json_lines() {
        let broken = told("{\n  \"en\": [\"a\"],\n  \"en_q\": [\n");
        assert!(broken.starts_with("the file is no JSON: "), "{broken}");
    }

    #[test]
    fn what_is_no_data_set_is_told_as_a_whole() {
        assert_eq!(told(""), "the file is empty");
        assert_eq!(
            told(r#"{"id":"a","text":"a"}"#),
            "the file has no questions"
        );
        assert_eq!(
            told(r#"{"question":"Who?","relevant":[]}"#),
            "the file has no memories"
        );
        assert!(told("memories: none").starts_with("the file is no JSON: "));
        assert_eq!(told("7"), "the file holds no data set");
        assert!(told("[{\"qa\": ").starts_with("the file is no JSON: EOF"));
    }
}
