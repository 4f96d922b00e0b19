//! Mail that leaves by way of a proxy: a real HAProxy, which is told by a PROXY header from where,
//! and SOCKS proxies, one of ours and one of other people's.

use crate::common::{PATIENCE, RETRY_SOON, route};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tests::haproxy::HaProxy;
use tests::microsocks::MicroSocks;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{port, socks, tool, wait};

const MESSAGES: usize = 10;

/// It connects to whichever host it is told, from whichever address.
fn egress(front: SocketAddr) -> String {
    format!(
        "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1m\n    \
         timeout server 1m\n\nlisten egress\n    bind {front} accept-proxy\n    \
         source 0.0.0.0 usesrc clientip\n    server host 0.0.0.0\n"
    )
}

/// A pool of one source with this proxy.
fn pool(name: &str, address: &str, proxy: &str) -> String {
    format!(
        "[[pool]]\nname = \"{name}\"\n[[pool.source]]\naddress = \"{address}\"\n\
         ehlo = \"{name}.relay.test\"\nproxy = \"{proxy}\"\n"
    )
}

/// Sends mail with this field in its header, if it is one.
fn send(ringpost: &Ringpost, field: &str, count: usize) -> io::Result<()> {
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    for _ in 0..count {
        let text = format!("{field}Subject: x\r\n\r\nhello\r\n");
        speaker.send("me@sender.test", "a@site.test", &text)?;
    }
    Ok(())
}

#[test]
fn haproxy_connects_from_the_address_it_is_told() -> io::Result<()> {
    if !tool::all_there(&["haproxy"]) {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: HAProxy must be root to connect from a client's address");
        return Ok(());
    }
    let scratch = Scratch::new("detours-haproxy")?;
    let recorder = Recorder::start()?;
    let front = port::free()?;
    let settings = format!(
        "{}[delivery]\npool = \"far\"\n{}",
        pool("far", "127.0.0.71", &format!("haproxy://{front}")),
        route("*", recorder.address())
    );
    let _haproxy = HaProxy::start(&scratch.path().join("haproxy"), &egress(front))?;
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    send(&ringpost, "", MESSAGES)?;
    let mails = recorder.wait_for(MESSAGES, PATIENCE)?;
    for mail in &mails {
        let seen = (mail.client.as_str(), mail.hello.as_str());
        assert_eq!(seen, ("127.0.0.71", "far.relay.test"));
    }
    let left = r#""source_address":"127.0.0.71","ehlo":"far.relay.test""#;
    let delivered = || ringpost.log().matches(left).count() == MESSAGES;
    wait::until("the address in the log", PATIENCE, || delivered().then_some(()))
}

#[test]
fn a_socks_proxy_connects_for_whoever_knows_the_password() -> io::Result<()> {
    let scratch = Scratch::new("detours-socks")?;
    let recorder = Recorder::start()?;
    let proxy = socks::serve(("ann", "canary"), Ipv4Addr::new(127, 0, 0, 72))?;
    let settings = format!(
        "[[source]]\nname = \"injector\"\ninjects = true\n{}{}[[pool.source]]\naddress = \"127.0.0.73\"\nproxy = \"socks5://ann:wrong@{proxy}\"\n\
         [delivery]\npool = \"far\"\n{}",
        pool("other", "127.0.0.79", "socks5://127.0.0.1:9"),
        pool("far", "127.0.0.72", &format!("socks5://ann:canary@{proxy}")),
        route("*", recorder.address())
    );
    let ringpost = Ringpost::start(scratch.path(), &settings)?;
    send(&ringpost, "", MESSAGES)?;
    let mails = recorder.wait_for(MESSAGES, PATIENCE)?;
    for mail in &mails {
        let seen = (mail.client.as_str(), mail.hello.as_str());
        assert_eq!(seen, ("127.0.0.72", "far.relay.test"));
    }
    let log = ringpost.log();
    assert!(!log.contains(r#""outcome":"deferred""#), "the other source took its place");
    // Nobody is there: that is no fault of the host, and is told as what it is.
    send(&ringpost, "X-Virtual-MTA: other\r\n", 1)?;
    let told = || ringpost.log().contains("the proxy 127.0.0.1:9: it cannot be reached");
    wait::until("a line on the proxy", PATIENCE, || told().then_some(()))?;
    let log = ringpost.log();
    assert!(!log.contains("canary") && !ringpost.said().contains("canary"), "a secret");
    Ok(())
}

/// What other people's proxy does for anybody, and for whoever knows the password; and what it says
/// where nobody answers it, which is the host's fault and not its own.
#[test]
fn microsocks_connects_for_us_or_says_why_not() -> io::Result<()> {
    if !tool::all_there(&["microsocks"]) {
        return Ok(());
    }
    let scratch = Scratch::new("detours-microsocks")?;
    let recorder = Recorder::start()?;
    let open = Ipv4Addr::new(127, 0, 0, 74);
    let shut = Ipv4Addr::new(127, 0, 0, 75);
    let anybody = MicroSocks::start(&scratch.path().join("anybody"), open, None)?;
    let login = Some(("ann", "canary"));
    let known = MicroSocks::start(&scratch.path().join("known"), shut, login)?;
    let (anybody, known) = (anybody.address(), known.address());
    let nobody = port::free()?;
    let settings = format!(
        "[[source]]\nname = \"injector\"\ninjects = true\n{}{}{}{}{}{RETRY_SOON}",
        pool("open", &open.to_string(), &format!("socks5://{anybody}")),
        pool("shut", &shut.to_string(), &format!("socks5://ann:canary@{known}")),
        pool("wrong", &shut.to_string(), &format!("socks5://ann:wrong@{known}")),
        route("site.test", recorder.address()),
        route("nobody.test", nobody),
    );
    let ringpost = Ringpost::start(&scratch.path().join("relay"), &settings)?;
    for (number, (name, address)) in (1..).zip([("open", open), ("shut", shut)]) {
        send(&ringpost, &format!("X-Virtual-MTA: {name}\r\n"), MESSAGES)?;
        let mails = recorder.wait_for(number * MESSAGES, PATIENCE)?;
        for mail in &mails[(number - 1) * MESSAGES..] {
            let seen = (mail.client.clone(), mail.hello.clone());
            assert_eq!(seen, (address.to_string(), format!("{name}.relay.test")));
        }
    }
    send(&ringpost, "X-Virtual-MTA: wrong\r\n", 1)?;
    let wrong = format!("the proxy {known}: it wants another login");
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    let text = "X-Virtual-MTA: shut\r\nSubject: x\r\n\r\nhello\r\n";
    speaker.send("me@sender.test", "a@nobody.test", text)?;
    let refused = format!("the proxy {known}: the host refused its connection (5)");
    for words in [wrong, refused] {
        let told = || ringpost.log().contains(&words).then_some(());
        wait::until(&words, PATIENCE, told)?;
    }
    assert_eq!(recorder.mails().len(), 2 * MESSAGES, "nothing leaves from elsewhere");
    assert!(!ringpost.log().contains("canary"), "a secret");
    Ok(())
}
