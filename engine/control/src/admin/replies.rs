//! What hosts said that no rule knows: the rules that are wanted next.

use policy::replies::{UNKNOWN_MAX, Unknown};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// The page: how often, whose host, and what it said, the most frequent first.
pub(super) fn page(unknown: &Arc<Mutex<Unknown>>) -> String {
    let unknown = unknown.lock().unwrap_or_else(PoisonError::into_inner);
    let mut page = format!(
        "# Refusals in words that no reply rule knows, since the start; numbers and names in them \
         are written as #.\n# The {UNKNOWN_MAX} most frequent, each at most so often as is said: \
         provider, codes, words.\n"
    );
    for (saying, count) in unknown.rows() {
        // Writing to a String does not fail.
        let _ = writeln!(page, "{count:>10}  {saying}");
    }
    page
}
