use super::{BadPattern, Question, RouteSetting, Table, Target, Tls};

fn table(routes: &[(&str, &[&str])]) -> Result<Table, BadPattern> {
    Table::new(routes.iter().map(|(pattern, to)| RouteSetting {
        pattern: (*pattern).to_owned(),
        to: to.iter().map(|host| host.parse().unwrap()).collect(),
        port: 25,
        tls: Tls::default(),
    }))
}

/// What the table makes of a domain, in a word.
fn find(table: &Table, domain: &str) -> String {
    match (table.find(domain), table.question(domain)) {
        (Target::Static(plan), _) => plan.name.to_string(),
        (Target::Mx, Question::Mail(_)) => "mx".to_owned(),
        (Target::Mx, Question::Hosts(hosts)) => {
            let names: Vec<&str> = hosts.iter().map(|(name, _)| *name).collect();
            format!("ask {}", names.join(" "))
        }
    }
}

#[test]
fn the_most_exact_route_wins_wherever_it_stands() {
    let mut routes: Vec<(&str, &[&str])> = vec![
        ("*", &["127.0.0.1:1"]),
        ("example.com", &["127.0.0.1:2"]),
        (".example.com", &["127.0.0.1:3"]),
        (".b.example.com", &["127.0.0.1:4"]),
        ("x.b.example.com", &["127.0.0.1:5"]),
        (".com", &["127.0.0.1:6"]),
        ("bücher.example", &["127.0.0.1:7"]),
        ("mx.example", &[]),
        ("named.example", &["127.0.0.1:8", "Smart.Host:587", "other.host"]),
    ];
    for _ in 0..routes.len() {
        routes.rotate_left(1);
        let table = table(&routes).unwrap();
        for (domain, found) in [
            ("example.com", "127.0.0.1:2"),
            ("a.example.com", "127.0.0.1:3"),
            ("a.a.example.com", "127.0.0.1:3"),
            ("b.example.com", "127.0.0.1:3"),
            ("a.b.example.com", "127.0.0.1:4"),
            ("x.b.example.com", "127.0.0.1:5"),
            ("y.x.b.example.com", "127.0.0.1:4"),
            ("com", "127.0.0.1:1"),
            ("notexample.com", "127.0.0.1:6"),
            ("example.org", "127.0.0.1:1"),
            ("localhost", "127.0.0.1:1"),
            ("xn--bcher-kva.example", "127.0.0.1:7"),
            ("mx.example", "mx"),
            ("named.example", "ask smart.host other.host"),
        ] {
            assert_eq!(find(&table, domain), found, "{domain}");
        }
    }
}

#[test]
fn without_a_route_mail_goes_by_mx() {
    let table = table(&[("example.com", &["127.0.0.1:2"])]).unwrap();
    assert_eq!(find(&table, "example.org"), "mx");
    assert_eq!(find(&table, "a.example.com"), "mx");
    assert_eq!(find(&Table::default(), "example.com"), "mx");
}

#[test]
fn patterns_are_domains_and_stand_once() {
    for wrong in ["", ".", "*.example.com", "..com", "exa mple", "[127.0.0.1]", "a@b"] {
        assert_eq!(table(&[(wrong, &[])]).unwrap_err(), BadPattern(wrong.to_owned()));
    }
    for (first, second) in [("*", "*"), ("a.b", "A.B."), (".a.b", ".a.B")] {
        let twice = table(&[(first, &[]), (second, &[])]);
        assert_eq!(twice.unwrap_err(), BadPattern(second.to_owned()));
    }
    assert!(table(&[("a.b", &[]), (".a.b", &[]), ("*", &[])]).is_ok());
}
