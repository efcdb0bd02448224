//! Lines on their way in: cut out of what arrives, read, stored some at a time, counted.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::{Error, Fate, Importer, Incoming, InvalidLine};

/// Lines stored in one transaction,
const AT_ONCE: usize = 32;

/// and bytes of text from which on it is enough: they are embedded as one call, which
/// is let into the queue of the model whole.
const ENOUGH_BYTES: usize = 64 * 1024;

/// The longest line, in bytes. A text of 64 KiB is less, however it is escaped.
const LONGEST: usize = 1024 * 1024;

/// Lines that a report names of each kind; it counts all.
const NAMED: usize = 1_000;

/// What became of the lines of an import.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// How many are memories now.
    pub imported: usize,
    /// Those that were here already.
    pub duplicates: ImportedLines,
    /// Those whose memories are here with other content, which stays.
    pub differing: ImportedLines,
    /// How many are no memories.
    pub refused: usize,
    /// Why the first of these are none.
    pub errors: Vec<LineError>,
}

/// Some lines: all counted, the first ones named.
#[derive(Debug, Default, Serialize)]
pub struct ImportedLines {
    /// How many there are.
    pub count: usize,
    /// The numbers of the first ones; the first line is 1.
    pub lines: Vec<usize>,
}

/// Why a line is no memory.
#[derive(Debug, Serialize)]
pub struct LineError {
    /// Its number; the first line is 1.
    pub line: usize,
    /// The field that is wrong; none when it is the line as a whole.
    pub field: Option<&'static str>,
    /// What is wrong with it.
    pub reason: String,
}

impl ImportedLines {
    fn add(&mut self, line: usize) {
        self.count += 1;
        if self.lines.len() < NAMED {
            self.lines.push(line);
        }
    }
}

/// A line, or why there is none.
type Line = Result<Zeroizing<Vec<u8>>, InvalidLine>;

/// Cuts lines out of bytes that arrive in pieces. Of a line it keeps at most 1 MiB.
#[derive(Default)]
pub struct Lines {
    line: Zeroizing<Vec<u8>>,
    too_long: bool,
}

impl Lines {
    /// Takes the next bytes up to the end of a line, if there is one in them:
    /// returns it with the bytes behind it.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Option<(Line, &'a [u8])> {
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            Some((self.take(), &bytes[end + 1..]))
        } else {
            self.keep(bytes);
            None
        }
    }

    /// Returns the last line, which nothing ended.
    pub fn last(mut self) -> Line {
        self.take()
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.too_long |= self.line.len() + bytes.len() > LONGEST;
        if self.too_long {
            self.line = Zeroizing::default();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    fn take(&mut self) -> Line {
        let Self { line, too_long } = std::mem::take(self);
        if too_long {
            Err(InvalidLine::whole("is longer than 1 MiB"))
        } else {
            Ok(line)
        }
    }
}

/// An import that is given line after line. It holds a few of them at a time.
pub struct Intake<'a, Say> {
    importer: Importer<'a>,
    number: usize,
    numbers: Vec<usize>,
    memories: Vec<Incoming>,
    report: ImportReport,
    say: Say,
}

impl<'a, Say: FnMut(usize, &str)> Intake<'a, Say> {
    /// Begins. `say` is told of each line that is refused or differs: its number,
    /// and a sentence that quotes nothing of it.
    pub fn new(importer: Importer<'a>, say: Say) -> Self {
        Self {
            importer,
            number: 0,
            numbers: Vec::new(),
            memories: Vec::new(),
            report: ImportReport::default(),
            say,
        }
    }

    /// Takes the next line, and stores when there are enough. On an error what was
    /// stored before stays.
    pub async fn line(&mut self, line: Line) -> Result<(), Error> {
        if self.hold(line) {
            self.store().await?;
        }
        Ok(())
    }

