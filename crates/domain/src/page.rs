//! How many things one answer holds.

/// A number of results from 1 to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize<const MAX: usize>(usize);

impl<const MAX: usize> PageSize<MAX> {
    /// Checks a number that was asked for; `None` when it is out of range.
    pub const fn new(n: usize) -> Option<Self> {
        if n >= 1 && n <= MAX {
            Some(Self(n))
        } else {
            None
        }
    }

    /// Returns the number.
    pub const fn get(self) -> usize {
        self.0
    }
}
