//! TLS as other people's programs speak it: openssl, swaks, Python, Postfix.

use crate::common::{PATIENCE, route, succeed};
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::postfix::Postfix;
use tests::recorder::Recorder;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::smtp_sink::SmtpSource;
use tests::{tool, wait};

/// A pair of files.
pub(crate) struct Pair {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pair {
    /// A new certificate for `names`, signed by nobody else, in `folder`.
    pub(crate) fn make(folder: &Path, name: &str, names: &[&str]) -> io::Result<Self> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let (chain, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        fs::write(&chain, made.cert.pem())?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        Ok(Self { chain, key })
    }

    /// It as settings.
    pub(crate) fn settings(&self) -> String {
        let (chain, key) = (self.chain.display(), self.key.display());
        format!("[[certificate]]\nchain = \"{chain}\"\nkey = \"{key}\"\n")
    }
}

/// A relay that speaks TLS, with certificates for `relay.test` and `second.test`.
struct Secure {
    scratch: Scratch,
    recorder: Recorder,
    ringpost: Ringpost,
    own: Pair,
    second: Pair,
}

impl Secure {
    fn start(name: &str, listener: impl FnOnce(&Path) -> io::Result<String>) -> io::Result<Self> {
        let scratch = Scratch::new(name)?;
        let recorder = Recorder::start()?;
        let own = Pair::make(scratch.path(), "own", &["relay.test"])?;
        let second = Pair::make(scratch.path(), "second", &["second.test", "*.second.test"])?;
        let outfit = Outfit { listener_settings: listener(scratch.path())?, ..Outfit::default() };
        let settings = route("*", recorder.address()) + &own.settings() + &second.settings();
        let ringpost = Ringpost::start_as(outfit, &scratch.path().join("relay"), &settings)?;
        Ok(Self { scratch, recorder, ringpost, own, second })
    }

    fn with(name: &str, tls: &str) -> io::Result<Self> {
        Self::start(name, |_| Ok(format!("tls = \"{tls}\"")))
    }