    /// Takes the next line; a blank one counts as a line and says nothing. Tells
    /// whether it is time to [store](Self::store).
    pub fn hold(&mut self, line: Line) -> bool {
        self.number += 1;
        let now = self.importer.now();
        match line.and_then(|line| Incoming::parse(&line, now)) {
            Ok(None) => {}
            Ok(Some(memory)) => {
                self.numbers.push(self.number);
                self.memories.push(memory);
            }
            Err(why) => self.refuse(why),
        }
        let bytes = |memory: &Incoming| memory.text.expose().len();
        self.memories.len() >= AT_ONCE
            || self.memories.iter().map(bytes).sum::<usize>() >= ENOUGH_BYTES
    }

    /// Tells whether storing what it holds would change anything.
    pub fn holds_new(&self) -> bool {
        self.memories.iter().any(|line| self.importer.is_new(line))
    }

    /// Stores what is left, and tells what became of all lines.
    pub async fn end(mut self) -> Result<ImportReport, Error> {
        self.store().await?;
        Ok(self.report)
    }

    /// Stores what it holds, in one transaction. On an error what was stored before
    /// stays.
    pub async fn store(&mut self) -> Result<(), Error> {
        let fates = self.importer.take(&self.memories).await?;
        self.memories.clear();
        for (line, fate) in self.numbers.drain(..).zip(fates) {
            match fate {
                Fate::Stored => self.report.imported += 1,
                Fate::Known => self.report.duplicates.add(line),
                Fate::Differs => {
                    self.report.differing.add(line);
                    (self.say)(line, "is here with other content, which stays");
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, why: InvalidLine) {
        (self.say)(self.number, &why.to_string());
        self.report.refused += 1;
        if self.report.errors.len() < NAMED {
            self.report.errors.push(LineError {
                line: self.number,
                field: why.field,
                reason: why.reason,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use picard_testkit::TestDatabase;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        ImportMode,
        scene::{open, writer},
    };

    fn cut(pieces: &[&[u8]]) -> Vec<Result<Vec<u8>, InvalidLine>> {
        let (mut lines, mut cut) = (Lines::default(), Vec::new());
        for piece in pieces {
            let mut rest = *piece;
            while let Some((line, behind)) = lines.next(rest) {
                cut.push(line.map(|line| line.to_vec()));
                rest = behind;
            }
        }
        cut.push(lines.last().map(|line| line.to_vec()));
        cut
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        let long = vec![b'x'; LONGEST];
        let pieces: [&[u8]; 5] = [b"one\n", &long, b"x", b"y\nthr", b"ee"];
        let too_long = Err(InvalidLine::whole("is longer than 1 MiB"));
        let expected = [Ok(b"one".to_vec()), too_long, Ok(b"three".to_vec())];
        assert_eq!(cut(&pieces), expected);
        assert_eq!(cut(&[&long, b"\n"]), [Ok(long.clone()), Ok(Vec::new())]);
    }

    #[tokio::test]
    async fn what_is_stored_at_once_is_bounded_by_lines_and_by_bytes() {
        let database = TestDatabase::sqlite();
        let app = open(&database).await;
        let caller = writer(&app).await;
        for (bytes, enough) in [(1, 32), (1024, 32), (40_000, 2), (64 * 1024, 1)] {
            let importer = app.importer(&caller, ImportMode::Store).await;
            let mut intake = Intake::new(importer.expect("it begins"), |_, _: &str| ());
            let line = json!({ "text": "x".repeat(bytes) })
                .to_string()
                .into_bytes();
            let held = (1..99).find(|_| intake.hold(Ok(line.clone().into())));
            assert_eq!(held, Some(enough), "of {bytes} bytes");
        }
    }

    proptest! {
        #[test]
        fn where_the_pieces_end_changes_nothing(text in "[a\n]{0,40}", at in 0_usize..41) {
            let whole = text.as_bytes();
            let (front, back) = whole.split_at(at.min(whole.len()));
            let expected: Vec<_> = text.split('\n').map(|line| Ok(line.as_bytes().to_vec())).collect();
            prop_assert_eq!(cut(&[whole]), expected.clone());
            prop_assert_eq!(cut(&[front, back]), expected);
        }
    }
}
