//! Logging in: real clients by every mechanism, wrong passwords, and what is not told.

use crate::common::{PATIENCE, route, succeed};
use crate::tls::Pair;
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{http, port, program, tool, wait};

/// A relay with a door for users, and one for strangers.
pub(crate) struct House {
    scratch: Scratch,
    recorder: Recorder,
    pub(crate) ringpost: Ringpost,
    /// Whoever comes here logs in first; the network is listed.
    door: SocketAddr,
    /// The network is not listed; TLS is offered.
    outside: SocketAddr,
    certificate: Pair,
}

impl House {
    pub(crate) fn open(name: &str, users: &str) -> io::Result<Self> {
        Self::open_with(name, users, "")
    }

    fn open_with(name: &str, users: &str, settings: &str) -> io::Result<Self> {
        let scratch = Scratch::new(name)?;
        let recorder = Recorder::start()?;
        let (door, outside) = (port::free()?, port::free()?);
        let file = scratch.path().join("users.toml");
        fs::write(&file, users)?;
        let certificate = Pair::make(scratch.path(), "own", &["localhost"])?;
        let settings = format!(
            "[[listener]]\naddress = \"{door}\"\nrelay_from = []\nauth = \"required\"\n\
             auth_plaintext_from = [\"127.0.0.1\"]\n\
             [[listener]]\naddress = \"{outside}\"\nrelay_from = []\nauth = \"optional\"\n\
             auth_plaintext_from = [\"192.0.2.0/24\"]\ntls = \"starttls\"\n\
             {}[auth]\nusers = \"{}\"\n{}{settings}",
            certificate.settings(),
            file.display(),
            route("*", recorder.address())
        );
        let ringpost = Ringpost::start(scratch.path(), &settings)?;
        Ok(Self { scratch, recorder, ringpost, door, outside, certificate })
    }

    pub(crate) fn speak(&self) -> io::Result<Speaker> {
        let mut speaker = Speaker::connect(self.door)?;
        speaker.be_patient(PATIENCE)?;
        speaker.say("EHLO speaker.test", "250")?;
        Ok(speaker)
    }

    pub(crate) fn senders(&self, count: usize) -> io::Result<Vec<String>> {
        let mails = self.recorder.wait_for(count, PATIENCE)?;
        let mut senders: Vec<_> = mails.into_iter().map(|mail| mail.sender).collect();
        senders.sort();
        Ok(senders)
    }
}

