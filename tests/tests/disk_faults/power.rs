//! A relay whose disk loses its power, again and again, under load.

use crate::load::{self, Ends, Verdicts};
use crate::settings;
use loadgen::arrivals::Arrivals;
use loadgen::clock;
use loadgen::hash::scatter;
use loadgen::rate::Rate;
use loadgen::send::{self, Sending};
use std::io;
use tests::gate::Gate;
use tests::loop_disk::{Filesystem, LoopDisk};
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::wait;

/// Messages a second; behind a power cut what was missed is sent as fast as it goes.
pub(crate) const RATE: Rate = Rate::per_second(3_000.0);
/// Messages acknowledged between two cuts, if a trial has no reason for another number.
pub(crate) const BURST: u64 = 300;
/// Bytes of the disk; xfs takes no fewer than 300 MB.
const DISK_BYTES: u64 = 600_000_000;
/// Messages that may arrive twice for each cut: their records were on the way to the disk.
const DUPLICATES_PER_CUT: u64 = 1_000;
/// Small segments, so that many are begun and given back.
const SPOOL: &str = "segment_bytes = 4194304\nfree_bytes_min = 16777216\n";

/// What is tried.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) filesystem: Filesystem,
    pub(crate) outfit: Outfit,
    pub(crate) cuts: u64,
    /// The fewest messages between two cuts; there may be five times as many.
    pub(crate) burst: u64,
    /// How fast they are sent.
    pub(crate) rate: Rate,
    /// What the site does.
    pub(crate) site: Site,
    /// Makes the moments of the cuts.
    pub(crate) seed: u64,
}

/// What the site does that all mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// It puts off a fifth of the recipients, so that at any moment mail waits for it.
    Moody,
    /// It takes everything at once, and stops to answer so many messages before each cut: the
    /// log is as short as can be, and then begins segments that nothing else makes durable.
    Hushed(u64),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Both ledgers were joined.
    Judged(Box<Verdicts>),
    /// After this many cuts the relay did not start any more, or did not get anywhere.
    Stuck(u64, String),
}

impl Trial {
    /// Cuts the power so many times, then lets all mail be delivered, and counts it.
    pub(crate) fn run(&self) -> io::Result<Outcome> {
        let scratch = Scratch::new("power")?;
        let mut disk = LoopDisk::make(scratch.path(), "disk", self.filesystem, DISK_BYTES, &[])?;
        let defer = if self.site == Site::Moody { 0.2 } else { 0.0 };
        let mut ends = Ends::start(scratch.path(), defer)?;
        let gate = Gate::start(ends.address())?;
        let site = if self.site == Site::Moody { ends.address() } else { gate.address() };
        let mut outfit = self.outfit.clone();
        outfit.spool = Some(disk.place().join("spool"));
        outfit.spool_settings += SPOOL;
        let mut ringpost = Ringpost::start_as(outfit, scratch.path(), &settings(site))?;
        let plan =
            send::Options { arrivals: Arrivals::constant(self.rate), ..ends.plan(&ringpost)? };
        let sending = send::start(plan)?;
        let mut pace = Pace::default();
        for cut in 1..=self.cuts {
            let switch = disk.power_switch()?;
            let served = self.serve(cut, &sending, &gate, &mut pace);
            let dark = clock::now();
            switch.off()?;
            let killed = ringpost.kill();
            disk.unmount()?;
            disk.mount()?;
            if let Err(error) = served.and(killed).and_then(|()| ringpost.restart()) {
                return Ok(Outcome::Stuck(cut, error.to_string()));
            }
            ends.doubt_since(dark);
        }
        gate.open();
        if let Err(error) = load::wait_for(&sending, 500) {
            return Ok(Outcome::Stuck(self.cuts, error.to_string()));
        }
        sending.stop();
        sending.join()?;
        if let Err(error) = load::empty(&ringpost) {
            return Ok(Outcome::Stuck(self.cuts, error.to_string()));
        }
        let verdicts = ends.judge(&ringpost, self.cuts * DUPLICATES_PER_CUT)?;
        self.tell(&verdicts, &pace);
        Ok(Outcome::Judged(Box::new(verdicts)))
    }

    /// Lets the relay work until it is time for this cut.
    fn serve(&self, cut: u64, sending: &Sending, gate: &Gate, pace: &mut Pace) -> io::Result<()> {
        gate.open();
        pace.measure(sending, self.burst(cut))?;
        if let Site::Hushed(messages) = self.site {
            gate.close();
            load::wait_for(sending, messages)?;
        }
        Ok(())
    }

    /// How many messages there are before this cut.
    fn burst(&self, cut: u64) -> u64 {
        self.burst + scatter(self.seed ^ scatter(cut)) % (4 * self.burst)
    }

    fn tell(&self, verdicts: &Verdicts, pace: &Pace) {
        let Verdicts { proof, doubtful, lost, doubtful_lost, .. } = verdicts;
        println!(
            "{}: {} power cuts, {} acknowledged at {:.0}/s, {lost} lost, {} twice; \
             {doubtful} acknowledged in the dark, {doubtful_lost} of them lost",
            self.filesystem.name(),
            self.cuts,
            proof.exact + lost,
            pace.rate(),
            proof.duplicates,
        );
    }
}

/// How fast mail was acknowledged while there was power.
#[derive(Debug, Default)]
struct Pace {
    messages: u64,
    seconds: f64,
}

impl Pace {
    /// Waits for `burst` messages.
    fn measure(&mut self, sending: &Sending, burst: u64) -> io::Result<()> {
        // The sessions of the generator come back one by one.
        load::wait_for(sending, 1)?;
        let (start, before) = (wait::now(), load::accepted(sending));
        load::wait_for(sending, burst)?;
        self.messages += load::accepted(sending) - before;
        self.seconds += start.elapsed().as_secs_f64();
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "only shown")]
    fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds.max(1e-9)
    }
}
