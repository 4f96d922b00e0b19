use super::{Goal, Report, Table, percentile};

fn table() -> Table {
    let mut table = Table::new("disk", &["commits/s", "p99 ms"]);
    for (slow, fast) in [(100.0, 300.0), (200.0, 400.0), (150.0, 450.0)] {
        table.add("slow", &[slow, 2.0]);
        table.add("fast", &[fast, 1.0]);
    }
    table
}

#[test]
fn ratios_are_taken_round_by_round() {
    assert_eq!(table().ratios("commits/s", "fast", "slow"), [3.0, 2.0, 3.0]);
    assert_eq!(table().ratios("commits/s", "fast", "none"), [0.0; 0]);
    assert_eq!(table().best("commits/s"), Some("fast"));
    assert_eq!(table().best("p99 ms"), Some("slow"));
}

#[test]
fn a_figure_says_whether_it_reaches_its_goal() {
    let mut report = Report { tables: vec![table()], ..Report::default() };
    report.figure("over", vec![0.5, 0.7, 0.9], Goal::AtLeast(0.6));
    report.figure("under", vec![1.4], Goal::AtMost(1.3));
    report.figure("nothing", vec![], Goal::AtMost(1.3));
    report.figure("known", vec![7.0], None);
    let text = report.text();
    let verdicts = |word| text.lines().filter(|line| line.ends_with(word)).count();
    assert_eq!((verdicts("holds"), verdicts("MISSED")), (1, 1), "{text}");
    assert!(text.contains("150 (100 - 200)"), "{text}");
    let json = report.json();
    assert_eq!(json["figures"][0]["holds"], true);
    assert_eq!(json["figures"][1]["holds"], false);
    assert!(json["figures"][2]["holds"].is_null(), "what was not measured holds nothing");
    assert_eq!(json["tables"][0]["rows"]["fast"]["p99 ms"]["spread"]["median"], 1.0);
}

#[test]
fn a_percentile_is_one_of_the_numbers() {
    let numbers: Vec<u64> = (1..=100).collect();
    assert_eq!((percentile(&numbers, 50), percentile(&numbers, 99)), (50.0, 99.0));
    assert_eq!(vec![percentile(&[7], 99)], [7.0]);
    assert!(percentile(&[], 50).is_nan());
}
