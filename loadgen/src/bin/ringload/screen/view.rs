//! What is shown while a run is under way, and how.

use loadgen::latency::{Lately, Recent, brief};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Gauge, Row as TableRow, Sparkline, Table};
use std::collections::VecDeque;

/// Ticks in a second.
const TICKS: usize = 10;
/// Seconds of history kept: more than a terminal is wide.
const SECONDS_MAX: usize = 512;
/// Lines of the sparkline.
const SPARKLINE: u16 = 3;
/// Rows of a table at most.
const ROWS_MAX: u16 = 20;

/// Where a run is.
pub(crate) struct View<'r> {
    /// Messages so far, and how many there will be, if that is known.
    pub(crate) position: u64,
    pub(crate) total: Option<u64>,
    /// Counts, and what they count.
    pub(crate) facts: Vec<(u64, &'static str)>,
    /// Where it is counted how long things take, if it is.
    pub(crate) recent: Option<&'r Recent>,
    /// The heads of the table; none without one.
    pub(crate) heads: &'static [&'static str],
    pub(crate) rows: Vec<Row>,
}

/// A row of the table.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) counts: Vec<u64>,
}

/// Messages a second, over time, and how long they took.
#[derive(Default)]
pub(crate) struct History {
    /// Positions of the ticks of the last second.
    recent: VecDeque<u64>,
    /// Rates of whole seconds, the last one first.
    rates: VecDeque<u64>,
    /// How long messages took in the last whole second, if there were any.
    lately: Option<Lately>,
    ticks: usize,
}

impl History {
    /// A tick later, the run is where `view` says.
    pub(super) fn tick(&mut self, view: &View<'_>) {
        self.recent.push_front(view.position);
        self.recent.truncate(TICKS + 1);
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS) {
            self.rates.push_front(self.rate());
            self.rates.truncate(SECONDS_MAX);
            self.lately = view.recent.and_then(Recent::take);
        }
    }

    /// Messages in the last second, or in as much of it as there was.
    fn rate(&self) -> u64 {
        let span = self.recent.len().saturating_sub(1).max(1) as u64;
        let done = self.recent.front().zip(self.recent.back());
        done.map_or(0, |(last, first)| (last - first) * TICKS as u64 / span)
    }
}

/// Lines that a view needs with so many rows in its table.
pub(super) fn height(rows: usize) -> u16 {
    let table = u16::try_from(rows).unwrap_or(ROWS_MAX).min(ROWS_MAX);
    2 + SPARKLINE + if table > 0 { table + 1 } else { 0 }
}

impl View<'_> {
    /// The view as one plain line.
    pub(super) fn line(&self, history: &History) -> String {
        format!("{:>10}  {}/s{}", self.position, history.rate(), self.words(history))
    }

    /// Counts, and the latency of the last second.
    fn words(&self, history: &History) -> String {
        let latency = history.lately.map(|Lately { p50_micros, p99_micros }| {
            format!("  p50 {}  p99 {}", brief(p50_micros), brief(p99_micros))
        });
        let facts = self.facts.iter().map(|(count, what)| format!("  {count} {what}"));
        latency.into_iter().chain(facts).collect()
    }

    /// Draws the view over the whole of `frame`.
    pub(super) fn draw(&self, history: &History, frame: &mut Frame<'_>) {
        let area = frame.area();
        let one = Constraint::Length(1);
        let parts = [one, one, Constraint::Length(SPARKLINE), Constraint::Fill(1)];
        let [progress, facts, rates, table] = Layout::vertical(parts).areas(area);
        self.draw_progress(history, frame, progress);
        frame.render_widget(Line::from(self.words(history)).dim(), facts);
        let newest = history.rates.iter().take(rates.width.into()).rev().copied();
        let sparkline = Sparkline::default().style(Style::new().cyan());
        frame.render_widget(sparkline.data(newest.collect::<Vec<_>>()), rates);
        self.draw_table(frame, table);
        // In sight, so that it need not be brought back; and where the shell goes on.
        frame.set_cursor_position(Position::new(area.x, area.bottom().saturating_sub(1)));
    }

    fn draw_progress(&self, history: &History, frame: &mut Frame<'_>, area: Rect) {
        let (position, rate) = (self.position, history.rate());
        let Some(total) = self.total else {
            return frame.render_widget(Line::from(format!("  {position}  {rate}/s")).bold(), area);
        };
        #[expect(clippy::cast_precision_loss, reason = "only drawn")]
        let ratio = position as f64 / total.max(1) as f64;
        let gauge = Gauge::default().ratio(ratio.clamp(0.0, 1.0)).use_unicode(true);
        let label = format!("{position} of {total}  {rate}/s");
        frame.render_widget(gauge.label(label).gauge_style(Style::new().cyan()), area);
    }

    fn draw_table(&self, frame: &mut Frame<'_>, area: Rect) {
        if self.rows.is_empty() {
            return;
        }
        let heads = self.heads.iter().map(|head| Line::from(*head).right_aligned());
        let cells = |row: &Row| {
            let counts = row.counts.iter();
            let counts = counts.map(|count| Line::from(count.to_string()).right_aligned());
            TableRow::new(std::iter::once(Line::from(row.name.clone())).chain(counts))
        };
        let widths = std::iter::once(Constraint::Length(24))
            .chain(self.heads.iter().map(|_| Constraint::Length(11)));
        let table = Table::new(self.rows.iter().map(cells), widths);
        let head = TableRow::new(std::iter::once(Line::default()).chain(heads)).dim();
        frame.render_widget(table.header(head), area);
    }
}

