//! Each reply is of what was said first and has none.

use super::Stages;
use policy::replies::Stage::{self, Data, Greeting, Hello, Mail, Rcpt, Text};

/// What was said, with `text` for a text, and the codes that answered it.
fn hear(stages: &mut Stages, said: &str, codes: &[u16]) -> Vec<Option<Stage>> {
    for line in said.split_inclusive('\n') {
        match line {
            "text\n" => stages.say_text(),
            line => stages.say(line.as_bytes()),
        }
    }
    codes.iter().map(|code| stages.hear(*code)).collect()
}

#[test]
fn replies_are_of_the_first_that_has_none() {
    let mut stages = Stages::new();
    let said = "EHLO a\r\nSTARTTLS\r\nEHLO a\r\n";
    let heard = hear(&mut stages, said, &[220, 250, 220, 250]);
    assert_eq!(heard, [Some(Greeting), Some(Hello), Some(Hello), Some(Hello)]);
    let said = "MAIL FROM:<a>\r\nRCPT TO:<b>\r\nRCPT TO:<c>\r\nDATA\r\ntext\n";
    let heard = hear(&mut stages, said, &[250, 450, 250, 354, 250]);
    assert_eq!(heard, [Some(Mail), Some(Rcpt), Some(Rcpt), Some(Data), Some(Text)]);
    assert_eq!([stages.of(0), stages.of(1)], [Some(Rcpt), None]);
    stages.turn();
    let said = "RSET\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 3 LAST\r\nQUIT\r\n";
    let heard = hear(&mut stages, said, &[250, 421, 503, 503, 221, 421]);
    assert_eq!(heard, [None, Some(Mail), Some(Rcpt), Some(Text), None, None]);
    assert_eq!(stages.of(0), Some(Mail), "what follows a refused sender says nothing");
}

#[test]
fn what_a_text_is_refused_for_is_of_all_that_are_left() {
    for (code, said, stage) in [
        ([250, 550, 250, 354, 421], "text\n", Text),
        ([250, 550, 250, 451, 0], "", Data),
        ([250, 550, 250, 354, 554], ".\r\n", Text),
    ] {
        let mut stages = Stages::new();
        hear(&mut stages, "", &[220]);
        let said = format!("MAIL FROM:<a>\r\nRCPT TO:<b>\r\nRCPT TO:<c>\r\nDATA\r\n{said}");
        hear(&mut stages, &said, &code);
        assert_eq!([stages.of(0), stages.of(1)], [Some(Rcpt), Some(stage)]);
    }
}
