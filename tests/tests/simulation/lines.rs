//! The delivery log, read back: what the relay says it did.

use crate::aftermath::CLOSED_MAX;
use crate::ledger::Ledger;
use crate::relay::LOG;
use event::{MessageId, ReplyClass, Tick};
use kernel::sim::{Host, World};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// 2026-01-01: when every world begins. Its ticks count from there.
const WALL_FIRST_MILLIS: u64 = 1_767_225_600_000;
/// How coarse times in the log are.
const COARSE: Duration = Duration::from_millis(5);
/// How long the relay waits before it tries a bounce again.
const BOUNCE_AGAIN: Duration = Duration::from_secs(5);

/// One attempt, as the log has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) at: Tick,
    pub(crate) number: u64,
    /// When it is tried again; `None` if this was the end.
    pub(crate) next_millis: Option<u64>,
    /// An operator gave it up: nothing was tried.
    pub(crate) is_given_up: bool,
    /// It failed for good, so a bounce tells of it.
    pub(crate) is_told: bool,
    /// It says why it was not taken if it was not, and not if it was.
    pub(crate) is_classed: bool,
}

/// All attempts in order, by message and recipient.
pub(crate) type Attempts = BTreeMap<(MessageId, String), Vec<Attempt>>;

/// Reads what of the log programs on `host` see. Lines that a crash cut are left out.
pub(crate) fn read(world: &World, host: Host) -> Attempts {
    let bytes = world.live(host, Path::new(LOG)).unwrap_or_default();
    let mut attempts = Attempts::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        if line["event"] != "attempt" {
            continue;
        }
        if let Some((key, attempt)) = parse(&line) {
            attempts.entry(key).or_default().push(attempt);
        }
    }
    attempts
}

fn parse(line: &serde_json::Value) -> Option<((MessageId, String), Attempt)> {
    let is_no = !matches!(line["outcome"].as_str()?, "delivered" | "dropped");
    let (class, category) = (line["class"].as_str(), line["category"].as_str());
    let is_expired = line["outcome"] == "expired";
    let key = (line["id"].as_str()?.parse().ok()?, line["recipient"].as_str()?.to_owned());
    let text = line["text"].as_str().unwrap_or_default();
    let is_given_up = line["local"] == true && text.starts_with("given up by");
    let attempt = Attempt {
        is_given_up,
        at: tick(line["at"].as_u64()?),
        number: line["attempt"].as_u64()?,
        next_millis: line["next"].as_u64(),
        is_told: line["next"].is_null() && line["outcome"] != "delivered",
        is_classed: is_no == class.is_some_and(|class| class.parse::<ReplyClass>().is_ok())
            && (line["outcome"] == "dropped"
                || category == if is_expired { Some("message-expired") } else { class }),
    };
    Some((key, attempt))
}

/// The tick of a wall time, where the wall was never stepped.
pub(crate) fn tick(millis: u64) -> Tick {
    Tick(millis.saturating_sub(WALL_FIRST_MILLIS) * 1_000_000)
}

/// Attempts are counted without gaps, none comes before its time, and nothing follows the end,
/// unless a crash may have forgotten it.
pub(crate) fn check(attempts: &Attempts, book: &mut Ledger) {
    for ((id, recipient), attempts) in attempts {
        if let Some(attempt) = attempts.iter().find(|attempt| !attempt.is_classed) {
            book.violation(format!("message {id} to {recipient} has a wrong class: {attempt:?}"));
        }
        for pair in attempts.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            if forgotten(book, &before) {
                continue;
            }
            // A power loss takes lines with it, but not what they told of.
            let is_gap =
                after.number > before.number && book.crashed_within(before.at, Tick::NEVER);
            let problem = match before.next_millis {
                None => "was tried again after its final record".to_owned(),
                Some(_) if after.is_given_up && after.number == before.number => continue,
                Some(_) if after.number != before.number + 1 && !is_gap => {
                    format!("had attempt {} and then {}", before.number, after.number)
                }
                Some(next) if after.at + COARSE < tick(next) => {
                    format!("was due at {next} and tried at {:?}", after.at)
                }
                Some(_) => continue,
            };
            book.violation(format!("message {id} to {recipient} {problem}"));
        }
    }
}

/// Whether a crash may have lost the record of this attempt.
pub(crate) fn forgotten(book: &Ledger, attempt: &Attempt) -> bool {
    let bound = bound(book, attempt);
    let reach = |at: &Tick| attempt.at <= *at + COARSE && *at <= attempt.at + bound;
    book.crashes.iter().any(reach)
}

/// How long the record of this attempt may be on its way. A bounce that the disk does not take,
/// or the log while it is closed behind a fault, is tried again when [`BOUNCE_AGAIN`] has passed,
/// and until then what it tells of is open.
pub(crate) fn bound(book: &Ledger, attempt: &Attempt) -> Duration {
    let closed = |struck: Tick| struck + CLOSED_MAX + COARSE;
    let hit = |struck: Tick| attempt.at <= closed(struck) && struck <= attempt.at + book.bound;
    let put_off = attempt.is_told && book.struck.is_some_and(hit);
    book.bound + if put_off { BOUNCE_AGAIN } else { Duration::ZERO }
}
