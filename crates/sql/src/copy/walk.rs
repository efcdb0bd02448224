//! All rows of a table, one after the other in the order of the key, read page
//! by page behind the last one.

use std::collections::VecDeque;

use super::{
    cell::Line,
    plan::Table,
    side::{PAGE, Side},
};
use crate::{Error, Tx};

pub(super) struct Walk<'a> {
    side: &'a Side,
    key: usize,
    page: VecDeque<Line>,
    last: Option<Line>,
    ended: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(table: &Table, side: &'a Side) -> Self {
        Self {
            side,
            key: table.key,
            page: VecDeque::new(),
            last: None,
            ended: false,
        }
    }

    /// Returns the next row without going on to it.
    pub(super) async fn peek(&mut self, tx: &mut Tx) -> Result<Option<&Line>, Error> {
        if self.page.is_empty() && !self.ended {
            let page = self.side.page(tx, self.last.as_ref()).await?;
            self.ended = page.len() < PAGE;
            self.last = page.last().map(|row| row[..self.key].to_vec());
            self.page = page.into();
        }
        Ok(self.page.front())
    }

    pub(super) async fn next(&mut self, tx: &mut Tx) -> Result<Option<Line>, Error> {
        self.peek(tx).await?;
        Ok(self.page.pop_front())
    }

    /// Goes on to the first row that is not before this one, and past it if it has
    /// the same key. Returns that one.
    pub(super) async fn meet(&mut self, tx: &mut Tx, row: &Line) -> Result<Option<Line>, Error> {
        let key = self.key;
        loop {
            let Some(found) = self.peek(tx).await? else {
                return Ok(None);
            };
            let order = found[..key].cmp(&row[..key]);
            if order.is_gt() {
                return Ok(None);
            }
            let found = self.page.pop_front();
            if order.is_eq() {
                return Ok(found);
            }
        }
    }
}
