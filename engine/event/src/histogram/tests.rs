use super::Histogram;
use std::time::Duration;

#[test]
fn each_duration_falls_into_the_bucket_that_covers_it() {
    for (bucket, bound) in Histogram::BOUNDS.into_iter().enumerate() {
        let histogram = Histogram::default();
        histogram.record(bound);
        histogram.record(bound + Duration::from_nanos(1));
        let reading = histogram.read();
        let filled: Vec<_> =
            (0..reading.buckets.len()).filter(|b| reading.buckets[*b] == 1).collect();
        assert_eq!(filled, [bucket, bucket + 1], "{bound:?}");
    }
    assert!(Histogram::BOUNDS.is_sorted());
}

#[test]
fn quantiles_are_bounds() {
    let histogram = Histogram::default();
    assert_eq!(histogram.read().quantile(0.5), Duration::ZERO);
    for millis in 1..=100 {
        histogram.record(Duration::from_millis(millis));
    }
    let reading = histogram.read();
    assert_eq!((reading.count(), reading.sum), (100, Duration::from_millis(5_050)));
    for (share, wanted) in [(0.0, 1), (0.01, 1), (0.5, 50), (0.51, 100), (1.0, 100)] {
        assert_eq!(reading.quantile(share), Duration::from_millis(wanted), "{share}");
    }
    histogram.record(Duration::from_hours(1));
    assert_eq!(histogram.read().quantile(1.0), Duration::from_secs(30), "the last bound");
}