    /// `openssl s_client`, to be given more arguments. It wants to know who we are.
    fn openssl(&self, starttls: bool, trusted: &Path) -> Command {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-ign_eof", "-crlf", "-verify_return_error", "-connect"]);
        openssl.arg(self.ringpost.smtp().to_string()).arg("-CAfile").arg(trusted);
        if starttls {
            openssl.args(["-starttls", "smtp", "-name", "openssl.test"]);
        }
        openssl
    }
}

/// Runs `command`, says `words` to it, and returns whether it succeeded and what it said.
fn talk(command: &mut Command, words: &str) -> io::Result<(bool, String)> {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn()?;
    let mut input = child.stdin.take().expect("it is piped");
    // One that could not connect has ended.
    let _ = input.write_all(words.as_bytes());
    drop(input);
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Ok((output.status.success(), said))
}

const WORDS: &str = "EHLO openssl.test\nNOOP\nQUIT\n";

#[test]
fn openssl_is_served_by_each_version_and_name() -> io::Result<()> {
    if !tool::all_there(&["openssl"]) {
        return Ok(());
    }
    for (tls, starttls) in [("starttls", true), ("implicit", false)] {
        // Without STARTTLS it says what it is given as soon as it can, greeted or not.
        let settings = |_: &Path| Ok(format!("tls = \"{tls}\"\nearly_talk = {}", !starttls));
        let relay = Secure::start("openssl", settings)?;
        for version in ["-tls1_2", "-tls1_3"] {
            let named = [
                ("relay.test", &relay.own),
                ("second.test", &relay.second),
                ("any.second.test", &relay.second),
                ("unknown.test", &relay.own),
            ];
            for (name, pair) in named {
                let mut openssl = relay.openssl(starttls, &pair.chain);
                let (well, said) = talk(openssl.args([version, "-servername", name]), WORDS)?;
                assert!(well && said.contains("Verify return code: 0 (ok)"), "{name}: {said}");
                assert!(said.contains("250-relay.test") && said.contains("221 2.0.0"), "{said}");
                assert!(!said.contains("250-STARTTLS"), "it is not offered again: {said}");
            }
        }
        let mut openssl = relay.openssl(starttls, &relay.own.chain);
        let (well, said) = talk(openssl.args(["-alpn", "h2,http/1.1"]), WORDS)?;
        assert!(!well && said.contains("no application protocol"), "{said}");
        let mut openssl = relay.openssl(starttls, &relay.own.chain);
        let old = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"];
        let (well, said) = talk(openssl.args(old), WORDS)?;
        assert!(!well && said.contains("alert"), "{said}");
        assert!(relay.ringpost.metric("ringpost_tls_handshakes_total")? >= 8.0);
        assert!(relay.ringpost.metric("ringpost_tls_failed_offer_total")? >= 2.0);
    }
    Ok(())
}

#[test]
fn openssl_resumes_a_session_on_any_shard() -> io::Result<()> {
    if !tool::all_there(&["openssl"]) {
        return Ok(());
    }
    let relay = Secure::with("resumed", "starttls")?;
    let session = relay.scratch.path().join("session");
    for kind in [&["-tls1_3"][..], &["-tls1_2"], &["-tls1_2", "-no_ticket"]] {
        let mut openssl = relay.openssl(true, &relay.own.chain);
        let (well, said) = talk(openssl.args(kind).arg("-sess_out").arg(&session), WORDS)?;
        assert!(well && said.contains("New, TLSv1."), "{said}");
        // Some of these meet another shard than the first did.
        for _ in 0..6 {
            let mut openssl = relay.openssl(true, &relay.own.chain);
            let (well, said) = talk(openssl.args(kind).arg("-sess_in").arg(&session), WORDS)?;
            assert!(well && said.contains("Reused, TLSv1."), "{kind:?}: {said}");
            assert!(said.contains("221 2.0.0"), "{said}");
        }
    }
    assert!(relay.ringpost.metric("ringpost_tls_resumed_total")? >= 18.0);
    Ok(())
}

#[test]
fn clients_show_certificates_where_they_must() -> io::Result<()> {
    if !tool::all_there(&["openssl"]) {
        return Ok(());
    }
    let asked = |folder: &Path| {
        let client = Pair::make(folder, "client", &["client.test"])?;
        Pair::make(folder, "stranger", &["client.test"])?;
        let ca = client.chain.display();
        Ok(format!("tls = \"starttls\"\nclient_certificate = \"required\"\nclient_ca = \"{ca}\""))
    };
    let relay = Secure::start("clients", asked)?;
    for version in ["-tls1_2", "-tls1_3"] {
        for (shown, welcome) in [(Some("client"), true), (Some("stranger"), false), (None, false)] {
            let mut openssl = relay.openssl(true, &relay.own.chain);
            openssl.arg(version);
            if let Some(name) = shown {
                let path = |end: &str| relay.scratch.path().join(format!("{name}.{end}"));
                openssl.arg("-cert").arg(path("pem")).arg("-key").arg(path("key"));
            }
            let (_, said) = talk(&mut openssl, WORDS)?;
            assert_eq!(said.contains("221 2.0.0"), welcome, "{shown:?}: {said}");
        }
    }
    assert!(relay.ringpost.metric("ringpost_tls_failed_certificate_total")? >= 4.0);
    Ok(())
}

#[test]
fn swaks_and_smtplib_send_mail_under_tls() -> io::Result<()> {
    if !tool::all_there(&["swaks", "python3"]) {
        return Ok(());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/smtplib_tls.py");
    for (tls, option, way) in
        [("required", "--tls", "starttls"), ("implicit", "--tls-on-connect", "implicit")]
    {
        let relay = Secure::with("senders", tls)?;
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", &relay.ringpost.smtp().to_string(), "--helo", "swaks.test"]);
        swaks.args(["--from", "from@swaks.test", "--to", "a@site.test", option]);
        let said = succeed(swaks.args(["--body", "under TLS"]))?;
        assert!(said.contains("TLS started") && said.contains("<~  250 2.0.0"), "{said}");

        let mut python = Command::new("python3");
        python.arg(&script).arg(relay.ringpost.smtp().port().to_string()).arg(way);
        succeed(python.arg(&relay.own.chain))?;
        let mails = relay.recorder.wait_for(3, PATIENCE)?;
        assert!(mails.iter().any(|mail| mail.text.len() > 300_000), "the long one came whole");
        let first = String::from_utf8_lossy(&mails[0].text);
        let comment = "\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n";
        assert!(first.contains(" with ESMTPS id ") && first.contains(comment), "{first}");
        if tls == "required" {
            let mut clear = Command::new("swaks");
            clear.args(["--server", &relay.ringpost.smtp().to_string(), "--helo", "swaks.test"]);
            let output = clear.args(["--from", "a@swaks.test", "--to", "a@site.test"]).output()?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!output.status.success() && said.contains("530 5.7.0"), "{said}");
        }
    }
    Ok(())
}

#[test]
fn postfix_relays_under_tls_and_knows_whom_it_talks_to() -> io::Result<()> {
    if !tool::postfix_can_run() {
        return Ok(());
    }
    let relay = Secure::with("upstream-tls", "required")?;
    let relayhost = format!("[127.0.0.1]:{}", relay.ringpost.smtp().port());
    let roots = relay.own.chain.display().to_string();
    let settings = [
        ("relayhost", relayhost.as_str()),
        ("smtp_tls_security_level", "secure"),
        ("smtp_tls_secure_cert_match", "relay.test"),
        ("smtp_tls_CAfile", &roots),
        ("smtp_tls_loglevel", "1"),
    ];
    let postfix = Postfix::start(&relay.scratch.path().join("postfix"), &settings)?;
    let source = SmtpSource { messages: 200, bytes: 3_000, sessions: 5, recipient: "a@site.test" };
    source.send(postfix.address())?;
    let mails = relay.recorder.wait_for(200, PATIENCE)?;
    assert_eq!(mails.len(), 200, "each of them once");
    wait::until("an empty Postfix", PATIENCE, || (postfix.queued() == 0).then_some(()))?;
    let log = postfix.log();
    assert!(log.contains("Verified TLS connection established to 127.0.0.1"), "{log}");
    Ok(())
}

#[test]
fn a_certificate_is_made_once_and_kept_to_ourselves() -> io::Result<()> {
    let scratch = Scratch::new("self-signed")?;
    let recorder = Recorder::start()?;
    let outfit = Outfit { listener_settings: "tls = \"starttls\"".to_owned(), ..Outfit::default() };
    let settings = route("*", recorder.address());
    let mut ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    assert!(
        ringpost.said().contains("warning: no [[certificate]] is named"),
        "{}",
        ringpost.said()
    );
    let folder = scratch.path().join("spool-tls");
    let key = folder.join("self-signed.key");
    let mode = |path: &Path| Ok::<_, io::Error>(fs::metadata(path)?.permissions().mode() & 0o777);
    assert_eq!((mode(&folder)?, mode(&key)?), (0o700, 0o600));
    let first = fs::read(folder.join("self-signed.pem"))?;
    ringpost.drain()?;
    ringpost.restart()?;
    assert_eq!(fs::read(folder.join("self-signed.pem"))?, first, "it is used again");
    if tool::all_there(&["openssl"]) {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-ign_eof", "-crlf", "-starttls", "smtp", "-connect"]);
        openssl.arg(ringpost.smtp().to_string()).arg("-CAfile").arg(folder.join("self-signed.pem"));
        let (_, said) = talk(&mut openssl, WORDS)?;
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
    }
    Ok(())
}