/// The entry that `ringpost user hash` prints.
pub(crate) fn entry(name: &str, password: &str, options: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program::built("ringpost")?);
    command.args(["user", "hash", name, "--iterations", "4096"]).args(options);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it is piped").write_all(format!("{password}\n").as_bytes())?;
    let output = child.wait_with_output()?;
    assert!(output.status.success(), "{}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// PLAIN's only message.
pub(crate) fn plain(name: &str, password: &str) -> String {
    format!("AUTH PLAIN {}", base64(&format!("\0{name}\0{password}")))
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |bytes: &[u8]| {
        let at = |index| u32::from(bytes.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        let digit = |index: usize| match index {
            index if index <= bytes.len() => {
                char::from(DIGITS[(bits >> (18 - 6 * index)) as usize & 63])
            }
            _ => '=',
        };
        [0, 1, 2, 3].map(digit).into_iter().collect::<String>()
    };
    text.as_bytes().chunks(3).map(group).collect()
}

#[test]
fn swaks_logs_in_with_its_password() -> io::Result<()> {
    if !tool::all_there(&["swaks"]) {
        return Ok(());
    }
    let house = House::open("auth-swaks", &entry("anna", "gr\u{fc}n 1", &[])?)?;
    for mechanism in ["PLAIN", "LOGIN"] {
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", &house.door.to_string(), "--helo", "swaks.test"]);
        swaks.args(["--auth", mechanism, "--auth-user", "anna", "--auth-password", "gr\u{fc}n 1"]);
        let said = succeed(swaks.args(["--from", "a@swaks.test", "--to", "a@site.test"]))?;
        assert!(said.contains("<-  235 2.7.0"), "{said}");
    }
    assert_eq!(house.senders(2)?, ["a@swaks.test"; 2]);
    let mails = house.recorder.wait_for(2, PATIENCE)?;
    let text = String::from_utf8_lossy(&mails[0].text);
    assert!(text.contains("by relay.test (Ringpost) with ESMTPA id "), "{text}");
    Ok(())
}

#[test]
fn smtplib_logs_in_by_every_mechanism() -> io::Result<()> {
    if !tool::all_there(&["python3"]) {
        return Ok(());
    }
    let house = House::open("auth-smtplib", &entry("anna", "pencil", &["--scrypt"])?)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/auth_client.py");
    let mut python = Command::new("python3");
    succeed(python.arg(script).arg(house.door.port().to_string()).args(["anna", "pencil"]))?;
    let ways = ["late", "login", "old", "plain", "scram"];
    assert_eq!(house.senders(5)?, ways.map(|way| format!("{way}@python.test")));
    // The password was hashed once, and remembered after that; SCRAM needs no hash.
    assert_eq!(house.count("ringpost_auth_hash_runs_total")?, 1);
    assert_eq!(house.count("ringpost_logins_total")?, 5);
    Ok(())
}

#[test]
fn gsasl_logs_in_by_every_mechanism() -> io::Result<()> {
    if !tool::all_there(&["gsasl"]) {
        return Ok(());
    }
    let house = House::open("auth-gsasl", &entry("anna", "pencil", &[])?)?;
    for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
        let mut gsasl = Command::new("gsasl");
        gsasl.args(["--smtp", "--no-starttls", "--mechanism", mechanism]);
        gsasl.args(["--authentication-id", "anna", "--password", "pencil"]);
        gsasl.args(["--connect", &house.door.to_string()]).stdin(Stdio::null());
        let said = succeed(&mut gsasl)?;
        assert!(said.contains("235 2.7.0"), "{mechanism}: {said}");
    }
    Ok(())
}

/// Who may not say a password in the clear may under TLS.
#[test]
fn swaks_and_gsasl_log_in_under_tls() -> io::Result<()> {
    if !tool::all_there(&["gsasl", "swaks"]) {
        return Ok(());
    }
    let house = House::open("auth-tls", &entry("anna", "pencil", &[])?)?;
    let mut swaks = Command::new("swaks");
    swaks.args(["--server", &house.outside.to_string(), "--helo", "swaks.test", "--tls"]);
    swaks.args(["--auth", "PLAIN", "--auth-user", "anna", "--auth-password", "pencil"]);
    let said = succeed(swaks.args(["--from", "a@swaks.test", "--to", "a@site.test"]))?;
    assert!(said.contains("<~  235 2.7.0"), "{said}");
    let text = String::from_utf8_lossy(&house.recorder.wait_for(1, PATIENCE)?[0].text).into_owned();
    assert!(text.contains(" with ESMTPSA id ") && text.contains("\r\n\t(using TLSv1."), "{text}");
    for mechanism in ["PLAIN", "SCRAM-SHA-256"] {
        let mut gsasl = Command::new("gsasl");
        gsasl.args(["--smtp", "--starttls", "--no-cb", "--mechanism", mechanism, "--x509-ca-file"]);
        gsasl.arg(&house.certificate.chain).args(["--authentication-id", "anna"]);
        gsasl.args(["--password", "pencil", "--connect"]);
        gsasl.arg(format!("localhost:{}", house.outside.port())).stdin(Stdio::null());
        let said = succeed(&mut gsasl)?;
        assert!(said.contains("235 2.7.0"), "{mechanism}: {said}");
    }
    Ok(())
}

#[test]
fn nodemailer_logs_in() -> io::Result<()> {
    const SCRIPT: &str = "
        const mailer = require('nodemailer');
        const [, port, method] = process.argv;
        const transport = mailer.createTransport({
            host: '127.0.0.1', port, secure: false, ignoreTLS: true, authMethod: method,
            auth: { user: 'anna', pass: 'pencil' },
        });
        transport.sendMail({ from: 'n@node.test', to: 'a@site.test', subject: method, text: 'hello' })
            .then((info) => console.log(info.response), (error) => { console.error(error); process.exit(1); });
    ";
    if !tool::all_there(&["node"]) || !tool::node_has("nodemailer") {
        return Ok(());
    }
    let house = House::open("auth-nodemailer", &entry("anna", "pencil", &[])?)?;
    for method in ["PLAIN", "LOGIN"] {
        let mut node = Command::new("node");
        node.env("NODE_PATH", tool::NODE_PACKAGES).args(["-e", SCRIPT]);
        let said = succeed(node.args([&house.door.port().to_string(), method]))?;
        assert!(said.starts_with("250 2.0.0"), "{said}");
    }
    assert_eq!(house.senders(2)?, ["n@node.test"; 2]);
    Ok(())
}

#[test]
fn wrong_passwords_are_slow_and_three_of_them_are_enough() -> io::Result<()> {
    let house = House::open("auth-wrong", &entry("anna", "pencil", &[])?)?;
    let mut speaker = house.speak()?;
    for seconds in [1, 2, 4] {
        let start = wait::now();
        speaker.say(&plain("anna", "pencils"), "535 5.7.8")?;
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(seconds), "{took:?}, not {seconds} s");
    }
    let ended = speaker.say("NOOP", "250").map_err(|error| error.kind());
    assert!(ended.is_err(), "three tries, and no more: {ended:?}");
    assert_eq!(house.count("ringpost_logins_failed_total")?, 3);
    // Others are served meanwhile; the one that failed waits even if it is right.
    let start = wait::now();
    house.speak()?.say(&plain("anna", "pencil"), "235 2.7.0")?;
    assert!(start.elapsed() >= Duration::from_secs(4), "{:?}", start.elapsed());
    let log = house.log()?;
    assert_eq!(log.matches("\"event\":\"login_failed\"").count(), 3, "{log}");
    Ok(())
}

