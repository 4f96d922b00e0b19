//! What a balancer says of its clients: believed where it may say so, and nowhere else.

use crate::auth::{entry, plain};
use crate::common::{PATIENCE, route};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, wait};

/// A client that may relay, behind each version.
const FRIEND: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n";
/// One that may not.
const STRANGER: &str = "PROXY TCP4 203.0.113.7 198.51.100.1 56324 25\r\n";

/// A Ringpost behind a balancer at 127.0.0.1, which for itself could relay by its address.
fn behind(name: &str, proxy: &str) -> io::Result<(Scratch, Recorder, Ringpost)> {
    let scratch = Scratch::new(name)?;
    let recorder = Recorder::start()?;
    let listener_settings = format!(
        "proxy = \"{proxy}\"\nproxy_from = [\"127.0.0.1\"]\n\
         relay_from = [\"127.0.0.0/8\", \"192.0.2.0/24\"]"
    );
    let outfit = Outfit { listener_settings, ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &route("*", recorder.address()))?;
    Ok((scratch, recorder, ringpost))
}

/// A header of version 2 with this command, family and block.
fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let len = (block.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &len, block].concat()
}

#[test]
fn a_client_is_who_its_balancer_says() -> io::Result<()> {
    let (_scratch, recorder, ringpost) = behind("proxy-client", "any")?;
    let friend_v2 = v2(0x21, 0x11, &[192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0, 25]);
    for header in [FRIEND.as_bytes(), &friend_v2] {
        let mut client = Speaker::behind(ringpost.smtp(), header)?;
        client.say("EHLO client.test", "250")?;
        client.send("from@client.test", "to@site.test", "Subject: x\r\n\r\nx\r\n")?;
    }
    for mail in recorder.wait_for(2, PATIENCE)? {
        let text = String::from_utf8_lossy(&mail.text).into_owned();
        assert!(text.starts_with("Received: from client.test ([192.0.2.1])"), "{text}");
    }
    counts(&ringpost, "ringpost_connections_taken_total", 2)
}

/// Who may not relay, and every way to ask for it that has ever worked somewhere.
#[test]
fn nobody_relays_by_the_balancers_address() -> io::Result<()> {
    let (_scratch, recorder, ringpost) = behind("proxy-relay", "any")?;
    let headers: [(&str, Vec<u8>); 6] = [
        ("a stranger", STRANGER.into()),
        ("a stranger in IPv6", "PROXY TCP6 2001:db8::1 ::1 56324 25\r\n".into()),
        ("v1 unknown", "PROXY UNKNOWN\r\n".into()),
        ("the balancer", v2(0x20, 0x00, b"")),
        ("v2 unspecified", v2(0x21, 0x00, b"")),
        ("a unix socket", v2(0x21, 0x31, &[0; 216])),
    ];
    let paths = [
        "c@d.example",
        "\"c@d.example\"@relay.test",
        "c%d.example@relay.test",
        "c%d.example",
        "c%d.example@[127.0.0.1]",
        "@relay.test:c@d.example",
        "@d.example,@relay.test:c@e.example",
        "c@[127.0.0.1]",
        "c@[IPv6:::1]",
        "d.example!c@relay.test",
        "d.example!c",
        "\"c%d.example\"@relay.test",
        "\"d.example!c\"@relay.test",
        "c@localhost",
        "c@127.0.0.1",
        "c@d.example@relay.test",
        "\"c\"@d.example",
        "c",
        "c@",
        "postmaster@d.example",
    ];
    for (who, header) in headers {
        for sender in ["spam@d.example", "", "postmaster@relay.test", "spam@[127.0.0.1]"] {
            let mut client = Speaker::behind(ringpost.smtp(), &header)?;
            client.say("EHLO relay.test", "250")?;
            client.say(&format!("MAIL FROM:<{sender}>"), "250")?;
            // Fewer than end a session for its errors.
            for path in &paths[..15] {
                client.say(&format!("RCPT TO:<{path}>"), "5").map_err(|error| {
                    io::Error::other(format!("{who}, {sender}: {path}: {error}"))
                })?;
            }
            client.say("DATA", "503")?;
            let mut client = Speaker::behind(ringpost.smtp(), &header)?;
            client.say("HELO relay.test", "250")?;
            client.say(&format!("MAIL FROM:<{sender}>"), "250")?;
            for path in &paths[15..] {
                client.say(&format!("RCPT TO:<{path}>"), "5")?;
            }
        }
    }
    assert!(recorder.mails().is_empty());
    Ok(())
}

