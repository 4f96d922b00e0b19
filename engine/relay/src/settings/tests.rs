//! Each `refused/*.toml` holds a wrong settings file and, behind a line of dashes, what we
//! say about it.

use super::{Durability, Host, Origin, Settings, parse, schema, show};
use policy::source::{Lint, Terms};
use std::time::Duration;
use std::{env, fs};

fn host() -> Host {
    Host { cores: 2, name: "mta1.example.com".to_owned() }
}

fn settings(text: &str) -> Settings {
    parse("ringpost.toml", text, &host()).unwrap().settings
}

#[test]
fn wrong_files_are_refused_as_written() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/settings/refused");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::read_to_string(&path).unwrap();
        let (text, expected) = file.split_once("-----\n").unwrap();
        let said = parse("ringpost.toml", text, &host()).unwrap_err().to_string();
        if env::var_os("BLESS").is_some() {
            fs::write(&path, format!("{text}-----\n{said}")).unwrap();
            continue;
        }
        assert_eq!(said, expected, "{}", path.display());
        count += 1;
    }
    assert!(count >= 8 || env::var_os("BLESS").is_some(), "the transcripts are there");
}

#[test]
fn defaults_are_those_promised() {
    let settings = settings("");
    assert_eq!(settings.hostname, "mta1.example.com");
    assert_eq!(settings.shards, 2);
    assert_eq!(settings.spool.path.to_str(), Some("ringpost-spool"));
    assert_eq!(settings.spool.durability, Durability::Sync);
    assert_eq!(settings.listeners.len(), 1);
    assert_eq!(settings.listeners[0].address.to_string(), "127.0.0.1:2525");
    let relays = |address: &str| {
        let address = address.parse().unwrap();
        settings.listeners[0].relay_from.iter().any(|network| network.contains(address))
    };
    assert!(relays("127.0.0.9") && relays("::1") && !relays("192.0.2.1"));
    assert!(settings.routes.is_empty(), "mail is routed by MX");
    assert_eq!(settings.admin.address.to_string(), "127.0.0.1:8025");
    assert_eq!(settings.retry.first, Duration::from_mins(30));
}

#[test]
fn the_file_of_the_issue_is_understood() {
    let text = include_str!("example.toml");
    let settings = settings(text);
    assert_eq!(settings.routes[0].to[0].host, "127.0.0.1");
    assert_eq!(settings.routes[0].to[0].port, 2_526);
    assert_eq!(settings.listeners[0].relay_from.len(), 2);
}

#[test]
fn what_is_shown_means_the_same_when_read_back() {
    let text = include_str!("example.toml");
    let loaded = parse("ringpost.toml", text, &host()).unwrap();
    let shown = show(&loaded.entries, "ringpost.toml");
    assert!(shown.contains("hostname = \"mta1.example.com\""), "{shown}");
    assert!(
        shown
            .lines()
            .any(|line| line.starts_with("address") && line.ends_with("# ringpost.toml:7"))
    );
    assert!(
        shown.lines().any(|line| line.starts_with("segment_bytes") && line.ends_with("# default"))
    );
    let again = parse("shown.toml", &shown, &host()).unwrap();
    assert_eq!(again.settings, loaded.settings, "{shown}");
    assert!(
        again.entries.iter().all(|entry| entry.origin != Origin::Default || entry.value.is_none())
    );
}

#[test]
fn every_key_is_explained_and_in_the_schema() {
    let schema = schema();
    for key in super::every_key() {
        assert!(key.help.ends_with('.'), "{} is explained in sentences", key.name);
        let properties = match (key.table, key.index) {
            ("", _) => &schema["properties"],
            (table, None) => &schema["properties"][table]["properties"],
            (table, Some(_)) => {
                let whole = table
                    .split('.')
                    .fold(&schema, |whole, table| &whole["properties"][table]["items"]);
                &whole["properties"]
            }
        };
        assert_eq!(properties[key.name]["description"], key.help, "{}.{}", key.table, key.name);
    }
    assert_eq!(schema["properties"]["shards"]["minimum"], 1);
    assert_eq!(schema["properties"]["route"]["items"]["required"], serde_json::json!(["domain"]));
    let both = serde_json::json!(["chain", "key"]);
    assert_eq!(schema["properties"]["certificate"]["items"]["required"], both);
    assert_eq!(schema["properties"]["spool"]["properties"]["queued_max"]["default"], 1_000_000);
    assert_eq!(schema["properties"]["spool"]["properties"]["durability"]["enum"][1], "page-cache");
}

