//! The allocator of the program: mimalloc, set to give memory back soon.
//!
//! It keeps freed memory for a second by default, and gives back what is due only when it is
//! called again: after a burst, an engine at rest would hold tens of megabytes that nothing
//! is in. And huge pages (the feature `no_thp` forbids them) round each thread's heaps up to
//! two megabytes a piece.

#![allow(unsafe_code, reason = "mimalloc's options are set by calls into C")]

pub use mimalloc::MiMalloc as Allocator;

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};

/// The option of mimalloc 3 for how many milliseconds freed memory is kept, and its default.
/// [mimalloc.h](https://github.com/microsoft/mimalloc/blob/main/include/mimalloc.h)
const PURGE_DELAY: mi_option_t = 15;
const PURGE_DELAY_DEFAULT: std::ffi::c_long = 1_000;
/// Memory a loop uses again and again is needed again sooner.
const PURGE_DELAY_MILLIS: std::ffi::c_long = 10;

/// Has freed memory given back after 10 ms. Whoever set `MIMALLOC_PURGE_DELAY` in the
/// environment is obeyed. Says how long it is kept, in milliseconds.
#[expect(clippy::must_use_candidate, reason = "the number is for tests")]
pub fn give_back_soon() -> i64 {
    // SAFETY: both calls read and write a number in a table of mimalloc's own; any value and
    // any time will do.
    unsafe {
        if mi_option_get(PURGE_DELAY) == PURGE_DELAY_DEFAULT {
            mi_option_set(PURGE_DELAY, PURGE_DELAY_MILLIS);
        }
        mi_option_get(PURGE_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::{PURGE_DELAY_MILLIS, give_back_soon};

    /// Fails if another version numbers its options otherwise.
    #[test]
    fn the_option_is_the_one_we_mean() {
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
            assert_eq!(give_back_soon(), PURGE_DELAY_MILLIS);
        }
    }
}
