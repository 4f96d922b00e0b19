//! What must hold: at each 250, at each crash, and in the end.

use crate::disk::Found;
use crate::ledger::{Bounce, Fate, Ledger, Message, Standing, token_of};
use crate::lines::{self, Attempts};
use crate::notices;
use crate::relay::EXPIRE;
use event::Tick;

/// What a recipient met that could have ended it.
fn may_be_over(fate: &Fate, accepted: Tick, now: Tick) -> bool {
    let is_answered = !fate.takings.is_empty() || !fate.refused.is_empty();
    is_answered || fate.hopeless || fate.unfit || now >= accepted + EXPIRE
}

/// A 250 was read, so the message is on the disk: all its recipients, and its text.
pub(crate) fn acknowledged(found: &Found, book: &mut Ledger, token: u64, now: Tick) {
    let mut problems = Vec::new();
    let message = &book.messages[&token];
    let Standing::Acknowledged { at, id } = message.standing else { return };
    for recipient in &message.recipients {
        let is_open = found.open.contains_key(&(id, recipient.clone()));
        let is_over = may_be_over(&book.fates[recipient], at, now)
            || book.may_be_given_up(recipient)
            || book.clock_stepped;
        if !is_open && !is_over {
            problems.push(format!(
                "{recipient} of message {token} ({id}) was acknowledged and is not durable"
            ));
        }
    }
    if found.texts.get(&id).is_some_and(|text| *text != message.sent) {
        problems.push(format!("the text of message {token} ({id}) is not on the disk as it came"));
    }
    book.violations.append(&mut problems);
}

/// All that was acknowledged is on the disk, and stands there as the delivery log says.
pub(crate) fn whole_spool(
    found: &Found,
    attempts: Option<&Attempts>,
    book: &mut Ledger,
    now: Tick,
) {
    let tokens: Vec<u64> = book.ours().map(|(token, ..)| token).collect();
    for token in tokens {
        acknowledged(found, book, token, now);
    }
    for (key, attempts) in attempts.into_iter().flatten() {
        let Some(last) = attempts.last() else { continue };
        if last.at + lines::bound(book, last) > now || lines::forgotten(book, last) {
            continue;
        }
        let open = found.open.get(key);
        let problem = match (last.next_millis, open) {
            (None, Some(_)) => "is over, and open on the disk".to_owned(),
            (Some(next), Some(open))
                if u64::from(open.attempt) == last.number && open.due.0 != next =>
            {
                format!("is due at {next}, and on the disk at {}", open.due.0)
            }
            (Some(_), Some(open)) if u64::from(open.attempt) < last.number => {
                format!("has {} attempts, and {} on the disk", last.number, open.attempt)
            }
            (Some(next), None) if lines::tick(next) > now => {
                "waits, and is not on the disk".to_owned()
            }
            _ => continue,
        };
        book.violation(format!("message {} to {} {problem}", key.0, key.1));
    }
}

/// Every acknowledged recipient has met exactly one end.
pub(crate) fn ends(book: &mut Ledger) {
    let mut problems = Vec::new();
    for (token, message, ..) in book.ours() {
        for recipient in &message.recipients {
            one_end(book, token, message, recipient, &mut problems);
        }
    }
    unasked(book, &mut problems);
    bounces(book, &mut problems);
    notices::check(book, &mut problems);
    book.violations.append(&mut problems);
}

fn one_end(
    book: &Ledger,
    token: u64,
    message: &Message,
    recipient: &str,
    problems: &mut Vec<String>,
) {
    let fate = &book.fates[recipient];
    let told = book.bounces_of(recipient).count();
    // Nobody is told of a null sender's mail; and a stepped clock may age a bounce to death.
    // And nobody is told who did not want to be.
    let dropped = message.sender.is_empty()
        || book.clock_stepped
        || !fate.asks_for("FAILURE")
        || book.may_be_given_up(recipient);
    if fate.takings.is_empty() && told == 0 && !dropped {
        problems.push(format!("{recipient} of message {token} is lost"));
    }
    if told > 1 {
        problems.push(format!("{told} different bounces tell of {recipient}"));
    }
    let without_excuse = fate.takings.iter().filter(|taking| !book.excuses(taking)).count();
    if without_excuse > 1 || (without_excuse == 1 && told > 0) {
        let takings = &fate.takings;
        problems
            .push(format!("{recipient} was delivered, and then more: {told} bounces, {takings:?}"));
    }
}

/// What was not acknowledged is delivered whole or not at all, and not if it was refused.
fn unasked(book: &Ledger, problems: &mut Vec<String>) {
    for (recipient, fate) in &book.fates {
        let message = &book.messages[&fate.token];
        let Standing::Refused { at } = message.standing else { continue };
        let restarted = book.crashes.iter().any(|crash| *crash >= at);
        if !restarted && !fate.takings.is_empty() {
            problems.push(format!("{recipient} was refused, and delivered"));
        }
    }
}

/// Each bounce arrives once, and tells the truth to the right sender.
fn bounces(book: &Ledger, problems: &mut Vec<String>) {
    for (text, bounce) in &book.bounces {
        let text = String::from_utf8_lossy(text);
        let named: Vec<&str> = text
            .split("\r\n")
            .filter(|line| line.to_ascii_lowercase().starts_with("final-recipient:"))
            .filter_map(|line| line.rsplit(';').next().map(str::trim))
            .collect();
        if named.is_empty() {
            problems.push(format!("a bounce to {} names nobody", bounce.to));
        }
        for recipient in named {
            if token_of(recipient) != token_of(&bounce.to) {
                problems.push(format!("{} was told of {recipient}", bounce.to));
            }
            match book.fates.get(recipient) {
                Some(fate)
                    if (could_fail(book, fate, bounce) || book.may_be_given_up(recipient))
                        && fate.asks_for("FAILURE") => {}
                _ => problems.push(format!("{} was told that {recipient} failed", bounce.to)),
            }
        }
        let without_excuse = bounce.takings.iter().filter(|taking| !book.excuses(taking)).count();
        if without_excuse > 1 {
            problems.push(format!("{} got a bounce {} times", bounce.to, bounce.takings.len()));
        }
    }
}

/// Whether a recipient was refused, cannot be reached, or had its time when the bounce came.
fn could_fail(book: &Ledger, fate: &Fate, bounce: &Bounce) -> bool {
    let expired = match book.messages[&fate.token].standing {
        Standing::Acknowledged { at, .. } => {
            bounce.takings.iter().all(|taking| taking.at >= at + EXPIRE)
        }
        _ => true,
    };
    !fate.refused.is_empty() || fate.hopeless || fate.unfit || expired || book.clock_stepped
}