#[test]
fn a_health_check_is_answered_and_is_no_traffic() -> io::Result<()> {
    let (_scratch, _recorder, ringpost) = behind("proxy-probe", "v2")?;
    let mut probe = Speaker::behind(ringpost.smtp(), &v2(0x20, 0x00, b""))?;
    probe.say("EHLO balancer.test", "250")?;
    probe.say("QUIT", "221")?;
    drop(TcpStream::connect(ringpost.smtp())?);
    // One that does not wait to be greeted, as a balancer need not.
    let hasty = [&v2(0x20, 0x00, b"")[..], b"QUIT\r\n"].concat();
    assert!(heard(ringpost.smtp(), &hasty)?.ends_with(b"\r\n221 2.0.0 bye\r\n"));
    counts(&ringpost, "ringpost_balancer_probes_total", 3)?;
    for none in ["connections_taken_total", "proxy_faults_total", "proxy_strangers_total"] {
        counts(&ringpost, &format!("ringpost_{none}"), 0)?;
    }
    Ok(())
}

#[test]
fn what_is_no_header_is_closed_without_a_word() -> io::Result<()> {
    let (_scratch, _recorder, ringpost) = behind("proxy-faults", "v2")?;
    let endless = [&v2(0x21, 0x11, b"")[..14], &[0xff, 0xff]].concat();
    let cases: [&[u8]; 7] = [
        b"EHLO client.test\r\n",
        b"\x16\x03\x01\x02\x00",
        FRIEND.as_bytes(),
        &v2(0x21, 0x12, &[0; 12]),
        &v2(0x21, 0x11, &[0; 11]),
        &v2(0x22, 0x11, &[0; 12]),
        &endless,
    ];
    for bytes in cases {
        assert_eq!(heard(ringpost.smtp(), bytes)?, b"", "{bytes:?}");
    }
    counts(&ringpost, "ringpost_proxy_faults_total", cases.len() as u64)?;
    // From another address than the balancer's even a right header opens nothing.
    let mut stranger = from("127.0.0.2", ringpost.smtp())?;
    let _ = stranger.write_all(&v2(0x20, 0x00, b""));
    assert_eq!(rest(&mut stranger), b"");
    counts(&ringpost, "ringpost_proxy_strangers_total", 1)?;
    counts(&ringpost, "ringpost_connections_taken_total", 0)
}

#[test]
fn a_header_cut_off_anywhere_is_waited_for_and_never_guessed() -> io::Result<()> {
    let (_scratch, _recorder, ringpost) = behind("proxy-cut", "any")?;
    let block = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0, 25];
    let whole = [FRIEND.as_bytes().to_vec(), v2(0x21, 0x11, &block)];
    let mut waiting = Vec::new();
    let mut cuts = 0;
    for header in &whole {
        for end in 1..header.len() {
            let mut stream = TcpStream::connect(ringpost.smtp())?;
            stream.write_all(&header[..end])?;
            if end % 2 == 0 {
                stream.shutdown(std::net::Shutdown::Write)?;
                assert_eq!(rest(&mut stream), b"", "{end} bytes, and then the end");
                cuts += 1;
            } else {
                waiting.push((stream, &header[end..]));
            }
        }
    }
    counts(&ringpost, "ringpost_proxy_faults_total", cuts)?;
    for (stream, rest) in &mut waiting {
        stream.write_all(rest)?;
        let mut said = String::new();
        let mut heard = BufReader::new(&*stream);
        heard.read_line(&mut said)?;
        (&*stream).write_all(b"QUIT\r\n")?;
        heard.read_to_string(&mut said)?;
        assert!(said.starts_with("220 ") && said.contains("\r\n221 "), "{said}");
    }
    // Nothing for five seconds: no balancer of ours.
    let start = wait::now();
    assert_eq!(heard(ringpost.smtp(), b"PROXY")?, b"");
    let took = start.elapsed();
    assert!((4..9).contains(&took.as_secs()), "{took:?}");
    counts(&ringpost, "ringpost_proxy_faults_total", cuts + 1)
}

/// T5: what is behind the header in one breath was said before there was a greeting.
#[test]
fn a_client_that_does_not_wait_for_the_greeting_is_let_go_of() -> io::Result<()> {
    let (_scratch, recorder, ringpost) = behind("proxy-early", "any")?;
    let talk = "EHLO a.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@site.test>\r\nDATA\r\n";
    let said = heard(ringpost.smtp(), format!("{FRIEND}{talk}Subject: x\r\n\r\n.\r\n").as_bytes())?;
    assert_eq!(String::from_utf8_lossy(&said), "554 5.5.0 wait for the greeting\r\n");
    ringpost.wait_for_metric("ringpost_refusals_total{rule=\"early-talk\"} 1")?;
    assert!(recorder.mails().is_empty());
    Ok(())
}