#[test]
fn a_name_without_a_dot_is_helped_and_mentioned() {
    for (name, greeting) in [
        ("vm", "vm.localdomain"),
        ("", "localhost.localdomain"),
        ("localhost", "localhost.localdomain"),
    ] {
        let loaded = parse("", "", &Host { cores: 1, name: name.to_owned() }).unwrap();
        assert_eq!(loaded.settings.hostname, greeting);
        assert!(loaded.warnings[0].contains("set `hostname`"), "{:?}", loaded.warnings);
    }
    assert_eq!(parse("", "", &host()).unwrap().warnings, Vec::<String>::new());
    let written = parse("", "hostname = \"vm\"", &host()).unwrap();
    assert_eq!(written.warnings, Vec::<String>::new(), "what was written is meant");
}

/// An address in two pools.
const TWICE: &str = "[[pool]]\nname = \"a\"\n[[pool.source]]\naddress = \"192.0.2.1\"\n\
                     [[pool]]\nname = \"b\"\n[[pool.source]]\naddress = \"192.0.2.1\"\n";

#[test]
fn what_leads_to_nothing_is_mentioned() {
    for (text, words) in [
        ("[auth]\nusers = \"users.toml\"", "[auth] `users`"),
        ("[[source]]\nname = \"a\"\nusers = [\"ann\"]", "a [[source]] with `users`"),
        ("[[source]]\nname = \"a\"\npool = \"warm\"", "a [[source]] has a `pool`"),
        ("[retry]\nexpire = \"2h\"", "nobody is told of a delay"),
        (TWICE, "192.0.2.1 is in the pools \"a\" and \"b\""),
    ] {
        let warnings = parse("", text, &host()).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(words), "{warnings:?}");
    }
}

#[test]
fn sources_are_told_apart_and_have_their_terms() {
    let settings = settings(
        "[[source]]\nname = \"shop\"\nfrom = [\"10.0.0.0/8\"]\nusers = [\"ann\"]\n\
         tenant = \"acme\"\npool = \"warm\"\nsender_domains = [\"Shop.example\"]\n\
         connections_max = 5\nmessages = \"83/5s\"\nmessage_bytes_max = \"1 MiB\"\n\
         lint = \"warn\"\nlint_from = \"reject\"\ninjects = true\n[[source]]\nname = \"rest\"\n\
         [[pool]]\nname = \"warm\"\n[[pool.source]]\naddress = \"192.0.2.1\"\n",
    );
    let [shop, rest] = &settings.sources[..] else { panic!("{:?}", settings.sources) };
    assert!(shop.from.as_ref().unwrap()[0].contains("10.1.2.3".parse().unwrap()));
    assert_eq!((shop.users.as_deref(), &shop.listener), (Some(&["ann".to_owned()][..]), &None));
    let terms = &shop.terms;
    assert_eq!((terms.tenant.as_deref(), terms.pool.as_deref()), (Some("acme"), Some("warm")));
    assert!(terms.injects && terms.sender_domains.allow(b"a@shop.EXAMPLE"));
    assert_eq!(terms.limits.messages.unwrap().to_string(), "83/5s");
    assert_eq!(terms.limits.message_bytes_max, Some(1 << 20));
    assert_eq!(terms.limits.recipients, None);
    assert_eq!((terms.lints.from, terms.lints.date), (Lint::Reject, Lint::Warn));
    assert_eq!(rest.terms, Terms::default());
}