#[test]
fn known_and_unknown_names_are_treated_alike() -> io::Result<()> {
    let users = entry("anna", "pencil", &[])? + &entry("otto", "rubber", &["--without-scram"])?;
    let house = House::open("auth-names", &users)?;
    let runs = || house.count("ringpost_auth_hash_runs_total");
    let mut replies = Vec::new();
    for (count, name) in [(1, "anna"), (2, "nobody")] {
        replies.push(house.speak()?.say(&plain(name, "wrong"), "535")?);
        assert_eq!(runs()?, count, "one hash for {name}");
    }
    assert_eq!(replies[0], replies[1]);
    let offer = |name: &str| -> io::Result<String> {
        let first = base64(&format!("n,,n={name},r=abcdefgh"));
        house.speak()?.say(&format!("AUTH SCRAM-SHA-256 {first}"), "334")
    };
    let known = offer("anna")?;
    for name in ["nobody", "otto"] {
        assert_eq!(offer(name)?.len(), known.len(), "{name} looks like anna");
    }
    Ok(())
}

#[test]
fn sessions_of_one_address_are_each_their_own_users() -> io::Result<()> {
    let anna = entry("anna", "pencil", &[])? + "sender_domains = [\"anna.test\"]\n";
    let otto = entry("otto", "rubber", &[])? + "sender_domains = [\"otto.test\"]\n";
    let house = House::open("auth-parallel", &(anna + &otto))?;
    let (mut one, mut other, mut nobody) = (house.speak()?, house.speak()?, house.speak()?);
    // Both are in the middle of it at the same time.
    one.say("AUTH LOGIN", "334 VXNlcm5hbWU6")?;
    other.say("AUTH LOGIN", "334 VXNlcm5hbWU6")?;
    one.say(&base64("anna"), "334 UGFzc3dvcmQ6")?;
    other.say(&base64("otto"), "334 UGFzc3dvcmQ6")?;
    other.say(&base64("rubber"), "235")?;
    one.say(&base64("pencil"), "235")?;
    nobody.say("MAIL FROM:<a@anna.test>", "530 5.7.0")?;
    one.say("MAIL FROM:<a@otto.test>", "55")?;
    other.say("MAIL FROM:<a@anna.test>", "55")?;
    one.send("a@anna.test", "a@site.test", "Subject: a\r\n\r\n")?;
    other.send("o@otto.test", "a@site.test", "Subject: o\r\n\r\n")?;
    nobody.say("MAIL FROM:<o@otto.test>", "530 5.7.0")?;
    one.say(&plain("otto", "rubber"), "503")?;
    assert_eq!(house.senders(2)?, ["a@anna.test", "o@otto.test"]);
    Ok(())
}

