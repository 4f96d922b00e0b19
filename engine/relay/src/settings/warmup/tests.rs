use crate::settings::{Host, Loaded, parse, show};

const POOL: &str = "[[pool]]\nname = \"new\"\n[[pool.source]]\naddress = \"192.0.2.1\"\n\
                    [[pool.source]]\naddress = \"192.0.2.2\"\n";

fn read(text: &str) -> Result<Loaded, String> {
    let host = Host { cores: 1, name: "relay.test".to_owned() };
    parse("ringpost.toml", &format!("{POOL}{text}"), &host).map_err(|faults| faults.to_string())
}

#[test]
fn a_plan_is_read_and_shown_as_it_was_written() {
    let text = "[[warmup]]\nsources = [\"192.0.2.1\", \"192.0.2.2\"]\nsite = \"google\"\n\
                started = \"2026-11-28\"\nper_day = [50, 0, 100]\n\
                [[warmup]]\nsources = [\"192.0.2.1\"]\nstarted = \"2026-11-30\"\nper_day = []\n";
    let loaded = read(text).unwrap();
    let [google, all] = &loaded.settings.warmups[..] else {
        panic!("{:?}", loaded.settings.warmups)
    };
    assert_eq!((google.sources.len(), google.site.as_deref()), (2, Some("google")));
    assert_eq!(
        (&google.plan.per_day[..], google.plan.zone.iana_name()),
        (&[50, 0, 100][..], Some("UTC"))
    );
    assert_eq!((all.site.as_ref(), all.plan.started.to_string().as_str()), (None, "2026-11-30"));
    let shown = show(&loaded.entries, "ringpost.toml");
    let host = Host { cores: 1, name: "relay.test".to_owned() };
    assert_eq!(parse("shown.toml", &shown, &host).unwrap().settings, loaded.settings, "{shown}");
}

#[test]
fn what_cannot_be_is_refused_with_its_line() {
    let with = |sources: &str, more: &str| {
        format!(
            "[[warmup]]\nsources = [{sources}]\nstarted = \"2026-11-28\"\nper_day = [1]\n{more}"
        )
    };
    let one = "\"192.0.2.1\"";
    for (text, said) in [
        (with("", ""), ":8: `sources` is empty"),
        (with("\"192.0.2.9\"", ""), ":8: no [[pool.source]] has the address 192.0.2.9"),
        (with(one, "site = \"gogle\"\n"), ":11: no [[site]] is called \"gogle\""),
        (with(one, "zone = \"Europe/Pariss\"\n"), ":11: `zone` cannot be \"Europe/Pariss\""),
        (with(one, &with(one, "")), ":12: 192.0.2.1 has another plan for the same already"),
        (with(one, "").replace("11-28", "11-31"), ":9: `started` cannot be \"2026-11-31\""),
        (with(one, "").replace("[1]", "[1000000001]"), ":10: `per_day` cannot have 1000000001"),
        (with(one, "").replace("per_day = [1]\n", ""), ": [[warmup]] has no `per_day`"),
    ] {
        let faults = read(&text).unwrap_err();
        assert!(faults.contains(said), "{said} is not in\n{faults}");
    }
}

#[test]
fn a_zone_of_the_system_is_known_by_its_name() {
    let text = "[[warmup]]\nsources = [\"192.0.2.1\"]\nstarted = \"2026-11-28\"\nper_day = [1]\n\
                zone = \"Europe/Paris\"\n";
    let loaded = read(text).unwrap();
    let zone = &loaded.settings.warmups[0].plan.zone;
    assert_eq!(zone.iana_name(), Some("Europe/Paris"));
    assert!(show(&loaded.entries, "ringpost.toml").contains("zone = \"Europe/Paris\""));
}