#[test]
fn a_site_has_the_limits_of_all_but_those_it_names() {
    let text = "[[site]]\nname = \"google\"\nmx = [\".Google.com\", \"mx.example.com\"]\n\
                connections_max = 5\nidle = \"1s\"\n[delivery]\nmessages_per_connection = 50\n";
    let loaded = parse("ringpost.toml", text, &host()).unwrap();
    let site = &loaded.settings.sites[0];
    assert_eq!((site.name.as_str(), &site.mx[0]), ("google", &".google.com".to_owned()));
    let limits = &site.limits;
    assert_eq!((limits.connections_per_site, limits.messages_per_connection), (5, 50));
    assert_eq!((limits.recipients_per_message, limits.idle), (100, Duration::from_secs(1)));
    let shown = show(&loaded.entries, "ringpost.toml");
    let (_, site) = shown.split_once("[[site]]\n").unwrap();
    assert!(site.contains("# ringpost.toml:4\nconnections_per_source = 1000"), "{site}");
}

#[test]
fn pools_have_sources_of_their_own() {
    let text = "[[pool]]\nname = \"warm\"\n[[pool.source]]\naddress = \"192.0.2.1\"\n\
                ehlo = \"MTA1.example.com\"\nweight = 3\n[[pool.source]]\naddress = \"2001:db8::1\"\n\
                connections_max = 5\nmessages_per_connection = 20\n\
                proxy = \"haproxy://127.0.0.1:5000\"\n\
                [[pool]]\nname = \"cold\"\n[[pool.source]]\naddress = \"192.0.2.2\"\n\
                [delivery]\npool = \"cold\"\n";
    let loaded = parse("ringpost.toml", text, &host()).unwrap();
    let settings = &loaded.settings;
    let [warm, cold] = &settings.pools[..] else { panic!("{:?}", settings.pools) };
    assert_eq!((warm.name.as_str(), warm.sources.len(), cold.sources.len()), ("warm", 2, 1));
    let [v4, v6] = &warm.sources[..] else { unreachable!("two") };
    assert_eq!((v4.ehlo.as_deref(), v4.weight), (Some("mta1.example.com"), 3));
    assert_eq!((v4.connections_max, v4.messages_per_connection), (None, None));
    assert_eq!((v6.address.to_string().as_str(), &v6.ehlo, v6.weight), ("2001:db8::1", &None, 1));
    assert_eq!((v6.connections_max, v6.messages_per_connection), (Some(5), Some(20)));
    assert_eq!(settings.usual_pool.as_deref(), Some("cold"));
    let shown = show(&loaded.entries, "ringpost.toml");
    let order: Vec<_> = shown.lines().filter(|line| line.starts_with("[[pool")).collect();
    let source = "[[pool.source]]";
    assert_eq!(order, ["[[pool]]", source, source, "[[pool]]", source]);
    assert_eq!(&parse("shown.toml", &shown, &host()).unwrap().settings, settings, "{shown}");
}

#[test]
fn a_password_of_a_proxy_is_nowhere_to_be_seen() {
    let with = |proxy: &str| {
        let source = format!("[[pool.source]]\naddress = \"192.0.2.1\"\nproxy = \"{proxy}\"\n");
        parse("ringpost.toml", &format!("[[pool]]\nname = \"a\"\n{source}"), &host())
    };
    let loaded = with("socks5://ann:a:c@nary@[::1]:1080").unwrap();
    let shown = show(&loaded.entries, "ringpost.toml");
    assert!(shown.contains("proxy = \"socks5://ann:***@[::1]:1080\""), "{shown}");
    assert!(!format!("{:?}{shown}", loaded.settings).contains("nary"));
    for wrong in [
        "http://127.0.0.1:1080",
        "haproxy://ann:canary@127.0.0.1:1080",
        "socks5://canary@127.0.0.1:1080",
        "socks5://proxy.canary.test:1080",
        "127.0.0.1:1080",
    ] {
        let said = with(wrong).unwrap_err().to_string();
        assert!(said.contains("`proxy` cannot be what is written"), "{said}");
    }
}
