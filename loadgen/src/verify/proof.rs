//! What the join found: counts, a few examples of each fault, and the verdict.

use super::Options;
use super::case::{Case, Finding};
use super::contract::{Breaches, Broken};
use crate::latency::{Latency, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Examples kept of each kind of fault.
const SAMPLES_MAX: usize = 5;

/// One example of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// What is wrong.
    pub fault: Cow<'static, str>,
    /// The message, as its header names it.
    pub id: String,
    /// The checksum of the recipient's address.
    pub recipient: String,
}

/// The verdict and what it rests on. Counts are recipients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// Every accepted message arrived exactly once and unchanged, or has a good explanation.
    pub holds: bool,
    /// Accepted, and delivered as it was (also if more than once: see `duplicates`).
    pub exact: u64,
    /// Accepted, and turned down by the sink for good.
    pub failed: u64,
    /// Not accepted, and rightly not delivered.
    pub not_accepted: u64,
    /// The relay gave no answer: either end is right.
    pub unanswered: u64,
    /// Of those, delivered.
    pub unanswered_delivered: u64,
    /// Accepted, and deferred when last heard of.
    pub queued: u64,
    /// Fault: accepted and never seen again.
    pub missing: u64,
    /// Deliveries beyond the first; a fault if more than allowed.
    pub duplicates: u64,
    /// Fault: delivered with another text.
    pub corrupt: u64,
    /// Delivered and never accepted; a fault unless the generator's ledger was cut short.
    pub never_accepted: u64,
    /// Fault: offered to the sink again after a 5xx.
    pub after_failure: u64,
    /// Fault: times the relay broke a rule of a provider's contract.
    pub out_of_contract: u64,
    /// Which rules of which providers.
    pub broken: Vec<Broken>,
    /// 4xx of the sink.
    pub deferrals: u64,
    /// 4xx of the relay.
    pub postponements: u64,
    /// Reports about messages (from the null sender).
    pub reported: u64,
    /// Recipients of messages that are not ours.
    pub strangers: u64,
    /// The generator did not close its ledger: its last rows may be missing.
    pub generator_was_cut: bool,
    /// From the relay's 250 to the sink's.
    pub transit: Summary,
    /// Examples.
    pub samples: Vec<Sample>,
    #[serde(skip)]
    pub(super) breaches: Breaches,
    #[serde(skip)]
    latency: Latency,
    #[serde(skip)]
    duplicates_allowed: u64,
    #[serde(skip)]
    may_be_queued: bool,
}

