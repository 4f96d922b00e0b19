use super::{Bucket, Level};

const SECOND: u32 = 1_000;

/// What a provider with this bucket says to mail that comes then.
fn asked(bucket: Bucket, times: impl IntoIterator<Item = u32>) -> (Vec<u32>, Vec<u32>) {
    let mut level = Level::default();
    times.into_iter().partition(|at| bucket.takes(&mut level, *at))
}

#[test]
fn it_holds_its_size_and_flows_out_evenly() {
    let bucket = Bucket { rate: 0.001, size: 10.0, hold_millis: 0 };
    let (taken, refused) = asked(bucket, (0..30).map(|n| n * 100));
    // Ten at once, and one a second more.
    assert_eq!((taken.len(), refused.len()), (12, 18));
    let (taken, _) = asked(Bucket { hold_millis: 60 * SECOND, ..bucket }, (0..30).map(|n| n * 100));
    assert_eq!(taken.len(), 11, "having said no it goes on for a minute");
}

#[test]
fn a_limit_is_found_in_what_was_taken_and_refused() {
    // Twenty a second come for a minute, and three may.
    let hidden = Bucket { rate: 3.0 / 1_000.0, size: 30.0, hold_millis: 0 };
    let (taken, refused) = asked(hidden, (0..1_200).map(|n| n * 50));
    let found = Bucket::of(&taken, &refused).unwrap();
    assert!((found.rate / hidden.rate - 1.0).abs() < 0.2, "{found:?}");
    assert!((found.size / hidden.size - 1.0).abs() < 0.3, "{found:?}");
    // By what was found mail fares as it did.
    let (again, _) = asked(found, (0..1_200).map(|n| n * 50));
    assert!(
        again.len().abs_diff(taken.len()) * 20 < taken.len(),
        "{} {}",
        again.len(),
        taken.len()
    );
}

#[test]
fn who_stays_shut_although_there_is_room_is_seen_to() {
    let hidden = Bucket { rate: 0.01, size: 20.0, hold_millis: 30 * SECOND };
    let (taken, refused) = asked(hidden, (0..2_000).map(|n| n * 50));
    let found = Bucket::of(&taken, &refused).unwrap();
    assert!((20 * SECOND..=30 * SECOND).contains(&found.hold_millis), "{found:?}");
}

#[test]
fn what_is_not_for_the_load_is_no_limit() {
    let taken: Vec<u32> = (0..1_000).map(|n| n * SECOND).collect();
    // Every fiftieth, however much came before: greylisting, say.
    let refused: Vec<u32> = (0..20).map(|n| n * 50 * SECOND + 1 + n * n * 7 % 900).collect();
    assert_eq!(Bucket::of(&taken, &refused), None);
    assert_eq!(Bucket::of(&taken, &[5, 6, 1_500]), None, "so seldom it is chance");
    assert_eq!(Bucket::of(&[], &[5, 6, 7, 8]), None);
}
