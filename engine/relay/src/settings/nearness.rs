//! "Did you mean": which of the known words a mistyped one is near to.

/// The word of `known` that `written` is most likely a slip for.
pub(super) fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', ' ', '.'], "_");
    let written = plain(written);
    let slips = |word: &&'k str| distance(&written, &plain(word));
    let tolerated =
        |word: &&'k str| slips(word) <= word.len().min(written.len()).div_ceil(3).min(2);
    known.iter().copied().filter(tolerated).min_by_key(slips)
}

/// Letters to change, add, drop or swap with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut before = vec![0; right.len() + 1];
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && (*a, left[i - 1]) == (right[j - 1], *b) {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let known = ["address", "relay_from", "page-cache", "sync", "to"];
        for (written, meant) in [
            ("adress", Some("address")),
            ("addres", Some("address")),
            ("adrdess", Some("address")),
            ("relay-from", Some("relay_from")),
            ("page_cache", Some("page-cache")),
            ("Sync", Some("sync")),
            ("synk", Some("sync")),
            ("ot", Some("to")),
            ("tls", None),
            ("banner", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, &known), meant, "{written}");
        }
    }
}
