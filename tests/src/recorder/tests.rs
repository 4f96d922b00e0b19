use super::Recorder;
use crate::speaker::Speaker;
use std::io;
use std::time::Duration;

#[test]
fn it_keeps_what_it_took_and_answers_as_told() -> io::Result<()> {
    let recorder = Recorder::answering(|recipient| {
        if recipient == "no@site.test" { "550 5.1.1 no".into() } else { "250 2.1.5 yes".into() }
    })?;
    let mut speaker = Speaker::connect(recorder.address())?;
    speaker.say("EHLO sender.test", "250-")?;
    speaker.say("MAIL FROM:<a@sender.test> BODY=8BITMIME", "250 2.1.0")?;
    speaker.say("RCPT TO:<no@site.test>", "550 5.1.1")?;
    speaker.say("RCPT TO:<yes@site.test>", "250 2.1.5")?;
    speaker.say("DATA", "354")?;
    speaker.say("Subject: x\r\n\r\n..\r\n...\r\n.", "250 2.0.0")?;
    speaker.send("b@sender.test", "yes@site.test", "")?;

    let mails = recorder.wait_for(2, Duration::from_secs(5))?;
    assert_eq!((mails[0].sender.as_str(), mails[0].recipients.len()), ("a@sender.test", 1));
    assert_eq!(mails[0].text, b"Subject: x\r\n\r\n.\r\n..\r\n");
    assert_eq!((mails[1].sender.as_str(), mails[1].text.len()), ("b@sender.test", 0));
    let said = ["MAIL FROM:<a@sender.test> BODY=8BITMIME", "RCPT TO:<yes@site.test>"];
    assert_eq!(mails[0].commands, said);
    Ok(())
}

#[test]
fn it_offers_what_it_is_told_and_takes_a_chunk() -> io::Result<()> {
    let recorder = Recorder::offering(&["CHUNKING", "BINARYMIME"], |_| "250 2.1.5 yes".into())?;
    let mut speaker = Speaker::connect(recorder.address())?;
    let offers = speaker.say("EHLO sender.test", "250-")?;
    assert!(offers.contains("250-BINARYMIME\r\n") && !offers.contains("PIPELINING"), "{offers}");
    speaker.say("MAIL FROM:<a@sender.test> BODY=BINARYMIME", "250 2.1.0")?;
    speaker.say("RCPT TO:<yes@site.test>", "250 2.1.5")?;
    speaker.chunk(b"a\n\0\r\n.\r\nb")?;
    let mails = recorder.wait_for(1, Duration::from_secs(5))?;
    assert!(mails[0].chunked && mails[0].text == b"a\n\0\r\n.\r\nb");
    Ok(())
}