#[test]
fn a_login_is_no_way_out_of_the_terms_of_a_network() -> io::Result<()> {
    let anna = entry("anna", "pencil", &[])? + "sender_domains = [\"anna.test\", \"both.test\"]\n";
    let network = "[[source]]\nname = \"office\"\nfrom = [\"127.0.0.0/8\"]\n\
        sender_domains = [\"office.test\", \"both.test\"]\n";
    let house = House::open_with("auth-terms", &anna, network)?;
    let mut anna = house.speak()?;
    anna.say(&plain("anna", "pencil"), "235")?;
    anna.say("MAIL FROM:<a@anna.test>", "550 5.7.1")?;
    anna.say("MAIL FROM:<a@office.test>", "550 5.7.1")?;
    anna.say("MAIL FROM:<a@both.test>", "250")?;
    Ok(())
}

#[test]
fn passwords_in_the_clear_are_for_listed_networks_only() -> io::Result<()> {
    let house = House::open("auth-clear", &entry("anna", "pencil", &[])?)?;
    let mut outside = Speaker::connect(house.outside)?;
    let offers = outside.say("EHLO speaker.test", "250")?;
    assert!(!offers.contains("AUTH"), "{offers}");
    outside.say(&plain("anna", "pencil"), "538 5.7.11")?;
    outside.say("MAIL FROM:<a@b.test>", "250")?;
    outside.say("RCPT TO:<a@site.test>", "550 5.7.1")?;
    let mut usual = Speaker::connect(house.ringpost.smtp())?;
    assert!(!usual.say("EHLO speaker.test", "250")?.contains("AUTH"));
    usual.say(&plain("anna", "pencil"), "50")?;
    let mut door = house.speak()?;
    let offers = door.say("EHLO speaker.test", "250")?;
    assert!(offers.contains("AUTH ") && offers.contains(" SCRAM-SHA-256"), "{offers}");
    Ok(())
}

#[test]
fn no_password_is_ever_told() -> io::Result<()> {
    const RIGHT: &str = "canary-right";
    const WRONG: &str = "canary-wrong";
    let house = House::open("auth-canary", &entry("anna", RIGHT, &[])?)?;
    house.speak()?.say(&plain("anna", RIGHT), "235")?;
    house.speak()?.say(&plain("anna", WRONG), "535")?;
    // The password in the name's place, and lines that are no answers.
    let mut login = house.speak()?;
    login.say("AUTH LOGIN", "334")?;
    login.say(&base64(WRONG), "334")?;
    login.say("*", "501")?;
    login.say(&plain(WRONG, RIGHT), "535")?;
    login.say(&format!("AUTH PLAIN {WRONG}!"), "501")?;
    let mut usual = Speaker::connect(house.ringpost.smtp())?;
    usual.say("EHLO speaker.test", "250")?;
    usual.say(&plain("anna", RIGHT), "50")?;
    let seen = house.everything()?;
    assert!(seen.contains("login_failed"), "the log was looked at");
    for secret in [RIGHT, WRONG] {
        for spelling in [secret.to_owned(), base64(secret), base64(&format!("\0anna\0{secret}"))] {
            let core = spelling.trim_end_matches('=');
            assert!(!seen.contains(core), "{core} is in:\n{seen}");
        }
    }
    Ok(())
}

impl House {
    #[allow(clippy::cast_sign_loss, reason = "a count of things is not negative")]
    pub(crate) fn count(&self, name: &str) -> io::Result<u64> {
        self.ringpost.metric(name).map(|count| count as u64)
    }

    pub(crate) fn users(&self) -> PathBuf {
        self.scratch.path().join("users.toml")
    }

    /// The delivery log, once the last line written before now is in it.
    fn log(&self) -> io::Result<String> {
        let path = self.scratch.path().join("delivery.jsonl");
        let failed = self.count("ringpost_logins_failed_total")?;
        wait::until("failed logins in the log", PATIENCE, || {
            let log = fs::read_to_string(&path).ok()?;
            (log.matches("login_failed").count() as u64 >= failed).then_some(log)
        })
    }

    pub(crate) fn until_said(&self, what: &str) -> io::Result<()> {
        wait::until(what, PATIENCE, || self.ringpost.said().contains(what).then_some(()))
    }

    /// All it wrote and all it shows.
    fn everything(&self) -> io::Result<String> {
        let mut seen = self.log()? + &self.ringpost.said();
        seen += &http::get(self.ringpost.admin(), "/metrics")?.1;
        let mut folders = vec![self.scratch.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder)? {
                let path = item?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    seen += &String::from_utf8_lossy(&fs::read(path)?);
                }
            }
        }
        Ok(seen)
    }
}