/// The fields of version 2 for a client that came under TLS, and for a name of the connection.
pub(crate) fn fields(client: u8) -> Vec<u8> {
    let field = |kind: u8, value: &[u8]| [&[kind, 0, value.len() as u8][..], value].concat();
    let said = [
        &[client, 0, 0, 0, 0][..],
        &field(0x21, b"TLSv1.3"),
        &field(0x23, b"TLS_AES_128_GCM_SHA256"),
    ];
    let block = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0, 25];
    v2(0x21, 0x11, &[&block[..], &field(0x05, b"F00D-1"), &field(0x20, &said.concat())].concat())
}

#[test]
fn tls_that_a_balancer_has_ended_counts_where_it_is_believed() -> io::Result<()> {
    let scratch = Scratch::new("proxy-tls")?;
    let recorder = Recorder::start()?;
    let users = scratch.path().join("users.toml");
    fs::write(&users, entry("anna", "pencil", &[])?)?;
    let front = "proxy = \"any\"\nproxy_from = [\"127.0.0.1\"]\nrelay_from = []\n\
        auth = \"optional\"\ntls = \"required\"\n";
    let doubting = port::free()?;
    let settings = format!(
        "[[listener]]\naddress = \"{doubting}\"\n{front}[auth]\nusers = \"{}\"\n{}",
        users.display(),
        route("*", recorder.address())
    );
    let outfit =
        Outfit { listener_settings: format!("{front}proxy_tls = true"), ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;

    let mut client = Speaker::behind(ringpost.smtp(), &fields(0x01))?;
    let offers = client.say("EHLO client.test", "250")?;
    assert!(offers.contains("-AUTH PLAIN") && !offers.contains("STARTTLS"), "{offers}");
    client.say("STARTTLS", "503")?;
    client.say(&plain("anna", "pencil"), "235")?;
    client.send("from@client.test", "to@site.test", "Subject: x\r\n\r\nx\r\n")?;
    let text = String::from_utf8_lossy(&recorder.wait_for(1, PATIENCE)?[0].text).into_owned();
    let comments =
        "\r\n\t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256)\r\n\t(connection F00D-1)";
    assert!(text.contains(" with ESMTPSA id ") && text.contains(comments), "{text}");
    let log = || fs::read_to_string(scratch.path().join("delivery.jsonl")).unwrap_or_default();
    let told = "\"user\":\"anna\",\"protocol\":\"ESMTPSA\",\"tls\":\"TLSv1.3\",\
        \"cipher\":\"TLS_AES_128_GCM_SHA256\",\"client\":null,\"connection\":\"F00D-1\"}";
    wait::until("the connection in the log", PATIENCE, || log().contains(told).then_some(()))?;

    // What the balancer has taken in the clear is so, and not everybody believes it.
    for (to, header) in [(ringpost.smtp(), fields(0x06)), (doubting, fields(0x01))] {
        let mut client = Speaker::behind(to, &header)?;
        let offers = client.say("EHLO client.test", "250")?;
        assert!(offers.contains("STARTTLS") && !offers.contains("-AUTH"), "{offers}");
        client.say("MAIL FROM:<from@client.test>", "530 5.7.0 STARTTLS first")?;
    }
    Ok(())
}

/// All that is heard after `bytes`.
fn heard(to: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(bytes)?;
    Ok(rest(&mut stream))
}

/// What comes until the end, which may be a reset.
pub(crate) fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let (mut all, mut some) = (Vec::new(), [0; 512]);
    while let Ok(count @ 1..) = stream.read(&mut some) {
        all.extend_from_slice(&some[..count]);
    }
    all
}

/// Connects from an address of the loopback network.
pub(crate) fn from(address: &str, to: SocketAddr) -> io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let own: SocketAddr = format!("{address}:0").parse().map_err(io::Error::other)?;
    let stream = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&stream, &own)?;
    connect(&stream, &to)?;
    Ok(stream.into())
}

#[allow(clippy::cast_sign_loss, reason = "a counter is not negative")]
fn counts(ringpost: &Ringpost, metric: &str, wanted: u64) -> io::Result<()> {
    let seen = || ringpost.metric(metric).map(|value| value as u64);
    let reached =
        wait::until(metric, Duration::from_secs(10), || (seen().ok()? == wanted).then_some(()));
    reached.map_err(|late| io::Error::other(format!("{late}: {:?}, not {wanted}", seen())))
}
