use super::{Tally, Times};
use std::time::Duration;

#[test]
fn times_are_right_to_one_in_a_hundred() {
    let mut times = Times::default();
    (1..=1_000).for_each(|millis| times.record(f64::from(millis) * 10.0));
    for (percent, millis) in [(50, 5_000_u64), (99, 9_900), (100, 10_000)] {
        let told = times.percentile(percent).unwrap();
        let off = told.abs_diff(Duration::from_millis(millis));
        assert!(off <= Duration::from_millis(millis) / 100, "{percent}: {told:?}");
    }
    assert_eq!(Times::default().percentile(50), None);
}

#[test]
fn what_is_added_up_is_the_sum() {
    let mut one = Tally { messages: 3, delivered: 1, connections: Some(2), ..Tally::default() };
    one.times.record(10.0);
    one.held.insert("resting", 5);
    one.deferred.insert("other".to_owned(), 4);
    let mut sum = Tally::default();
    sum.add(&one);
    sum.add(&one);
    assert_eq!((sum.messages, sum.delivered, sum.connections), (6, 2, Some(4)));
    assert_eq!((sum.deferrals(), sum.held["resting"], sum.open()), (8, 10, 4));
    assert_eq!(sum.times.percentile(50), one.times.percentile(50));
}
