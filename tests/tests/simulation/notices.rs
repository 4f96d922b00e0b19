//! Reports of what is no failure: that mail is late, or went to a host without DSN.

use crate::ledger::{Bounce, Fate, Ledger, token_of};

/// Whoever was told of something had asked for it, and it is true; and but for a crash it was
/// told once, and not left out.
pub(crate) fn check(book: &Ledger, problems: &mut Vec<String>) {
    for (text, notice) in &book.notices {
        let text = String::from_utf8_lossy(text);
        let (word, is_true): (&str, fn(&Fate) -> bool) = match action(&text) {
            Some("relayed") => ("SUCCESS", |fate| !fate.takings.is_empty()),
            // Late is also what a provider never answered.
            Some("delayed") => ("DELAY", |_| true),
            other => {
                problems.push(format!("a report to {} says {other:?}", notice.to));
                continue;
            }
        };
        for recipient in &notice.of {
            if token_of(recipient) != token_of(&notice.to) {
                problems.push(format!("{} was told of {recipient}", notice.to));
            }
            let fate = book.fates.get(recipient);
            if !fate.is_some_and(|fate| fate.asks_for(word) && is_true(fate)) {
                problems.push(format!("{} was told of {word} of {recipient}", notice.to));
            }
        }
        if notice.takings.iter().filter(|taking| !book.excuses(taking)).count() > 1 {
            problems.push(format!("{} got a report twice", notice.to));
        }
    }
    // A crash may take a report with it, or make a host deliver twice and report twice.
    if book.crashes.is_empty() && book.struck.is_none() && !book.clock_stepped {
        each_once(book, problems);
    }
}

fn each_once(book: &Ledger, problems: &mut Vec<String>) {
    for (token, message, ..) in book.ours() {
        for recipient in &message.recipients {
            let fate = &book.fates[recipient];
            let told = |word: &str| {
                let reports = book
                    .notices
                    .iter()
                    .filter(|(text, _)| action(&String::from_utf8_lossy(text)) == Some(word));
                reports.filter(|(_, notice)| is_of(notice, recipient)).count()
            };
            let (relayed, delayed) = (told("relayed"), told("delayed"));
            let certain = fate.takings.iter().filter(|taking| taking.is_certain).count();
            let wanted = fate.asks_for("SUCCESS") && !message.sender.is_empty();
            if relayed > 1 || delayed > 1 || (wanted && certain > 0 && relayed == 0) {
                problems.push(format!(
                    "{relayed} reports of success and {delayed} of delay tell of {recipient} of \
                     message {token}, which was taken {certain} times"
                ));
            }
        }
    }
}

fn is_of(notice: &Bounce, recipient: &str) -> bool {
    notice.of.iter().any(|told| told == recipient)
}

/// What the first group of a report's recipient fields says.
fn action(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("Action: "))
}
