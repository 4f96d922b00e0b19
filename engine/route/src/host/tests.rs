use super::HostPort;

#[test]
fn hosts_are_read_and_shown() {
    for (text, shown) in [
        ("127.0.0.1:2526", Some("127.0.0.1:2526")),
        ("127.0.0.1", Some("127.0.0.1:25")),
        ("[::1]:2526", Some("[::1]:2526")),
        ("[::1]", Some("[::1]:25")),
        ("::1", Some("[::1]:25")),
        ("mx.Example.com", Some("mx.example.com")),
        ("mx.example.com:25", Some("mx.example.com")),
        ("mx.example.com:587", Some("mx.example.com:587")),
        ("mx.example.com.:587", Some("mx.example.com:587")),
        ("localhost:2526", Some("localhost:2526")),
        ("bücher.example", Some("xn--bcher-kva.example")),
        ("", None),
        (":25", None),
        ("mx.example.com:", None),
        ("mx.example.com:65536", None),
        ("mx.example.com:smtp", None),
        ("127.0.0.1.5", None),
        ("256.0.0.1", None),
        ("[mx.example.com]:25", None),
        ("mx example.com", None),
        ("[127.0.0.1]:25", None),
    ] {
        let host = text.parse::<HostPort>();
        assert_eq!(host.clone().ok().map(|host| host.to_string()).as_deref(), shown, "{text:?}");
        if let Ok(host) = host {
            assert_eq!(host.to_string().parse(), Ok(host), "{text:?}");
        }
    }
}
