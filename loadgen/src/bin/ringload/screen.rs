//! Progress: a bar on a terminal, plain lines elsewhere; and the wish to stop.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How often the screen changes.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// Every how many ticks a plain line is written.
const TICKS_PER_LINE: u64 = 20;

/// Where progress is shown.
pub(crate) struct Screen {
    bar: ProgressBar,
    plain: bool,
    ticks: u64,
}

impl Screen {
    /// Progress towards `total`, or without an end if that is none.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        let plain = !quiet && !io::stderr().is_terminal();
        let hidden = ProgressDrawTarget::hidden();
        let target = if quiet || plain { hidden } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target);
        let bounded = "  {bar:32.cyan/238} {human_pos:>9} of {human_len}  {msg}";
        let template =
            if total.is_some() { bounded } else { "  {spinner:.cyan} {human_pos:>9}  {msg}" };
        let style = ProgressStyle::with_template(template).expect("the template is a constant");
        bar.set_style(style.progress_chars("━╸─"));
        Self { bar, plain, ticks: 0 }
    }

    /// Shows where we are.
    pub(crate) fn show(&mut self, position: u64, message: impl FnOnce() -> String) {
        self.bar.set_position(position);
        self.ticks += 1;
        if !self.plain {
            self.bar.set_message(message());
        } else if self.ticks.is_multiple_of(TICKS_PER_LINE) {
            eprintln!("{position:>10}  {}", message());
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// True once SIGINT or SIGTERM came. A second one ends the process at once.
pub(crate) fn stop_wished() -> io::Result<impl Fn() -> bool> {
    let wished = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&wished))?;
        signal_hook::flag::register(signal, Arc::clone(&wished))?;
    }
    Ok(move || wished.load(Relaxed))
}
