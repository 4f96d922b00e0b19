//! The report of `ringload send` as people read it.

use loadgen::latency::{Latency, brief};
use loadgen::send::{Capacity, Generator, Phase, Report};
use std::fmt;
use std::time::Duration;

/// A report as lines.
pub(super) struct Shown<'r>(pub(super) &'r Report);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { messages, seconds, rate, accepted, .. } = self.0;
        writeln!(
            f,
            "  accepted      {messages} messages for {accepted} recipients in {seconds:.2} s: {rate:.0}/s"
        )?;
        self.waits(f)?;
        self.cost(f)?;
        self.troubles(f)
    }
}

impl Shown<'_> {
    fn waits(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured = &self.0.measured;
        for phase in Phase::ALL {
            line(f, phase.name(), measured.phases.of(phase))?;
        }
        line(f, "transaction", &measured.transaction)?;
        line(f, "  from start", &measured.corrected)
    }

    fn cost(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { cpu_seconds, messages, driver, measured, generator, .. } = self.0;
        let micros = Duration::from_secs_f64(*cpu_seconds).as_micros() as u64;
        let each = brief(micros / (*messages).max(1));
        let percent = 100.0 * generator.busiest_thread;
        writeln!(
            f,
            "  own CPU       {each} a message, on {driver}; busiest thread {percent:.0} %"
        )?;
        line(f, "own lateness", &measured.own_lateness)?;
        line(f, "session wait", &measured.session_wait)?;
        let Generator { late, late_by_generator, dropped, capacity, bottlenecks, .. } = generator;
        if late + dropped > 0 {
            writeln!(
                f,
                "  {late} starts late, {late_by_generator} of them by the generator; {dropped} dropped"
            )?;
        }
        if let Some(Capacity { rate, ratio, .. }) = capacity {
            writeln!(
                f,
                "  capacity      {rate:.0}/s by itself, {ratio:.2} times what was measured"
            )?;
        }
        if bottlenecks.is_empty() {
            writeln!(f, "  bottleneck    not the generator")?;
        }
        bottlenecks.iter().try_for_each(|why| writeln!(f, "  BOTTLENECK    the generator: {why}"))
    }

    fn troubles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        for (count, what) in [
            (report.postponed, "answers 4xx, each offered again"),
            (report.refused, "recipients refused"),
            (
                report.unanswered,
                "recipients without an answer: the connection was lost behind the text",
            ),
            (report.unsent, "messages not sent"),
            (report.lost, "connections lost"),
            (report.dials_failed, "connections not made"),
        ] {
            if count > 0 {
                writeln!(f, "  {count} {what}")?;
            }
        }
        report.trouble.iter().try_for_each(|trouble| writeln!(f, "  last trouble: {trouble}"))
    }
}

/// Nothing counted, no line.
fn line(f: &mut fmt::Formatter<'_>, label: &str, latency: &Latency) -> fmt::Result {
    if latency.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {label:<13} {}", latency.summary())
}
