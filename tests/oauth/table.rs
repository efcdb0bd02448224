//! A table of attacks: each row is tried, all failures are told together.

/// The rows that did not go as required, with the id of each.
#[derive(Default)]
pub(crate) struct Table {
    tried: usize,
    wrong: Vec<String>,
}

impl Table {
    /// Notes one row: what was required, and what came.
    #[expect(clippy::print_stdout, reason = "the table is what a person reads")]
    pub(crate) fn row(&mut self, id: &str, required: &str, got: &str) {
        self.tried += 1;
        let verdict = if required == got { "ok" } else { "WRONG" };
        println!("{id:8} required {required:45} got {got:45} {verdict}");
        if required != got {
            self.wrong
                .push(format!("{id}: required {required}, got {got}"));
        }
    }

    /// Fails when any row went wrong.
    pub(crate) fn assert(self, rows: usize) {
        assert_eq!(self.tried, rows, "rows were lost");
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}
