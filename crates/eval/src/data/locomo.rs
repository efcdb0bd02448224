//! Conversations of LoCoMo (Maharana et al. 2024): sessions of dialogue turns with their
//! dates, statements about the speakers, questions with the turns that hold the evidence.
//!
//! A conversation is measured four times: by turns, by statements, by sessions and by chunks
//! of six turns. Questions of category 5 have no answer in the conversation.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use picard_domain::{Instant, Span};
use serde_json::Value;

use super::{Collection, DataSet, InvalidData, Measure, Passage, Question, text};

/// The time between two turns of a session, of which the file has only the beginning.
const BETWEEN_TURNS: i64 = 30;

/// Turns in a chunk.
const CHUNK: usize = 6;

/// The category of questions without an answer.
const UNANSWERABLE: i64 = 5;

/// A conversation as it was read.
struct Conversation {
    sessions: Vec<Session>,
    facts: Vec<Fact>,
    asked: Vec<Asked>,
}

struct Session {
    number: usize,
    date: Instant,
    /// The id and "Speaker: text" of each.
    turns: Vec<(String, String)>,
}

struct Fact {
    text: String,
    /// By its place among the sessions.
    session: usize,
    evidence: Vec<String>,
}

struct Asked {
    text: String,
    category: i64,
    evidence: Vec<String>,
}

/// A memory before it is one: its text, date and session, and the turns that it stands for.
struct Draft {
    text: String,
    created_at: Instant,
    session: usize,
    turns: Vec<String>,
}

/// Tells whether an object is one conversation.
pub(super) fn is_one(value: &Value) -> bool {
    value.get("conversation").is_some() && value.get("qa").is_some()
}

pub(super) fn read(all: &[Value]) -> Result<DataSet, InvalidData> {
    if all.is_empty() || !all.iter().any(is_one) {
        return Err(InvalidData::whole(
            "the list holds no conversations with \"conversation\" and \"qa\", as LoCoMo has",
        ));
    }
    let names = names(all);
    let mut conversations = Vec::new();
    for (value, number) in all.iter().zip(1..) {
        let place = format!("conversation {number}");
        conversations.push(conversation(value).map_err(|why| InvalidData::at(&place, why))?);
    }
    let mut collections = Vec::new();
    for measure in [
        Measure::Turns,
        Measure::Facts,
        Measure::Sessions,
        Measure::Chunks,
    ] {
        for (at, conversation) in conversations.iter().enumerate() {
            let collection = conversation.collection(measure, at);
            let collection = collection
                .map_err(|why| InvalidData::at(format!("conversation {}", at + 1), why))?;
            // A conversation without statements is measured by its turns alone.
            if !collection.passages.is_empty() {
                collections.push(collection);
            }
        }
    }
    let notes = conversations.iter().zip(&names).flat_map(notes).collect();
    Ok(DataSet::new(names, collections, notes))
}

/// Names each conversation as the file does, or by its number where it does not tell
/// them apart.
fn names(all: &[Value]) -> Vec<String> {
    let named = all.iter().map(|value| value["sample_id"].as_str());
    let named: Vec<Option<&str>> = named.collect();
    let different: BTreeSet<&str> = named.iter().copied().flatten().collect();
    let apart = different.len() == all.len();
    let name = |(name, number): (Option<&str>, usize)| match name {
        Some(name) if apart => name.to_owned(),
        _ => number.to_string(),
    };
    named.into_iter().zip(1..).map(name).collect()
}

/// Tells of questions whose evidence is not there, or not all of it.
fn notes((conversation, name): (&Conversation, &String)) -> Vec<String> {
    let turns = conversation.sessions.iter().flat_map(|of| &of.turns);
    let known: BTreeSet<&str> = turns.map(|(id, _)| id.as_str()).collect();
    let (mut without, mut in_part) = (0, 0);
    for asked in &conversation.asked {
        let evidence = asked.evidence.iter();
        let found = evidence.filter(|id| known.contains(id.as_str())).count();
        if asked.category == UNANSWERABLE {
            continue;
        }
        if found == 0 {
            without += 1;
        } else if found < asked.evidence.len() {
            in_part += 1;
        }
    }
    let told = [
        (
            without,
            "questions are left out: they name no turn that answers them",
        ),
        (
            in_part,
            "questions are measured by a part of their evidence: they name turns, too, that there are not",
        ),
    ];
    let told = told.into_iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("{name}: {count} {what}"))
        .collect()
}

