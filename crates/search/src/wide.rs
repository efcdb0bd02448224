//! Loops over very many numbers, by the widest instructions that the processor has.
//!
//! A program is compiled for what every processor of its kind can do. Here a loop is
//! compiled several times, and at run time the best of them is taken. The results are
//! the same to the last bit: only more of them are computed at once.

use rten_simd::{Isa, SimdOp};

/// So many numbers are best looked at side by side.
pub(crate) const LANES: usize = 16;

struct Wide<F>(F);

impl<T, F: FnOnce() -> T> SimdOp for Wide<F> {
    type Output = T;

    #[expect(
        clippy::inline_always,
        reason = "what is not inlined is not compiled for those instructions"
    )]
    #[inline(always)]
    fn eval<I: Isa>(self, _: I) -> T {
        (self.0)()
    }
}

/// Runs a loop. It is compiled anew as far as it is inlined here, so the closure is to be
/// `#[inline(always)]`, and what it calls small or inlined as well.
pub(crate) fn wide<T>(work: impl FnOnce() -> T) -> T {
    Wide(work).dispatch()
}