impl Proof {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            holds: true,
            exact: 0,
            failed: 0,
            not_accepted: 0,
            unanswered: 0,
            unanswered_delivered: 0,
            queued: 0,
            missing: 0,
            duplicates: 0,
            corrupt: 0,
            never_accepted: 0,
            after_failure: 0,
            out_of_contract: 0,
            broken: Vec::new(),
            deferrals: 0,
            postponements: 0,
            reported: 0,
            strangers: 0,
            generator_was_cut: false,
            transit: Summary::default(),
            samples: Vec::new(),
            breaches: Breaches::default(),
            latency: Latency::default(),
            duplicates_allowed: options.duplicates_allowed,
            may_be_queued: options.may_be_queued,
        }
    }

    pub(super) fn judge(&mut self, case: &Case, options: &Options) {
        let finding = case.finding(options.body_only);
        let counter = match finding {
            Finding::Exact => &mut self.exact,
            Finding::Failed => &mut self.failed,
            Finding::NotAccepted => &mut self.not_accepted,
            Finding::Open => &mut self.unanswered,
            Finding::Queued => &mut self.queued,
            Finding::Missing => &mut self.missing,
            Finding::Corrupt => &mut self.corrupt,
            Finding::NeverAccepted => &mut self.never_accepted,
        };
        *counter += 1;
        self.unanswered_delivered += u64::from(finding == Finding::Open && case.delivered > 0);
        self.duplicates += case.duplicates();
        self.after_failure += u64::from(case.is_tried_after_failure());
        self.deferrals += case.deferred;
        self.postponements += case.postponed;
        if let Some(nanos) = case.transit() {
            self.latency.record(nanos);
        }
        self.note_faults(case, finding);
    }

    fn note_faults(&mut self, case: &Case, finding: Finding) {
        let fault = match finding {
            Finding::Queued if !self.may_be_queued => Some("still deferred"),
            Finding::Missing => Some("missing"),
            Finding::Corrupt => Some("corrupt"),
            Finding::NeverAccepted => Some("never accepted"),
            _ => None,
        };
        let excess = self.duplicates > self.duplicates_allowed && case.duplicates() > 0;
        let doubled = excess.then_some("duplicate");
        let again = case.is_tried_after_failure().then_some("tried after a 5xx");
        for fault in fault.into_iter().chain(doubled).chain(again) {
            if self.samples.iter().filter(|sample| sample.fault == fault).count() < SAMPLES_MAX {
                let (id, recipient) =
                    (format!("{:016x}", case.id), format!("{:016x}", case.recipient));
                self.samples.push(Sample { fault: fault.into(), id, recipient });
            }
        }
    }

    pub(super) fn conclude(mut self) -> Self {
        self.transit = self.latency.summary();
        let unexplained = if self.generator_was_cut { 0 } else { self.never_accepted };
        let queued = if self.may_be_queued { 0 } else { self.queued };
        let doubled = self.duplicates.saturating_sub(self.duplicates_allowed);
        self.broken = self.breaches.all();
        self.out_of_contract = self.broken.iter().map(|broken| broken.times).sum();
        let faults = self.missing
            + self.corrupt
            + self.after_failure
            + self.out_of_contract
            + unexplained
            + queued
            + doubled;
        self.holds = faults == 0;
        self
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.account())?;
        f.write_str(if self.holds { "  proof holds" } else { "  PROOF FAILS" })
    }
}

/// The counts of a proof, a line each.
struct Account<'p>(&'p Proof);

impl Proof {
    /// The counts and examples, without the verdict.
    #[must_use]
    pub fn account(&self) -> impl fmt::Display {
        Account(self)
    }
}

impl Account<'_> {
    /// Counts that are worth a line only if there are any.
    fn explanations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proof = self.0;
        if proof.failed > 0 {
            line(f, "failed, explained", proof.failed, "the provider said 5xx")?;
        }
        if proof.not_accepted > 0 {
            line(f, "not accepted", proof.not_accepted, "and not delivered")?;
        }
        if proof.unanswered > 0 {
            let note = format!("the relay gave no answer; {} arrived", proof.unanswered_delivered);
            line(f, "unanswered", proof.unanswered, &note)?;
        }
        if proof.deferrals + proof.postponements > 0 {
            let note = format!("and {} by the relay", proof.postponements);
            line(f, "deferrals by providers", proof.deferrals, &note)?;
        }
        if proof.reported + proof.strangers > 0 {
            let note = format!("and {} of others' mail", proof.strangers);
            line(f, "reports", proof.reported, &note)?;
        }
        Ok(())
    }

    fn faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proof = self.0;
        line(f, "missing", proof.missing, "")?;
        line(f, "duplicate", proof.duplicates, "")?;
        line(f, "corrupt", proof.corrupt, "")?;
        let cut = if proof.generator_was_cut { "the generator's ledger was cut short" } else { "" };
        line(f, "never accepted", proof.never_accepted, cut)?;
        if proof.after_failure > 0 {
            line(f, "tried after a 5xx", proof.after_failure, "")?;
        }
        line(f, "out of contract", proof.out_of_contract, "")?;
        if proof.queued > 0 {
            line(f, "still deferred", proof.queued, "in the relay's queue, or expired there")?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, label: &str, count: u64, note: &str) -> fmt::Result {
    let gap = if note.is_empty() { "" } else { "  " };
    writeln!(f, "  {label:<24}{count:>11}{gap}{note}")
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "delivered exactly", self.0.exact, "")?;
        self.explanations(f)?;
        self.faults(f)?;
        for broken in &self.0.broken {
            writeln!(f, "  out of contract: {broken}")?;
        }
        for Sample { fault, id, recipient } in &self.0.samples {
            writeln!(f, "  {fault}: message {id} recipient {recipient}")?;
        }
        write!(f, "  accept to delivery      {}", self.0.transit)
    }
}