impl Conversation {
    fn collection(&self, measure: Measure, at: usize) -> Result<Collection, String> {
        let drafts = match measure {
            Measure::Facts => self.facts(),
            Measure::Sessions => self.chunks(usize::MAX),
            Measure::Chunks => self.chunks(CHUNK),
            _ => self.chunks(1),
        };
        let mut holders: HashMap<&str, BTreeSet<usize>> = HashMap::new();
        for (passage, draft) in drafts.iter().enumerate() {
            for turn in &draft.turns {
                holders.entry(turn).or_default().insert(passage);
            }
        }
        let mut questions = Vec::new();
        for asked in &self.asked {
            let evidence = asked.evidence.iter();
            let relevant: BTreeSet<usize> = if asked.category == UNANSWERABLE {
                BTreeSet::new()
            } else {
                evidence
                    .filter_map(|turn| holders.get(turn.as_str()))
                    .flatten()
                    .copied()
                    .collect()
            };
            if asked.category == UNANSWERABLE || !relevant.is_empty() {
                questions.push(Question {
                    text: asked.text.clone(),
                    category: Some(asked.category.to_string()),
                    relevant,
                });
            }
        }
        let passages = drafts.into_iter().map(|draft| {
            let shown = draft.turns.first().cloned().unwrap_or_default();
            Ok(Passage {
                text: text(draft.text).map_err(|why| format!("the text at {shown} {why}"))?,
                created_at: draft.created_at,
                session: draft.session,
            })
        });
        Ok(Collection {
            measure,
            conversation: at,
            passages: passages.collect::<Result<_, String>>()?,
            questions,
        })
    }

    fn facts(&self) -> Vec<Draft> {
        let drafts = self.facts.iter().map(|fact| Draft {
            text: fact.text.clone(),
            created_at: self.sessions[fact.session].date,
            session: fact.session,
            turns: fact.evidence.clone(),
        });
        drafts.collect()
    }

    /// So many turns of a session together, dated by the first of them.
    fn chunks(&self, turns: usize) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for (at, session) in self.sessions.iter().enumerate() {
            let mut seconds = 0;
            for part in session.turns.chunks(turns) {
                let texts: Vec<&str> = part.iter().map(|(_, text)| text.as_str()).collect();
                drafts.push(Draft {
                    text: texts.join("\n"),
                    created_at: session.date + Span::seconds(seconds),
                    session: at,
                    turns: part.iter().map(|(id, _)| id.clone()).collect(),
                });
                seconds += BETWEEN_TURNS * part.len() as i64;
            }
        }
        drafts
    }
}

fn conversation(value: &Value) -> Result<Conversation, String> {
    let sessions = sessions(&value["conversation"])?;
    let questions = value["qa"].as_array().ok_or("qa is not a list")?;
    let asked = questions
        .iter()
        .zip(1..)
        .map(|(asked, number)| question(asked).map_err(|why| format!("question {number}: {why}")));
    let asked = asked.collect::<Result<_, String>>()?;
    let facts = facts(&value["observation"], &sessions)?;
    Ok(Conversation {
        sessions,
        facts,
        asked,
    })
}

fn sessions(value: &Value) -> Result<Vec<Session>, String> {
    let fields = value.as_object().ok_or("conversation is not an object")?;
    let mut sessions = Vec::new();
    for (name, turns) in fields {
        let number = name.strip_prefix("session_").map(str::parse::<usize>);
        let (Some(Ok(number)), Some(turns)) = (number, turns.as_array()) else {
            continue;
        };
        let date = fields.get(&format!("{name}_date_time"));
        let date = date.and_then(Value::as_str).unwrap_or_default();
        let date = instant(date).ok_or_else(|| {
            format!("{name}_date_time is not a date like \"1:56 pm on 8 May, 2023\"")
        })?;
        let turns = turns.iter().zip(1..).map(|(turn, number)| {
            read_turn(turn)
                .ok_or_else(|| format!("{name}, turn {number}: speaker, dia_id or text is missing"))
        });
        sessions.push(Session {
            number,
            date,
            turns: turns.collect::<Result<_, String>>()?,
        });
    }
    // The file's object has no order: 10 stands before 2.
    sessions.sort_by_key(|session| session.number);
    if sessions.iter().all(|session| session.turns.is_empty()) {
        return Err("there are no turns".to_owned());
    }
    Ok(sessions)
}

