//! `ringpost spool`: what it says of a spool, beside a running engine and after its death.

use crate::common::{PATIENCE, RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use serde_json::Value;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;
use tests::{program, wait};

/// Where nobody listens.
pub(crate) const NOWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
/// Retries so late that no test sees one.
pub(crate) const RETRY_LATE: &str = "[retry]\nfirst = \"1h\"\nfactor = 1.0\njitter = 0.0\n";

/// Runs `ringpost spool` with `words` on the node in `folder`.
pub(crate) fn spool(folder: &Path, words: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(program::built("ringpost")?);
    command.arg("spool").args(words).arg("--config").arg(folder.join("ringpost.toml"));
    command.output()
}

/// What it answers as JSON, whatever its status.
pub(crate) fn value(folder: &Path, words: &[&str]) -> io::Result<Value> {
    let output = spool(folder, &[words, &["--json"]].concat())?;
    serde_json::from_slice(&output.stdout).map_err(|_| io::Error::other(format!("{output:?}")))
}

/// All it says, on both ways out.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Sends one message, and gives its name.
pub(crate) fn send(to: SocketAddr, recipients: &[&str], text: &str) -> io::Result<String> {
    let mut speaker = Speaker::connect(to)?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.say("MAIL FROM:<me@sender.test>", "250")?;
    for recipient in recipients {
        speaker.say(&format!("RCPT TO:<{recipient}>"), "250")?;
    }
    speaker.say("DATA", "354")?;
    Ok(name(&speaker.say(&format!("{text}."), "250 2.0.0 accepted ")?))
}

/// The message's name in the reply to its final dot.
pub(crate) fn name(reply: &str) -> String {
    reply.trim_end().rsplit(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn stat_and_check_work_beside_an_engine_under_load() -> io::Result<()> {
    let scratch = Scratch::new("spool-load")?;
    let folder = scratch.path();
    let sink = Sink::start(folder, 0.2)?;
    let mut ringpost = Ringpost::start(folder, &(route("*", sink.address()) + RETRY_SOON))?;
    let load = Load::start(folder, &ringpost, 1_000.0)?;
    for _ in 0..5 {
        load.wait_for(1_500)?;
        let stat = value(folder, &["stat"])?;
        assert_eq!(stat["engine"], ringpost.id(), "{stat}");
        let total = &stat["total"];
        assert!(total["segments"].as_u64() > Some(0), "{stat}");
        let live = total["live_bytes"].as_u64().zip(total["disk_bytes"].as_u64());
        assert!(live.is_some_and(|(live, disk)| live <= disk), "{stat}");
        assert!(stat["sync"]["commits"].as_u64() > Some(0), "{stat}");
        assert!(stat["sync"]["p50_seconds_at_most"].as_f64() > Some(0.0), "{stat}");
        for words in [&["check"][..], &["check", "--deep"]] {
            let check = spool(folder, words)?;
            assert_eq!(check.status.code(), Some(0), "{}", said(&check));
            assert!(said(&check).contains("open tail behind it"), "{}", said(&check));
        }
    }
    let proof = load.prove(&ringpost, sink, 100)?;
    assert!(proof.holds && proof.missing == 0 && proof.corrupt == 0, "{}", told(&proof));
    assert!(ringpost.metric("ringpost_commit_records_total")? >= 1_500.0);
    assert!(ringpost.metric("ringpost_durable")? >= 1.0);
    wait::until("no age where nothing is open", PATIENCE, || {
        (ringpost.metric("ringpost_oldest_age_seconds").ok()? < 0.5).then_some(())
    })?;

    assert!(ringpost.drain()?.success());
    let stat = value(folder, &["stat"])?;
    assert_eq!((&stat["engine"], &stat["sync"]), (&Value::Null, &Value::Null), "{stat}");
    assert_eq!(stat["total"]["live_messages"], 0, "{stat}");
    assert_eq!(stat["total"]["oldest_age_seconds"], Value::Null, "{stat}");
    let check = value(folder, &["check", "--deep"])?;
    assert_eq!((&check["sound"], &check["problems"]), (&true.into(), &Value::Array(vec![])));
    // What is left: most segments were given back.
    assert!(check["records"].as_u64() > Some(0), "{check}");
    Ok(())
}

#[allow(clippy::cast_sign_loss, reason = "a figure of bytes or files is not negative")]
fn metric(ringpost: &Ringpost, name: &str) -> Option<u64> {
    ringpost.metric(name).ok().map(|value| value as u64)
}

#[test]
fn stat_agrees_with_the_engine() -> io::Result<()> {
    let scratch = Scratch::new("spool-stat")?;
    let ringpost = Ringpost::start(scratch.path(), &(route("*", NOWHERE) + RETRY_LATE))?;
    for number in 0..7 {
        let to = [format!("{number}@a.test"), format!("{number}@b.test")];
        send(ringpost.smtp(), &[&to[0], &to[1]], "Subject: x\r\n\r\nhello\r\n")?;
    }
    let shown = |name: &str| metric(&ringpost, name);
    // The engine's own figures are a moment old, and so are ours; at rest they are the same.
    let total = wait::until("figures that agree", PATIENCE, || {
        let total = value(scratch.path(), &["stat"]).ok()?["total"].take();
        let agree = [
            ("open_recipients", "ringpost_queued_recipients"),
            ("segments", "ringpost_spool_segments"),
            ("pool_segments", "ringpost_spool_pool_segments"),
        ];
        let agree = agree.iter().all(|(ours, its)| total[*ours].as_u64() == shown(its));
        (agree && total["live_messages"] == 7).then_some(total)
    })?;
    assert_eq!(total["open_recipients"], 14, "{total}");
    let debt = total["reclaim_debt_bytes"].as_u64().zip(shown("ringpost_spool_reclaim_debt_bytes"));
    // We count envelopes only, the engine what lies around them too.
    assert!(
        debt.is_some_and(|(ours, its)| ours > 0 && its > 0 && ours.abs_diff(its) < 7_000),
        "{debt:?}"
    );
    assert!(shown("ringpost_spool_live_bytes") > total["live_bytes"].as_u64(), "{total}");
    assert_eq!(shown("ringpost_spool_write_failures_total"), Some(0));
    let age = total["oldest_age_seconds"].as_u64();
    assert!(age.is_some_and(|age| age < PATIENCE.as_secs()), "{total}");
    let page = spool(scratch.path(), &["stat"])?;
    for words in ["runs on it", "total", "just being written", "commits since start"] {
        assert!(said(&page).contains(words), "no {words} in {}", said(&page));
    }
    Ok(())
}

/// The one segment with something in it, and its bytes.
pub(crate) fn segment(folder: &Path, needle: &[u8]) -> io::Result<(PathBuf, Vec<u8>, usize)> {
    for log in fs::read_dir(folder.join("spool"))? {
        let Ok(files) = fs::read_dir(log?.path()) else { continue };
        for file in files {
            let path = file?.path();
            let bytes = if path.is_file() { fs::read(&path)? } else { continue };
            if let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
                return Ok((path, bytes, at));
            }
        }
    }
    Err(io::Error::other("no segment holds it"))
}

/// Sends three messages with a needle in each; their names.
pub(crate) fn needles(ringpost: &Ringpost) -> io::Result<Vec<String>> {
    // One connection is one shard's, and so one log's.
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    let send = |needle| {
        let text = format!("Subject: x\r\n\r\n{needle}\r\n");
        Ok(name(&speaker.send("me@sender.test", "a@site.test", &text)?))
    };
    ["needle-one", "needle-two", "needle-three"].map(send).into_iter().collect()
}

#[test]
fn check_finds_a_flipped_bit_and_says_where() -> io::Result<()> {
    let scratch = Scratch::new("spool-flip")?;
    let folder = scratch.path();
    let mut ringpost = Ringpost::start(folder, &(route("*", NOWHERE) + RETRY_LATE))?;
    let ids = needles(&ringpost)?;
    ringpost.kill()?;
    assert_eq!(spool(folder, &["check", "--deep"])?.status.code(), Some(0));

    let (file, bytes, text) = segment(folder, b"needle-one")?;
    let block = text / 4_096 * 4_096;
    assert_eq!(&bytes[block..block + 4], b"RPBK", "the text lies in its block's first page");
    let record = text - b"Subject: x\r\n\r\n".len() - 32;
    // A byte, and where the check says the fault is.
    for (at, offset) in [(text, record), (block + 17, block), (100, 0), (2_100, 2_048)] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        fs::write(&file, &flipped)?;
        let check = spool(folder, &["check", "--deep"])?;
        assert_eq!(check.status.code(), Some(1), "byte {at}: {}", said(&check));
        let place = format!("problem: {} at byte {offset}: ", file.display());
        assert!(said(&check).contains(&place), "no {place} in {}", said(&check));
        for words in ["  means: ", "  do: "] {
            assert!(said(&check).contains(words), "{}", said(&check));
        }
    }
    let mut flipped = bytes.clone();
    flipped[text] ^= 4;
    fs::write(&file, &flipped)?;
    let check = value(folder, &["check", "--deep"])?;
    let problems = check["problems"].as_array().expect("a list");
    let named = problems.iter().filter_map(|problem| problem["messages"].as_array());
    let named: Vec<&Value> = named.flatten().collect();
    assert!(!named.is_empty() && named.iter().all(|id| **id == ids[0]), "{check}");
    fs::write(&file, &bytes)?;
    assert_eq!(spool(folder, &["check", "--deep"])?.status.code(), Some(0));
    Ok(())
}

/// Behind the last block nothing says that it was durable: it may be a crash's doing. So it
/// is no problem, but nobody is told that nothing was lost.
#[test]
fn check_names_whom_a_bad_last_block_hit() -> io::Result<()> {
    let scratch = Scratch::new("spool-tail")?;
    let folder = scratch.path();
    let site = Recorder::start()?;
    let mut ringpost = Ringpost::start(folder, &(route("*", site.address()) + RETRY_LATE))?;
    let id = send(ringpost.smtp(), &["a@site.test"], "Subject: x\r\n\r\nneedle\r\n")?;
    ringpost.kill()?;
    let (file, mut bytes, text) = segment(folder, b"needle")?;
    // As it was before a DONE could follow.
    let block = text / 4_096 * 4_096;
    bytes[block + 4_096..].fill(0);
    bytes[text] ^= 4;
    fs::write(&file, &bytes)?;
    let check = value(folder, &["check", "--deep"])?;
    assert_eq!(check["sound"], true, "{check}");
    let tail = check["problems"].as_array().and_then(|problems| {
        problems.iter().find(|problem| problem["found"] == "the last block does not check")
    });
    let tail = tail.ok_or_else(|| io::Error::other(check.to_string()))?;
    assert_eq!((&tail["offset"], &tail["harmless"]), (&block.into(), &true.into()), "{tail}");
    assert_eq!(tail["messages"], serde_json::json!([id]), "{tail}");
    Ok(())
}

#[test]
fn cat_shows_what_was_sent_and_what_became_of_it() -> io::Result<()> {
    let scratch = Scratch::new("spool-cat")?;
    let folder = scratch.path();
    let site = Recorder::answering(|to| {
        if to.starts_with("later") { "450 4.2.1 later".into() } else { "250 2.1.5 fine".into() }
    })?;
    let ringpost = Ringpost::start(folder, &(route("*", site.address()) + RETRY_LATE))?;
    let text = "Subject: dots\r\n\r\n..one\r\nbody\r\n...\r\n";
    let id = send(ringpost.smtp(), &["now@site.test", "later@site.test"], text)?;
    let mail = site.wait_for(1, PATIENCE)?.remove(0);
    let shown = wait::until("both verdicts on disk", PATIENCE, || {
        let shown = value(folder, &["cat", &id]).ok()?;
        let records = shown["records"].as_array()?.len();
        (records == 4 && shown["recipients"][1]["attempts"] == 1).then_some(shown)
    })?;
    assert_eq!((&shown["state"], &shown["sender"]), (&"live".into(), &"me@sender.test".into()));
    assert_eq!(shown["recipients"][0]["outcome"], "delivered", "{shown}");
    let records: Vec<&str> = shown["records"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["record"].as_str())
        .collect();
    assert_eq!(records, ["TEXT", "DELIVERY", "DONE", "DEFER"]);
    let defer = &shown["records"][3];
    assert_eq!((&defer["code"], &defer["enhanced"]), (&450.into(), &"4.2.1".into()), "{defer}");
    assert_eq!(defer["peer"], "127.0.0.1", "{defer}");
    assert_eq!(shown["text"], String::from_utf8_lossy(&mail.text).as_ref(), "and in JSON");

    let out = |words: &[&str]| spool(folder, &[&["cat", &id], words].concat());
    assert_eq!(out(&["--text"])?.stdout, mail.text, "as the next host got it");
    assert_eq!(out(&["--raw"])?.stdout, text.as_bytes());
    let (header, body) = (out(&["--headers"])?.stdout, out(&["--body"])?.stdout);
    assert_eq!([&header[..], &body].concat(), mail.text);
    assert_eq!(body, b".one\r\nbody\r\n..\r\n");
    let page = said(&out(&[])?);
    for words in ["live, 1 recipient open", "<me@sender.test>", "450 4.2.1 by 127.0.0.1", "DEFER"] {
        assert!(page.contains(words), "no {words} in {page}");
    }
    assert!(page.ends_with(&String::from_utf8_lossy(&mail.text).into_owned()), "{page}");

    let unknown = spool(folder, &["cat", "0-7-1f4"])?;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(said(&unknown).contains("nothing of message 0-7-1f4 is in"), "{}", said(&unknown));
    assert_eq!(spool(folder, &["cat", "nonsense"])?.status.code(), Some(2));
    Ok(())
}

#[test]
fn export_writes_all_that_is_open_and_nothing_else() -> io::Result<()> {
    let scratch = Scratch::new("spool-export")?;
    let folder = scratch.path();
    let site = Recorder::answering(|to| {
        if to.starts_with("later") { "450 4.2.1 later".into() } else { "250 2.1.5 fine".into() }
    })?;
    let mut ringpost = Ringpost::start(folder, &(route("*", site.address()) + RETRY_LATE))?;
    let id =
        send(ringpost.smtp(), &["now@site.test", "later@site.test"], "Subject: x\r\n\r\n..\r\n")?;
    let through = send(ringpost.smtp(), &["now@site.test"], "Subject: y\r\n\r\ny\r\n")?;
    let mails = site.wait_for(2, PATIENCE)?;
    wait::until("the verdicts on disk", PATIENCE, || {
        let open = value(folder, &["cat", &id]).ok()?["recipients"][1]["attempts"] == 1;
        let done = value(folder, &["cat", &through]).ok()?["state"] == "through";
        (open && done).then_some(())
    })?;
    ringpost.kill()?;

    let to = folder.join("export");
    let export = spool(folder, &["export", &to.display().to_string()])?;
    assert_eq!(export.status.code(), Some(0), "{}", said(&export));
    let mut names: Vec<_> =
        fs::read_dir(&to)?.filter_map(|file| file.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    assert_eq!(names, [format!("{id}.eml"), "messages.jsonl".into()]);
    let mail = mails.iter().find(|mail| mail.text.ends_with(b"\r\n.\r\n")).expect("it came");
    assert_eq!(fs::read(to.join(&names[0]))?, mail.text);
    let line: Value = serde_json::from_slice(&fs::read(to.join("messages.jsonl"))?)?;
    assert_eq!((&line["id"], &line["sender"]), (&id.into(), &"me@sender.test".into()));
    let open = line["recipients"].as_array().expect("a list");
    assert_eq!(open.len(), 1, "who has it is not open: {line}");
    assert_eq!((&open[0]["address"], &open[0]["attempts"]), (&"later@site.test".into(), &1.into()));
    let due = open[0]["due_ms"].as_u64().zip(line["accepted_ms"].as_u64());
    assert!(due.is_some_and(|(due, accepted)| due >= accepted + 3_500_000), "{line}");
    let again = spool(folder, &["export", &to.display().to_string()])?;
    assert!(said(&again).contains("is not empty"), "{}", said(&again));
    Ok(())
}

/// The opt-outs of durability are said at start, and shown for as long as they hold.
#[test]
fn a_spool_that_does_not_sync_says_so() -> io::Result<()> {
    let scratch = Scratch::new("spool-optout")?;
    let folder = scratch.path();
    let mut ringpost = Ringpost::start(folder, &(route("*", NOWHERE) + RETRY_LATE))?;
    assert!(metric(&ringpost, "ringpost_durable") > Some(0));
    assert!(!ringpost.said().contains("loses accepted mail"), "{}", ringpost.said());
    assert!(ringpost.drain()?.success());
    let file = folder.join("ringpost.toml");
    let settings = fs::read_to_string(&file)?;
    fs::write(&file, settings.replace("[spool]", "[spool]\ndurability = \"page-cache\""))?;
    ringpost.restart()?;
    assert_eq!(metric(&ringpost, "ringpost_durable"), Some(0));
    for words in ["(page-cache)", "warning: durability is \"page-cache\": a power cut"] {
        assert!(ringpost.said().contains(words), "no {words} in {}", ringpost.said());
    }
    send(ringpost.smtp(), &["a@site.test"], "Subject: x\r\n\r\nx\r\n")?;
    assert!(ringpost.drain()?.success());
    assert_eq!(value(folder, &["check", "--deep"])?["sound"], true);
    Ok(())
}
