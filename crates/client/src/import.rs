//! Many memories at once over `POST /api/import`.

use picard_domain::{Instant, MemoryId, Permission};
use reqwest::{StatusCode, header};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Client, Error, TokenStore,
    http::{Answer, Repeat},
    tools::refusal,
};

/// Memories sent at once, and their bytes: what a server embeds well within the time
/// that an answer has. It reads all that the person has for the first part only.
const AT_ONCE: usize = 128;
const BYTES_AT_ONCE: usize = 64 * 1024;

/// A memory to bring in, with what is known of it where it comes from.
#[derive(Clone, Copy, Default, Serialize)]
pub struct ImportMemory<'a> {
    /// 1 character to 64 KiB of UTF-8.
    pub text: &'a str,
    /// Who may read it.
    pub permission: Permission,
    /// The instant from which on it is no longer valid; it may have passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Instant>,
    /// When it was first stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// When it was last changed; not before it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// Its name; without one it gets one that follows from the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<MemoryId>,
}

/// What became of memories that were brought in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Imported {
    /// How many were stored.
    pub imported: usize,
    /// Those that were there already.
    pub duplicates: ImportedLines,
    /// Those that are there with other content, which stays.
    pub differing: ImportedLines,
    /// How many are no memories.
    pub refused: usize,
    /// Why these are none.
    pub errors: Vec<ImportError>,
}

/// Some of the memories, by their place; the first is 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ImportedLines {
    /// How many there are.
    pub count: usize,
    /// Which ones.
    pub lines: Vec<usize>,
}

/// Why something is no memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ImportError {
    /// Its place; the first is 1.
    pub line: usize,
    /// The field that is wrong; `None` when it is the whole.
    pub field: Option<String>,
    /// What is wrong, to be read after the field's name.
    pub reason: String,
}

impl<S: TokenStore> Client<S> {
    /// Brings memories in (`POST /api/import`; scope `memories:write`), some hundred
    /// at a time. Doing it twice changes nothing: after an error, do it again. A part whose
    /// answer gets lost is sent again by itself, and what it had stored then counts as
    /// duplicates; together with [`Imported::imported`] they are right.
    pub async fn import_memories(&self, memories: &[ImportMemory<'_>]) -> Result<Imported, Error> {
        let mut all = Imported::default();
        let (mut part, mut lines, mut sent) = (Zeroizing::new(Vec::new()), 0, 0);
        for memory in memories {
            let line = serde_json::to_vec(memory).map(Zeroizing::new);
            let line = line.map_err(|_| Error::protocol("a memory that cannot be written"))?;
            if lines == AT_ONCE || lines > 0 && part.len() + line.len() > BYTES_AT_ONCE {
                all.join(self.import_part(&part).await?, sent);
                part.clear();
                (sent, lines) = (sent + lines, 0);
            }
            part.extend_from_slice(&line);
            part.push(b'\n');
            lines += 1;
        }
        if lines > 0 {
            all.join(self.import_part(&part).await?, sent);
        }
        Ok(all)
    }

    async fn import_part(&self, part: &[u8]) -> Result<Imported, Error> {
        let url = self.server().at("/api/import");
        let send = async |token: crate::Secret| -> Result<Answer, Error> {
            self.http()
                .send(Repeat::Safe, |http| {
                    http.post(&url)
                        .bearer_auth(token.expose())
                        .header(header::CONTENT_TYPE, "application/x-ndjson")
                        .body(part.to_vec())
                })
                .await
        };
        let token = self.access_token(None).await?;
        let mut answer = send(token.clone()).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            answer = send(self.access_token(Some(&token)).await?).await?;
        }
        if answer.status == StatusCode::OK {
            serde_json::from_slice(&answer.body)
                .map_err(|_| Error::protocol("the report of an import has another shape"))
        } else {
            Err(refusal(&answer))
        }
    }
}

impl Imported {
    /// Adds what became of a part that so many lines are in front of.
    fn join(&mut self, part: Self, before: usize) {
        self.imported += part.imported;
        self.duplicates.join(part.duplicates, before);
        self.differing.join(part.differing, before);
        self.refused += part.refused;
        self.errors
            .extend(part.errors.into_iter().map(|error| ImportError {
                line: error.line + before,
                ..error
            }));
    }
}

impl ImportedLines {
    fn join(&mut self, part: Self, before: usize) {
        self.count += part.count;
        self.lines
            .extend(part.lines.into_iter().map(|line| line + before));
    }
}
