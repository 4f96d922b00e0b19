use super::{BadPolicy, STS_AGE_MAX, STS_AGE_MIN, STS_PATTERNS_MAX, StsMode, StsPolicy, StsRecord};
use std::fmt::Write as _;

/// Lines of a policy, with `|` between, `+` for a tab and `^` for a carriage return; and what we
/// make of it.
const POLICIES: &str = include_str!("tests/policies.txt");
/// TXT records, with ` & ` between; and the id we find.
const RECORDS: &str = include_str!("tests/records.txt");
/// Pattern, host, and whether the pattern names it.
const NAMES: &str = include_str!("tests/names.txt");

fn cases(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(" -> ").expect("a case and what is expected"))
}

fn policy(lines: &str) -> String {
    let text = lines.replace('|', "\n").replace('+', "\t").replace('^', "\r");
    match StsPolicy::parse("1", text.as_bytes()) {
        Err(bad) => bad.to_string(),
        Ok(policy) => {
            let mut shown = format!("{} {}", policy.mode.name(), policy.age_max.as_secs());
            for pattern in policy.patterns() {
                write!(shown, " {pattern}").unwrap();
            }
            shown
        }
    }
}

#[test]
fn policies_are_taken_to_the_letter() {
    for (lines, expected) in cases(POLICIES) {
        assert_eq!(policy(lines), expected, "{lines}");
    }
}

#[test]
fn records_are_found() {
    for (records, expected) in cases(RECORDS) {
        let records = records.replace('+', "\t");
        let found = StsRecord::find(records.split(" & "));
        assert_eq!(found.as_ref().map_or("none", |record| &*record.id), expected, "{records}");
    }
}

#[test]
fn a_star_stands_for_the_first_label_and_for_all_of_it() {
    for (case, expected) in cases(NAMES) {
        let (pattern, host) = case.split_once(' ').unwrap();
        let text = format!("version: STSv1\nmode: enforce\nmx: {pattern}\nmax_age: 86400");
        let policy = StsPolicy::parse("1", text.as_bytes()).unwrap();
        assert_eq!(policy.names(host).to_string(), expected, "{case}");
    }
}

#[test]
fn what_is_read_of_a_policy_is_bounded() {
    let mut text = "version: STSv1\nmode: testing\nmax_age: 9999999999\n".to_owned();
    for number in 0..STS_PATTERNS_MAX {
        writeln!(text, "mx: mx{number}.example.com").unwrap();
    }
    let policy = StsPolicy::parse("1", text.as_bytes()).unwrap();
    assert_eq!((policy.mode, policy.age_max), (StsMode::Testing, STS_AGE_MAX));
    assert_eq!(policy.patterns().len(), STS_PATTERNS_MAX);
    text.push_str("mx: one.more\n");
    assert_eq!(StsPolicy::parse("1", text.as_bytes()), Err(BadPolicy::Hosts));
    let short = StsPolicy::parse("1", b"version: STSv1\nmode: none\nmax_age: 0").unwrap();
    assert_eq!(short.age_max, STS_AGE_MIN);
    assert_eq!(StsPolicy::parse("1", b"version: STSv1\xFF"), Err(BadPolicy::NoText));
}