fn read_turn(turn: &Value) -> Option<(String, String)> {
    let (id, speaker) = (turn["dia_id"].as_str()?, turn["speaker"].as_str()?);
    let text = turn["text"].as_str()?;
    Some((id.to_owned(), format!("{speaker}: {text}")))
}

fn facts(value: &Value, sessions: &[Session]) -> Result<Vec<Fact>, String> {
    let mut facts = Vec::new();
    for (at, session) in sessions.iter().enumerate() {
        let name = format!("session_{}_observation", session.number);
        let Some(speakers) = value[&name].as_object() else {
            continue;
        };
        for statement in speakers.values().filter_map(Value::as_array).flatten() {
            let text = statement[0].as_str();
            facts.push(Fact {
                text: text
                    .ok_or_else(|| format!("{name} holds no text"))?
                    .to_owned(),
                session: at,
                evidence: turn_ids(&statement[1]),
            });
        }
    }
    Ok(facts)
}

fn question(value: &Value) -> Result<Asked, String> {
    let text = value["question"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Err("question is missing or empty".to_owned());
    }
    let category = value["category"].as_i64().filter(|n| (1..=5).contains(n));
    Ok(Asked {
        text: text.to_owned(),
        category: category.ok_or("category is not a number from 1 to 5")?,
        evidence: turn_ids(&value["evidence"]),
    })
}