#[cfg(test)]
mod tests {
    use super::{History, Row, View, height};
    use loadgen::latency::Recent;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn view(position: u64, total: Option<u64>) -> View<'static> {
        let rows = vec![Row { name: "gmail".to_owned(), counts: vec![7, 1_234] }];
        let facts = vec![(20, "sessions"), (3, "answers 4xx")];
        let heads = &["delivered", "deferred"];
        View { position, total, facts, recent: None, heads, rows }
    }

    /// A second at 50/s, and one at 400/s.
    fn history() -> History {
        let mut history = History::default();
        (0..10).for_each(|tick| history.tick(&view(tick * 5, None)));
        (1..=10).for_each(|tick| history.tick(&view(45 + tick * 40, None)));
        history
    }

    fn drawn(view: &View<'_>, width: u16, lines: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, lines)).unwrap();
        terminal.draw(|frame| view.draw(&history(), frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_view_has_progress_counts_rates_and_a_table() {
        let drawn = drawn(&view(445, Some(1_000)), 60, height(1));
        let lines: Vec<_> = drawn.lines().map(|line| line.trim_matches('"')).collect();
        assert!(lines[0].contains("445 of 1000  400/s"), "{drawn}");
        assert_eq!(lines[1].trim_end(), "  20 sessions  3 answers 4xx");
        assert!(lines[4].starts_with("█") || lines[4].starts_with('▃'), "{drawn}");
        assert_eq!(lines[5].split_whitespace().collect::<Vec<_>>(), ["delivered", "deferred"]);
        assert_eq!(lines[6].split_whitespace().collect::<Vec<_>>(), ["gmail", "7", "1234"]);
    }

    #[test]
    fn a_terminal_of_any_size_is_drawn_on() {
        for (width, lines) in [(1, 1), (3, 2), (20, 4), (300, 80)] {
            for total in [None, Some(0), Some(10)] {
                let _ = drawn(&view(445, total), width, lines);
            }
        }
    }

    #[test]
    fn a_plain_line_says_the_same() {
        let line = view(445, Some(1_000)).line(&history());
        assert_eq!(line, "       445  400/s  20 sessions  3 answers 4xx");
        assert_eq!(History::default().rate(), 0);
    }

    #[test]
    fn latency_is_that_of_the_last_whole_second() {
        let recent = Recent::default();
        let view = |position| View { recent: Some(&recent), ..view(position, None) };
        let mut history = History::default();
        for (second, shown) in
            [(0, "  p50 1.0 ms  p99 20 ms"), (1, "  p50 3.1 ms  p99 3.1 ms"), (2, "")]
        {
            for nanos in [&[990_000, 1_010_000, 20_000_000][..], &[3_000_000], &[]][second] {
                recent.record(*nanos);
            }
            (0..10).for_each(|_| history.tick(&view(7)));
            let line = view(7).line(&history);
            assert_eq!(line, format!("         7  0/s{shown}  20 sessions  3 answers 4xx"));
        }
    }
}
