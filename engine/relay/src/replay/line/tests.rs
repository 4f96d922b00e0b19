use super::Event;

#[test]
fn every_line_that_the_engine_writes_is_read() {
    let lines = include_str!("../../../../event/src/happening/lines.jsonl");
    let (mut attempts, mut dials, mut gates) = (0, 0, 0);
    for line in lines.lines().filter(|line| !line.is_empty()) {
        match Event::parse(line.as_bytes()).unwrap_or_else(|wrong| panic!("{wrong}: {line}")) {
            Event::Attempt(_) => attempts += 1,
            Event::DialFailed(_) => dials += 1,
            Event::Gate(_) => gates += 1,
            Event::Other => (),
        }
    }
    assert!(attempts > 0 && dials > 0 && gates > 0, "{attempts} {dials} {gates}");
}

#[test]
fn what_is_none_is_told_with_what_was_expected() {
    let cases: [(&[u8], &str); 5] = [
        (b"hello", "expected an event of the delivery log"),
        (b"{\"at\":1}", "missing field `event`"),
        (b"{\"event\":\"accepted\"}", "missing field `at`"),
        (b"{\"event\":\"attempt\",\"at\":1}", "expected an attempt of the delivery log"),
        (b"{\"event\":\"gate\",\"at\":1,\"site\":7}", "expected a step of a gate"),
    ];
    for (line, word) in cases {
        let wrong = Event::parse(line).map(drop).unwrap_err();
        assert!(wrong.contains(word), "{wrong}");
        assert!(wrong.contains("\"event\" and \"at\" first"), "{wrong}");
    }
    assert!(matches!(
        Event::parse(b"{\"event\":\"of_tomorrow\",\"at\":1,\"x\":{}}"),
        Ok(Event::Other)
    ));
}
