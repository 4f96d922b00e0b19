//! Progress: a live view on a terminal, plain lines elsewhere; and the wish to stop.
//!
//! The view takes a few lines below the prompt. It leaves the terminal in its ordinary mode and
//! its cursor in sight, so that nothing has to be restored however the process ends.

mod view;

pub(crate) use view::{Row, View};

use ratatui::backend::CrosstermBackend;
use ratatui::{Terminal, TerminalOptions, Viewport};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{self, IsTerminal, Stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use view::History;

/// How often the screen changes.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// Every how many ticks a plain line is written.
const TICKS_PER_LINE: u64 = 20;

/// Where progress is shown.
pub(crate) struct Screen {
    place: Place,
    history: History,
    ticks: u64,
}

enum Place {
    Nowhere,
    Lines,
    Live(Terminal<CrosstermBackend<Stderr>>),
}

impl Screen {
    /// For views of so many rows in their tables.
    pub(crate) fn new(rows: usize, quiet: bool) -> Self {
        let place = if quiet { Place::Nowhere } else { Self::live(rows).unwrap_or(Place::Lines) };
        Self { place, history: History::default(), ticks: 0 }
    }

    /// A live view, where both streams are a terminal: it is asked on one for what is shown on
    /// the other.
    fn live(rows: usize) -> Option<Place> {
        if !io::stderr().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        let viewport = Viewport::Inline(view::height(rows));
        let backend = CrosstermBackend::new(io::stderr());
        Terminal::with_options(backend, TerminalOptions { viewport }).ok().map(Place::Live)
    }

    /// Shows where we are, a tick after the last time.
    pub(crate) fn show<'r>(&mut self, view: impl FnOnce() -> View<'r>) {
        self.ticks += 1;
        let is_line = self.ticks.is_multiple_of(TICKS_PER_LINE);
        match &mut self.place {
            Place::Nowhere => (),
            Place::Lines => {
                let view = view();
                self.history.tick(&view);
                if is_line {
                    eprintln!("{}", view.line(&self.history));
                }
            }
            Place::Live(terminal) => {
                let view = view();
                self.history.tick(&view);
                if terminal.draw(|frame| view.draw(&self.history, frame)).is_err() {
                    self.place = Place::Lines;
                }
            }
        }
    }

    /// Takes the view away.
    pub(crate) fn clear(&mut self) {
        if let Place::Live(terminal) = &mut self.place {
            // A terminal that is gone needs no clearing.
            let _ = terminal.clear();
        }
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
