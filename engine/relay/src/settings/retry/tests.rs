use crate::settings::{Host, Loaded, parse};
use policy::{Own, Waits};
use std::time::Duration;

fn parsed(text: &str) -> Result<Loaded, String> {
    let host = Host { cores: 1, name: "relay.test".to_owned() };
    parse("ringpost.toml", text, &host).map_err(|faults| faults.to_string())
}

fn site(retry: &str) -> String {
    format!("[[site]]\nname = \"a\"\nmx = [\"mx.a.test\"]\n{retry}\n")
}

#[test]
fn waits_are_a_list_or_grow() {
    let minutes = Duration::from_mins;
    let listed = Waits::Listed([minutes(5), minutes(90)].into());
    let growing = Waits::Growing { first: minutes(1), factor_percent: 150, longest: minutes(60) };
    for (written, waits, shown) in [
        ("[\"5m\", \"1h30m\"]", listed, "[\"5m\", \"1h30m\"]"),
        (
            "{ longest = \"60m\", first = \"1m\", factor = 1.5 }",
            growing,
            "{ first = \"1m\", factor = 1.5, longest = \"1h\" }",
        ),
    ] {
        let loaded = parsed(&site(&format!("retry = {written}"))).unwrap();
        assert_eq!(loaded.settings.sites[0].retry, Own { waits: Some(waits), expire: None });
        let entry = loaded.entries.iter().find(|entry| entry.name == "retry").unwrap();
        assert_eq!(entry.value.as_deref(), Some(shown));
        assert!(parsed(&site(&format!("retry = {shown}"))).is_ok(), "it can be read back");
    }
}

#[test]
fn a_class_has_waits_and_an_end_of_its_own() {
    let text = "[retry]\ntransactional = [\"1m\"]\ntransactional_expire = \"15m\"\n";
    let retry = parsed(text).unwrap().settings.retry;
    let (waits, expire) = (Waits::Listed([Duration::from_mins(1)].into()), Duration::from_mins(15));
    assert_eq!(retry.transactional, Own { waits: Some(waits), expire: Some(expire) });
    assert_eq!(retry.bulk, Own::default());
}

#[test]
fn what_no_schedule_can_be_is_refused_with_its_line() {
    let longer = format!("[{}]", vec!["\"1m\""; policy::WAITS_MAX + 1].join(", "));
    for (retry, fault) in [
        ("retry = []", "`retry` cannot be []"),
        ("retry = [\"50ms\"]", "from \"100ms\" to \"7d\""),
        ("retry = [\"8d\"]", "`retry` cannot be [\"8d\"]"),
        ("retry = [5]", "`retry` cannot be 5"),
        (&format!("retry = {longer}"), "1 to 64 times"),
        ("retry = { first = \"1m\" }", "`retry` cannot be { first"),
        ("retry = { first = \"1h\", factor = 2, longest = \"1m\" }", "no shorter than the first"),
        ("retry = { first = \"1m\", factor = 11, longest = \"1h\" }", "`retry` cannot be"),
        ("retry = { first = \"1m\", factor = 2, last = \"1h\" }", "`retry` cannot be"),
        ("expire = \"31d\"", "`expire` cannot be \"31d\""),
    ] {
        let told = parsed(&site(retry)).expect_err(retry);
        assert!(told.starts_with("ringpost.toml:4: ") && told.contains(fault), "{retry}: {told}");
    }
}
