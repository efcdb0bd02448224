//! A table of attacks: every row is tried, the whole table is printed, and all
//! failures are told together. Used by every test of a row of the standards.

use std::{fmt::Write as _, thread};

/// What is required of the rows of one test, and what came.
///
/// A row's id begins with the name that the row has in the standard (`A5`, `R19`);
/// words behind it name a neighbour (`A5 password`, `R19 gzip bomb`).
#[derive(Debug)]
#[must_use = "a table that nobody asserts tests nothing"]
pub struct Table {
    title: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    id: String,
    asked: String,
    required: String,
    got: String,
}

impl Row {
    fn holds(&self) -> bool {
        self.required == self.got
    }

    fn verdict(&self) -> &'static str {
        if self.holds() { "ok" } else { "WRONG" }
    }
}

/// The longest text of a column; what is longer is cut, not wrapped.
const WIDEST: usize = 60;

impl Table {
    /// Begins a table.
    pub const fn new(title: &'static str) -> Self {
        let rows = Vec::new();
        Self { title, rows }
    }

    /// Notes one row: its id, what was asked, what was required, and what came.
    pub fn row(
        &mut self,
        id: impl Into<String>,
        asked: impl Into<String>,
        required: impl Into<String>,
        got: impl Into<String>,
    ) {
        self.rows.push(Row {
            id: id.into(),
            asked: asked.into(),
            required: required.into(),
            got: got.into(),
        });
    }

    /// Notes a row that either holds or does not; `rule` says what has to.
    pub fn holds(
        &mut self,
        id: impl Into<String>,
        asked: impl Into<String>,
        rule: &str,
        held: bool,
    ) {
        let got = if held { rule } else { "it did not" };
        self.row(id, asked, rule, got);
    }

    /// Ends the table.
    ///
    /// # Panics
    /// When a row went wrong, with the ids and details of all of them, and when
    /// there is no row or one id stands for two.
    pub fn assert(self) {
        assert!(!self.rows.is_empty(), "{}: no row was tried", self.title);
        let mut ids: Vec<_> = self.rows.iter().map(|row| &row.id).collect();
        ids.sort_unstable();
        let twice: Vec<_> = ids.windows(2).filter(|two| two[0] == two[1]).collect();
        assert!(
            twice.is_empty(),
            "{}: ids that repeat: {twice:?}",
            self.title
        );
        let wrong: Vec<_> = self.rows.iter().filter(|row| !row.holds()).collect();
        let details = wrong.iter().fold(String::new(), |mut text, row| {
            let Row {
                id,
                asked,
                required,
                got,
            } = row;
            write!(
                text,
                "\n{id}: asked {asked}\n  required {required}\n  got {got}"
            )
            .expect("writing to a String does not fail");
            text
        });
        assert!(wrong.is_empty(), "{}:{details}", self.title);
    }

    fn print(&self) -> String {
        let head = ["id", "request", "expected", "got"].map(str::to_owned);
        let lines: Vec<[String; 4]> = std::iter::once(head)
            .chain(self.rows.iter().map(|row| {
                [&row.id, &row.asked, &row.required, &row.got].map(|text| shortened(text))
            }))
            .collect();
        let wide: [usize; 4] = std::array::from_fn(|column| {
            let widths = lines.iter().map(|line| line[column].chars().count());
            widths.max().unwrap_or_default()
        });
        let verdicts = std::iter::once("").chain(self.rows.iter().map(Row::verdict));
        let mut text = format!("\n{}\n", self.title);
        for ([id, asked, required, got], verdict) in lines.iter().zip(verdicts) {
            let [a, b, c, d] = wide;
            writeln!(
                text,
                "{id:a$}  {asked:b$}  {required:c$}  {got:d$}  {verdict}"
            )
            .expect("writing to a String does not fail");
        }
        text
    }
}

impl Drop for Table {
    /// Prints the table, also when a test failed in the middle of it.
    #[expect(clippy::print_stdout, reason = "the table is what a person reads")]
    fn drop(&mut self) {
        if !self.rows.is_empty() || thread::panicking() {
            // In one piece, so that tables of tests that run at once do not mix.
            print!("{}", self.print());
        }
    }
}

fn shortened(text: &str) -> String {
    let plain: Vec<char> = text.chars().flat_map(char::escape_debug).collect();
    if plain.len() <= WIDEST {
        return plain.into_iter().collect();
    }
    plain.into_iter().take(WIDEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_aligned_and_a_long_text_is_cut() {
        let mut table = Table::new("A title");
        table.row("A1", "x".repeat(100), "page 400", "page 400");
        table.holds("A2 longer", "y", "is so", false);
        let text = table.print();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert!(
            lines[1].starts_with("A1         x") && lines[1].ends_with("ok"),
            "{text}"
        );
        assert!(lines[1].contains("x…  page 400  page 400"), "{text}");
        assert!(lines[2].ends_with("it did not  WRONG"), "{text}");
    }

    #[test]
    #[should_panic(expected = "A3: asked z\n  required 400\n  got 200")]
    fn a_wrong_row_fails_the_table_and_says_how() {
        let mut table = Table::new("A title");
        table.row("A1", "y", "400", "400");
        table.row("A3", "z", "400", "200");
        table.assert();
    }

    #[test]
    #[should_panic(expected = "ids that repeat")]
    fn an_id_stands_for_one_row() {
        let mut table = Table::new("A title");
        table.row("A1", "y", "400", "400");
        table.row("A1", "z", "400", "400");
        table.assert();
    }
}