/// Reads the ids of turns (`D1:3`) in a text or a list of texts; some hold several.
fn turn_ids(value: &Value) -> Vec<String> {
    let texts: Vec<&str> = match value {
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let words = texts
        .iter()
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || ",;".contains(c)));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reads `1:56 pm on 8 May, 2023`, as UTC.
fn instant(text: &str) -> Option<Instant> {
    let read = NaiveDateTime::parse_from_str(text, "%I:%M %p on %d %B, %Y").ok()?;
    Some(Instant::from_micros(read.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn small() -> Value {
        let turn = |id: &str, speaker: &str, text: &str| json!({"dia_id": id, "speaker": speaker, "text": text});
        let mut long: Vec<Value> = (1..=8)
            .map(|n| turn(&format!("D10:{n}"), "Riker", "Aye."))
            .collect();
        long[6] = turn("D10:7", "Worf", "The targ is called Grok.");
        json!([{
            "sample_id": "bridge",
            "conversation": {
                "speaker_a": "Riker", "speaker_b": "Worf",
                "session_10_date_time": "12:05 am on 1 March, 2024",
                "session_10": long,
                "session_2_date_time": "1:56 pm on 8 May, 2023",
                "session_2": [turn("D2:1", "Riker", "Do you keep an animal?"), turn("D2:2", "Worf", "A targ.")],
                "session_3_date_time": "never held",
            },
            "observation": {
                "session_2_observation": {"Worf": [["Worf has a targ.", "D2:2"]], "Riker": []},
                "session_10_observation": {"Worf": [["The targ of Worf is Grok.", ["D10:7", "D2:2"]]]},
            },
            "qa": [
                {"question": "Which animal does Worf keep?", "answer": "a targ", "evidence": ["D2:2; D10:7"], "category": 1},
                {"question": "What does Riker say?", "answer": "Aye", "evidence": ["D10:1"], "category": 4},
                {"question": "What does Riker keep?", "adversarial_answer": "a targ", "evidence": ["D2:2"], "category": 5},
                {"question": "Who is not told of?", "answer": "Data", "evidence": ["D"], "category": 3},
            ],
        }])
    }

    fn relevant(set: &DataSet, measure: Measure) -> Vec<(String, Vec<usize>)> {
        let collection = set.of(measure).next().expect("it is there");
        let asked = collection.questions.iter().map(|question| {
            let category = question.category.clone().expect("a category");
            (category, question.relevant.iter().copied().collect())
        });
        asked.collect()
    }

    #[test]
    fn a_conversation_is_measured_by_turns_facts_sessions_and_chunks_of_six() {
        let set = DataSet::parse(small().to_string().as_bytes()).expect("it is good");
        let named = |category: &str, relevant: &[usize]| (category.to_owned(), relevant.to_vec());
        let none = named("5", &[]);
        let turns = [named("1", &[1, 8]), named("4", &[2]), none.clone()];
        assert_eq!(relevant(&set, Measure::Turns), turns);
        assert_eq!(
            relevant(&set, Measure::Facts),
            [named("1", &[0, 1]), none.clone()]
        );
        let sessions = [named("1", &[0, 1]), named("4", &[1]), none.clone()];
        assert_eq!(relevant(&set, Measure::Sessions), sessions);
        // The session of two turns is a chunk, and the one of eight has two.
        let chunks = [named("1", &[0, 2]), named("4", &[1]), none];
        assert_eq!(relevant(&set, Measure::Chunks), chunks);
        assert_eq!(set.conversations, ["bridge"]);
    }

    #[test]
    fn evidence_that_is_not_there_is_told() {
        let mut file = small();
        file[0]["qa"][0]["evidence"] = json!(["D2:2; D10:7", "D"]);
        let set = DataSet::parse(file.to_string().as_bytes()).expect("it is good");
        let [without, in_part] = &set.notes[..] else {
            panic!("{:?}", set.notes);
        };
        assert!(
            without.starts_with("bridge: 1 questions are left out"),
            "{without}"
        );
        assert!(
            in_part.starts_with("bridge: 1 questions are measured by a part"),
            "{in_part}"
        );
    }

    #[test]
    fn conversations_of_the_same_name_are_told_apart_by_their_numbers() {
        let one = small()[0].clone();
        let mut other = one.clone();
        let names = |all: Value| {
            let set = DataSet::parse(all.to_string().as_bytes()).expect("it is good");
            set.conversations
        };
        assert_eq!(names(json!([one, other])), ["1", "2"]);
        other["sample_id"] = json!("engine room");
        assert_eq!(names(json!([one, other])), ["bridge", "engine room"]);
    }

    #[test]
    fn questions_are_asked_a_day_after_their_conversation_whatever_is_measured() {
        let (early, mut late) = (small()[0].clone(), small()[0].clone());
        late["sample_id"] = json!("later");
        late["conversation"]["session_10_date_time"] = json!("9:00 am on 1 May, 2024");
        let file = json!([early, late]).to_string();
        let mut set = DataSet::parse(file.as_bytes()).expect("it is good");
        for only in [&Measure::ALL[..], &[Measure::Facts]] {
            set.keep(only);
            assert_eq!(set.asked_at(0).to_string(), "2024-03-02T00:08:30Z");
            assert_eq!(set.asked_at(1).to_string(), "2024-05-02T09:03:30Z");
        }
    }

    #[test]
    fn turns_are_dated_in_their_order_from_the_sessions_date_on() {
        let set = DataSet::parse(small().to_string().as_bytes()).expect("it is good");
        let dates = |measure: Measure| -> Vec<String> {
            let collection = set.of(measure).next().expect("it is there");
            collection
                .passages
                .iter()
                .map(|passage| passage.created_at.to_string())
                .collect()
        };
        let turns = dates(Measure::Turns);
        assert_eq!(turns[..2], ["2023-05-08T13:56:00Z", "2023-05-08T13:56:30Z"]);
        assert_eq!(turns[9], "2024-03-01T00:08:30Z");
        assert_eq!(
            dates(Measure::Facts),
            ["2023-05-08T13:56:00Z", "2024-03-01T00:05:00Z"]
        );
        assert_eq!(dates(Measure::Chunks)[2], "2024-03-01T00:08:00Z");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let told = |change: &dyn Fn(&mut Value)| {
            let mut value = small();
            change(&mut value);
            DataSet::parse(value.to_string().as_bytes())
                .expect_err("it is wrong")
                .to_string()
        };
        let date = told(&|all| all[0]["conversation"]["session_2_date_time"] = json!("May"));
        assert!(
            date.starts_with("conversation 1: session_2_date_time is not a date"),
            "{date}"
        );
        let turn = told(&|all| all[0]["conversation"]["session_2"][1] = json!({"dia_id": "D2:2"}));
        assert!(
            turn.starts_with("conversation 1: session_2, turn 2:"),
            "{turn}"
        );
        let category = told(&|all| all[0]["qa"][1]["category"] = json!("four"));
        assert_eq!(
            category,
            "conversation 1: question 2: category is not a number from 1 to 5"
        );
        assert!(told(&|all| *all = json!([1, 2])).contains("no conversations"));
        assert_eq!(
            told(&|all| all[0]["qa"] = json!([])),
            "the file has no questions"
        );
    }
}
