use super::engine::{cpu_of, peak_of};
use super::scrape::Figures;
use super::screen::grouped;
use std::time::Duration;

#[test]
fn figures_are_summed_over_shards_and_families_are_not_mixed_up() {
    let text = "# TYPE ringpost_delivered counter\n\
                ringpost_queued_recipients{shard=\"0\"} 3\n\
                ringpost_queued_recipients{shard=\"1\"} 4\n\
                ringpost_delivered_total{shard=\"0\"} 5\n\
                ringpost_site_delivered_total{site=\"a\"} 90\n\
                ringpost_failed_total{shard=\"0\"} 1\n\
                ringpost_expired_total{shard=\"1\"} 2\n\
                ringpost_sync_seconds_sum{shard=\"0\"} 0.5\n\
                # EOF\n";
    let figures = Figures::read(text);
    assert_eq!((figures.queued, figures.delivered, figures.settled()), (7, 5, 8));
}

#[test]
fn the_cost_of_a_process_is_read_whatever_it_is_called() {
    let stat = "12 (a) b (c) R 1 12 12 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1 2";
    assert_eq!(cpu_of(stat), Some(Duration::from_secs(3)));
    assert_eq!(cpu_of("12 (a"), None);
    assert_eq!(peak_of("VmPeak:\t 9 kB\nVmHWM:\t   2048 kB\n"), Some(2_048 * 1_024));
    assert!(cpu_of(&std::fs::read_to_string("/proc/self/stat").unwrap()).is_some());
    assert!(peak_of(&std::fs::read_to_string("/proc/self/status").unwrap()).unwrap() > 1 << 20);
}

#[test]
fn numbers_are_grouped_by_thousands() {
    for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(grouped(number), text);
    }
}
