//! What is seen while the demo runs: bars on a terminal, plain lines elsewhere.

use super::engine::Engine;
use super::place::Place;
use super::providers::{Cast, ROLES, Role};
use super::scrape::Figures;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use loadgen::send::Sending;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Where things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Recipients the engine has taken responsibility for.
    pub(super) accepted: u64,
    /// Recipients in its queue.
    queued: u64,
    /// Recipients it has delivered.
    delivered: u64,
    /// Attempts that were deferred.
    deferred: u64,
    /// Recipients each provider has taken, as the provider counts.
    taken: [u64; ROLES.len()],
}

impl Standing {
    pub(super) fn of(sending: &Sending, cast: &Cast, figures: &Figures) -> Self {
        let mut taken = [0; ROLES.len()];
        for (count, (_, provider)) in taken.iter_mut().zip(cast.providers()) {
            *count = provider.counters.delivered.load(Relaxed);
        }
        Self {
            accepted: sending.counters().accepted.load(Relaxed),
            queued: figures.queued,
            delivered: figures.delivered,
            deferred: figures.deferred,
            taken,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, queued, delivered, deferred, .. } = self;
        write!(
            f,
            "accepted {accepted}  queued {queued}  delivered {delivered}  deferred {deferred}"
        )?;
        let mut each = ROLES.iter().zip(self.taken);
        each.try_for_each(|(role, taken)| write!(f, "  {} {taken}", role.domain))
    }
}

/// Bold, on a terminal.
pub(super) fn bold(text: &str) -> String {
    styled(text, "1")
}

/// Quiet, on a terminal.
pub(super) fn dim(text: &str) -> String {
    styled(text, "2")
}

/// Good news, or bad.
pub(super) fn verdict(text: &str, good: bool) -> String {
    styled(text, if good { "1;32" } else { "1;31" })
}

fn styled(text: &str, code: &str) -> String {
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

/// What is about to happen, and the settings it happens with.
pub(super) fn introduce(messages: u64, place: &Place, settings: &str) {
    println!();
    println!("  {}", bold("Ringpost demo"));
    println!("  {} messages through one relay to four made-up providers,", grouped(messages));
    println!("  each message on the disk before its 250, and each accounted for at the end.");
    println!();
    for role in ROLES {
        println!("  {:<16}{}", role.domain, dim(role.about));
    }
    println!();
    println!("  settings  {}", dim(&place.settings().display().to_string()));
    for line in settings.lines() {
        println!("{}", dim(format!("    {line}").trim_end()));
    }
    println!();
}

/// The engine is up.
pub(super) fn started(engine: &Engine, place: &Place) {
    let command = format!("ringpost run --config {}", place.settings().display());
    println!("  engine    {}", dim(&format!("{command}   (process {})", engine.id())));
    println!();
}

/// Progress.
pub(super) struct Screen {
    bars: Option<Bars>,
    messages: u64,
    next_line: Duration,
}

struct Bars {
    all: MultiProgress,
    accepted: ProgressBar,
    delivered: ProgressBar,
    providers: Vec<ProgressBar>,
}

impl Screen {
    /// For this many messages, with so many recipients at each provider.
    pub(super) fn new(messages: u64, expected: &BTreeMap<String, u64>) -> Self {
        let bars = io::stderr().is_terminal().then(|| Bars::new(messages, expected));
        Self { bars, messages, next_line: Duration::ZERO }
    }

    /// Shows where things stand after so long.
    pub(super) fn show(&mut self, standing: &Standing, waited: Duration) {
        match &self.bars {
            Some(bars) => bars.show(standing, self.messages),
            None if waited >= self.next_line => {
                println!("  {:>5.1} s  {standing}", waited.as_secs_f64());
                self.next_line += LINE_EVERY;
            }
            None => (),
        }
    }

    /// Leaves the last standing on the screen.
    pub(super) fn finish(&self) {
        if let Some(bars) = &self.bars {
            bars.each().for_each(ProgressBar::abandon);
            println!();
        }
    }

    /// Takes everything off the screen.
    pub(super) fn clear(&self) {
        if let Some(bars) = &self.bars {
            bars.each().for_each(ProgressBar::finish_and_clear);
            // What cannot be wiped off stays; there is nobody to tell.
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn new(messages: u64, expected: &BTreeMap<String, u64>) -> Self {
        let all = MultiProgress::new();
        let bar = |name: &str, total: u64, colour: &str, message: &str| {
            let template =
                format!("  {{prefix:<14}} {{bar:28.{colour}/238}} {{human_pos:>9}}  {{msg:.dim}}");
            let style =
                ProgressStyle::with_template(&template).expect("the template is a constant");
            // Hidden until it has its place: a bar alone would be drawn where it stands.
            let alone = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            let bar = all.add(alone.with_style(style.progress_chars("━╸─")));
            bar.set_prefix(name.to_owned());
            bar.set_message(message.to_owned());
            bar
        };
        let accepted = bar("accepted", messages, "cyan", "");
        let delivered = bar("delivered", messages, "green", "");
        let provider = |role: &Role| {
            let total = expected.get(role.domain).copied().unwrap_or(0);
            bar(role.domain, total, "blue", role.about)
        };
        let providers = ROLES.iter().map(provider).collect();
        Self { all, accepted, delivered, providers }
    }

    fn show(&self, standing: &Standing, messages: u64) {
        self.accepted.set_position(standing.accepted);
        self.accepted.set_message(match standing.accepted {
            accepted if accepted < messages => format!("{} queued", grouped(standing.queued)),
            _ => "all".to_owned(),
        });
        self.delivered.set_position(standing.delivered);
        let (queued, deferred) = (grouped(standing.queued), grouped(standing.deferred));
        self.delivered.set_message(format!("{queued} queued, {deferred} deferrals"));
        for (bar, taken) in self.providers.iter().zip(standing.taken) {
            bar.set_position(taken);
        }
    }

    fn each(&self) -> impl Iterator<Item = &ProgressBar> {
        [&self.accepted, &self.delivered].into_iter().chain(&self.providers)
    }
}
