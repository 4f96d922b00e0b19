use super::{NAMES, TEXT};
use crate::settings::{Host, Loaded, Origin, Site, parse, show};
use std::collections::BTreeSet;

fn loaded(text: &str) -> Loaded {
    parse("ringpost.toml", text, &Host { cores: 1, name: "relay.test".to_owned() }).unwrap()
}

fn site<'l>(loaded: &'l Loaded, name: &str) -> &'l Site {
    loaded.settings.sites.iter().find(|site| site.name == name).unwrap()
}

/// Its connections, in all and from one source, and messages over each.
fn limits(site: &Site) -> (u16, u16, u32) {
    let limits = &site.limits;
    (limits.connections_per_site, limits.connections_per_source, limits.messages_per_connection)
}

#[test]
fn every_profile_is_read_and_no_host_is_of_two() {
    let loaded = loaded("");
    let sites = &loaded.settings.sites;
    assert!(sites.len() >= 17 && sites.len() == NAMES.len());
    assert!(sites.iter().all(|site| site.is_shipped));
    let names: BTreeSet<_> = sites.iter().map(|site| &site.name).collect();
    assert_eq!(names.len(), sites.len());
    for (index, site) in sites.iter().enumerate() {
        for other in &sites[index + 1..] {
            let clash = |one: &String| {
                other.mx.iter().any(|two| super::covers(one, two) || super::covers(two, one))
            };
            assert!(!site.mx.iter().any(clash), "{} and {}", site.name, other.name);
        }
    }
    for (name, expected) in [
        ("google", (1_000, 5, 50)),
        ("outlook", (500, 5, 50)),
        ("comcast", (1_000, 25, 1_000)),
        ("mail-com", (10, 1_000, 100)),
    ] {
        assert_eq!(limits(site(&loaded, name)), expected, "{name}");
    }
}

#[test]
fn every_figure_has_its_source_and_date() {
    let figures = TEXT.lines().filter(|line| {
        let is_key = line.contains(" = ");
        is_key && !line.starts_with("name") && !line.starts_with("mx") && !line.starts_with('#')
    });
    let mut count = 0;
    for figure in figures {
        let (_, source) = figure.split_once('#').expect(figure);
        let words = ["published", "KumoMTA", "community", "secondary"];
        assert!(words.iter().any(|word| source.contains(word)), "{figure}");
        assert!(source.contains(", 20"), "{figure}");
        count += 1;
    }
    assert!(count >= 30, "{count}");
}

#[test]
fn a_site_of_the_operators_comes_first_key_by_key_and_delivery_last() {
    let text = "[delivery]\nconnections_per_site = 7\nmessages_per_connection = 9\nidle = \"1s\"\n\
                [[site]]\nname = \"ours\"\nmx = [\"mta5.am0.yahoodns.net\"]\nconnections_max = 2\n\
                [[site]]\nname = \"apple\"\nmx = [\"mx.else.test\"]\n";
    let loaded = loaded(text);
    assert_eq!(limits(site(&loaded, "ours")), (2, 5, 20), "the rest by the profile of its hosts");
    assert_eq!(limits(site(&loaded, "yahoo")), (1_000, 5, 20), "its other hosts");
    let sfr = limits(site(&loaded, "sfr"));
    assert_eq!(sfr, (1_000, 2, 9), "what a profile leaves out is of [delivery]");
    assert_eq!(limits(site(&loaded, "apple")), (7, 1_000, 9), "it stands in place of that profile");
    assert!(!site(&loaded, "apple").is_shipped);
    let names: Vec<_> = loaded.settings.sites.iter().map(|site| site.name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == "apple").count(), 1);
    assert_eq!(names[..3], ["ours", "apple", "google"]);
    let origin = |name| {
        let entry = loaded.entries.iter();
        let mut entry = entry.filter(|entry| (entry.table, entry.index) == ("site", Some(0)));
        entry.find(|entry| entry.name == name).unwrap().origin
    };
    assert_eq!(origin("connections_max"), Origin::Line(8));
    assert_eq!(origin("messages_per_connection"), Origin::Profile("yahoo"));
    assert_eq!(origin("idle"), Origin::Default);
}

