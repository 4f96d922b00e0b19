//! Messages by BDAT, in more chunks than one, to a host that takes DATA alone.

use crate::common::{PATIENCE, route};
use std::io;
use tests::recorder::Recorder;
use tests::ringpost::Ringpost;
use tests::scratch::Scratch;
use tests::speaker::Speaker;

/// RFC 3030: chunks are cut anywhere, with commands between them, even inside a CRLF; what they
/// make is one text, its dots doubled on the way out and its last line ended.
#[test]
fn chunks_make_one_text() -> io::Result<()> {
    let scratch = Scratch::new("chunks")?;
    let site = Recorder::start()?;
    let ringpost = Ringpost::start(scratch.path(), &route("site.test", site.address()))?;
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;

    let small = "Subject: small\r\n\r\n.\r\n..\r\n.dot\r\nno end";
    // Larger than any one buffer, so that parts of it go to disk before its end.
    let large = "Subject: large\r\n\r\n".to_owned() + &".line of a large text\r\n".repeat(40_000);
    for (text, cuts) in [(small, vec![15, 19, 20]), (&large[..], vec![17, 300_001, 300_002])] {
        speaker.say("MAIL FROM:<me@sender.test>", "250")?;
        speaker.say("RCPT TO:<you@site.test>", "250")?;
        let mut from = 0;
        for cut in cuts {
            speaker.say_chunk(&text.as_bytes()[from..cut], false)?;
            speaker.say("NOOP", "250")?;
            from = cut;
        }
        speaker.say_chunk(&text.as_bytes()[from..], true)?;
    }
    let mails = site.wait_for(2, PATIENCE)?;
    for (text, name) in [(small.to_owned() + "\r\n", "small"), (large, "large")] {
        let arrived = |mail: &&tests::recorder::Mail| mail.text.ends_with(text.as_bytes());
        let mail = mails.iter().find(arrived);
        assert!(mail.is_some_and(|mail| !mail.chunked), "the {name} one is not as it was sent");
    }
    Ok(())
}

/// T1, over a real connection: what hides in a chunk is refused, and nothing of it is relayed.
#[test]
fn what_is_smuggled_in_a_chunk_goes_nowhere() -> io::Result<()> {
    let scratch = Scratch::new("chunks-smuggled")?;
    let site = Recorder::start()?;
    let ringpost = Ringpost::start(scratch.path(), &route("site.test", site.address()))?;
    let hidden =
        "\r\nMAIL FROM:<evil@sender.test>\r\nRCPT TO:<you@site.test>\r\nDATA\r\nboo\r\n.\r\n";
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n\0.\r\n", "\r\n.\r"] {
        let mut speaker = Speaker::connect(ringpost.smtp())?;
        speaker.say("EHLO sender.test", "250")?;
        speaker.say("MAIL FROM:<me@sender.test>", "250")?;
        speaker.say("RCPT TO:<you@site.test>", "250")?;
        let refused = speaker.say_chunk(format!("a{end}{hidden}").as_bytes(), true);
        assert!(refused.is_err_and(|reply| reply.to_string().contains("550 5.6.11")), "{end:?}");
    }
    let mut speaker = Speaker::connect(ringpost.smtp())?;
    speaker.say("EHLO sender.test", "250")?;
    speaker.send("me@sender.test", "last@site.test", "Subject: last\r\n\r\n")?;
    let mails = site.wait_for(1, PATIENCE)?;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["last@site.test"]);
    Ok(())
}