#[test]
fn they_are_shown_with_their_name_and_read_back_the_same() {
    let text = "[[site]]\nname = \"ours\"\nmx = [\".yahoodns.net\"]\n";
    let loaded = loaded(text);
    let shown = show(&loaded.entries, "ringpost.toml");
    for line in
        ["messages_per_connection = 20", "# connections_per_source = 25", "# name = \"google\""]
    {
        let shown = shown.lines().find(|shown| shown.starts_with(line));
        assert!(shown.is_some_and(|shown| shown.contains("# profile of")), "{line}");
    }
    assert_eq!(again(&shown).settings, loaded.settings, "{shown}");
}

fn again(text: &str) -> Loaded {
    loaded(text)
}

#[test]
fn without_them_there_are_those_of_the_operator() {
    let loaded = loaded(
        "[delivery]\nprovider_profiles = false\n[[site]]\nname = \"a\"\nmx = [\".yahoodns.net\"]\n",
    );
    assert_eq!(loaded.settings.sites.len(), 1);
    assert_eq!(limits(&loaded.settings.sites[0]), (10, 1_000, 100));
}

#[test]
fn what_delivery_cannot_have_is_refused_there_alone() {
    let host = Host { cores: 1, name: "relay.test".to_owned() };
    let text = "[delivery]\nmessages_per_connection = 1000001\n";
    let faults = parse("ringpost.toml", text, &host).unwrap_err().to_string();
    assert!(faults.starts_with("ringpost.toml:2"), "{faults}");
    assert!(!faults.contains("providers.toml"), "{faults}");
}

#[test]
fn the_tls_that_providers_want_is_asked_for_and_an_operator_says_otherwise() {
    let least = |loaded: &Loaded, name: &str| {
        let place = loaded.settings.sites.iter().position(|site| site.name == name).unwrap();
        loaded.least_tls().swap_remove(place)
    };
    let shipped = loaded("");
    for name in ["google", "orange", "comcast", "gmx"] {
        let least = least(&shipped, name).expect(name);
        assert_eq!((least.tls, least.beats_off), (route::Tls::Required, false), "{name}");
        assert_eq!(*least.by, *format!("`tls` of the profile of {name}"));
    }
    assert_eq!(least(&shipped, "yahoo"), None);
    let own = loaded(
        "[[site]]\nname = \"ours\"\nmx = [\"mx.google.com\"]\n[[site]]\nname = \"plain\"\n\
         mx = [\".google.com\"]\ntls = \"opportunistic\"\n[[site]]\nname = \"more\"\n\
         mx = [\".yahoodns.net\"]\ntls = \"verified\"\n",
    );
    let ours = least(&own, "ours").unwrap();
    assert_eq!(&*ours.by, "`tls` of the profile of google", "what it leaves out");
    assert_eq!(least(&own, "plain").unwrap().tls, route::Tls::Opportunistic);
    let more = least(&own, "more").unwrap();
    assert_eq!((more.tls, more.beats_off), (route::Tls::Verified, true));
    assert_eq!(&*more.by, "ringpost.toml:11: `tls` of the site more");
    assert_eq!(own.settings.verifies(), Some(("site", Some(2), "tls")));
}

#[test]
fn no_site_can_ask_for_none() {
    let host = Host { cores: 1, name: "relay.test".to_owned() };
    let text = "[[site]]\nname = \"a\"\nmx = [\".b.test\"]\ntls = \"off\"\n";
    let faults = parse("ringpost.toml", text, &host).unwrap_err().to_string();
    assert!(faults.contains("ringpost.toml:4") && faults.contains("opportunistic"), "{faults}");
}
