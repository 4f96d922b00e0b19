//! Line charts: lines as SVG that stretches with the page, letters as HTML that does not.

use super::figure;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 300.0;
/// Labels on an axis, at most about this many.
const TICKS: f64 = 4.0;

/// A chart. What distinguishes lines is their dashes as well as their colour.
pub(super) struct Chart<'a> {
    /// Unique on the page.
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    /// What the axes are, in a few words.
    pub(super) note: &'a str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line<'a>>,
}

/// A line, by its points in the units of the axes.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<(f64, f64)>,
    /// Whether what is below it is tinted.
    pub(super) filled: bool,
}

/// From the smallest to the largest value of an axis, and its labels.
#[derive(Clone)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    logarithmic: bool,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From zero to at least `max`.
    pub(super) fn linear(max: f64, label: fn(f64) -> String) -> Self {
        let step = nice(max / TICKS);
        let count = (max / step).ceil().max(1.0);
        let ticks = (0..).map(f64::from).take_while(|tick| *tick <= count).map(|tick| tick * step);
        let ticks: Vec<_> = ticks.map(|tick| (tick, label(tick))).collect();
        Self { from: 0.0, to: count * step, logarithmic: false, ticks }
    }

    /// From `from` to `to`, neither further.
    pub(super) fn time(from: f64, to: f64) -> Self {
        let to = to.max(from + 1e-3);
        let step = nice((to - from) / TICKS);
        let first = (from / step).ceil() as i64;
        let last = (to / step + 1e-9).floor() as i64;
        #[expect(clippy::cast_precision_loss, reason = "a handful of ticks")]
        let ticks = (first..=last).map(|tick| tick as f64 * step);
        let label = |secs: f64| {
            format!("{}{} s", if secs < 0.0 { "−" } else { "" }, figure::digits(secs.abs()))
        };
        let ticks = ticks.map(|secs| (secs, label(secs))).collect();
        Self { from, to, logarithmic: false, ticks }
    }

    /// Microseconds by powers of ten around `min` and `max`.
    pub(super) fn micros(min: f64, max: f64) -> Self {
        let first = min.max(1.0).log10().floor() as i32;
        let last = (max.max(1.0).log10().ceil() as i32).max(first + 1);
        let ticks = (first..=last).map(|power| 10_f64.powi(power));
        let ticks = ticks.map(|micros| (micros, figure::span(micros))).collect();
        Self { from: 10_f64.powi(first), to: 10_f64.powi(last), logarithmic: true, ticks }
    }

    /// Percentiles as `1 / (1 - quantile)`, by powers of ten up to that of `longest`.
    pub(super) fn percentiles(longest: f64) -> Self {
        let last = (1..7).find(|nines| 10_f64.powi(*nines) >= longest).unwrap_or(7);
        let label = |nines: usize| match nines {
            0 => "0 %".to_owned(),
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            _ => format!("99.{} %", "9".repeat(nines - 2)),
        };
        let ticks = (0..=last).zip(0..).map(|(power, nines)| (10_f64.powi(power), label(nines)));
        Self { from: 1.0, to: 10_f64.powi(last), logarithmic: true, ticks: ticks.collect() }
    }

    /// Where `value` is, from 0.0 to 1.0.
    fn place(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.from) / self.from).log10() / (self.to / self.from).log10()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn nice(step: f64) -> f64 {
    let step = step.max(1e-9);
    let power = 10_f64.powf(step.log10().floor());
    let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| nice * power >= step * 0.999);
    nice.unwrap_or(10.0) * power
}

/// The corners of steps: of each (from, to, value), level from one end to the other.
pub(super) fn steps(spans: impl Iterator<Item = (f64, f64, f64)>) -> Vec<(f64, f64)> {
    spans.flat_map(|(from, to, value)| [(from, value), (to, value)]).collect()
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let (title, note) = (format!("{}-title", self.id), format!("{}-note", self.id));
        html! {
            figure.chart {
                figcaption {
                    strong { (self.title) }
                    span.note { (self.note) }
                }
                @if self.lines.len() > 1 { (self.legend()) }
                div.plot {
                    div.y aria-hidden="true" {
                        @for (value, label) in &self.y.ticks {
                            span style={ "bottom:" (percent(self.y.place(*value))) } { (label) }
                        }
                    }
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                        aria-labelledby={ (title) " " (note) } {
                        title id=(title) { (self.title) }
                        desc id=(note) { (self.note) ". " (self.described()) }
                        path.grid d=(self.grid()) {}
                        @for (index, line) in self.lines.iter().enumerate() {
                            @if line.filled { path class={ "area l" (index) } d=(self.area(line)) {} }
                            path class={ "line l" (index) } d=(self.path(line)) {}
                        }
                    }
                    div.x aria-hidden="true" {
                        @for (index, (value, label)) in self.x.ticks.iter().enumerate() {
                            span.odd[index % 2 == 1]
                                style={ "left:" (percent(self.x.place(*value))) } { (label) }
                        }
                    }
                }
            }
        }
    }

    fn legend(&self) -> Markup {
        html! {
            ul.legend {
                @for (index, line) in self.lines.iter().enumerate() {
                    li {
                        svg viewBox="0 0 28 8" aria-hidden="true" {
                            path class={ "line l" (index) } d="M0 4H28" {}
                        }
                        (line.name)
                    }
                }
            }
        }
    }

    /// For those who cannot see it.
    fn described(&self) -> String {
        let highest = |line: &Line<'_>| {
            let highest = line.points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
            format!("{}: at most {}", line.name, figure::digits(highest))
        };
        self.lines.iter().map(highest).collect::<Vec<_>>().join("; ")
    }

    fn grid(&self) -> String {
        self.y.ticks.iter().fold(String::new(), |mut path, (value, _)| {
            let _ = write!(path, "M0 {:.1}H{WIDTH}", HEIGHT * (1.0 - self.y.place(*value)));
            path
        })
    }

    fn path(&self, line: &Line<'_>) -> String {
        let mut path = String::new();
        for (index, (x, y)) in line.points.iter().enumerate() {
            let (x, y) = (WIDTH * self.x.place(*x), HEIGHT * (1.0 - self.y.place(*y)));
            let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
        }
        path
    }

    fn area(&self, line: &Line<'_>) -> PreEscaped<String> {
        let ends = line.points.first().zip(line.points.last());
        PreEscaped(ends.map_or_else(String::new, |((first, _), (last, _))| {
            let [first, last] = [first, last].map(|x| WIDTH * self.x.place(*x));
            format!("{}L{last:.1} {HEIGHT}L{first:.1} {HEIGHT}Z", self.path(line))
        }))
    }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::{Axis, nice};

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn axes_have_round_labels_and_hold_their_values() {
        let nice = [0.3, 1.0, 1.2, 7.0, 24.0].map(|step| nice(step).to_string());
        assert_eq!(nice, ["0.5", "1", "2", "10", "50"]);
        let linear = Axis::linear(161.0, super::figure::digits);
        assert_eq!(labels(&linear), ["0", "50", "100", "150", "200"]);
        assert_eq!(labels(&Axis::micros(120.0, 40_000.0)), ["100 µs", "1 ms", "10 ms", "100 ms"]);
        assert_eq!(
            labels(&Axis::percentiles(3_000.0)),
            ["0 %", "90 %", "99 %", "99.9 %", "99.99 %"]
        );
        assert_eq!(labels(&Axis::time(-1.5, 31.0)), ["0 s", "10 s", "20 s", "30 s"]);
        assert!((Axis::percentiles(1e4).place(100.0) - 0.5).abs() < 1e-9);
        assert!((Axis::micros(1.0, 1e4).place(1e4) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_axis_of_nothing_is_still_one() {
        for axis in
            [Axis::linear(0.0, super::figure::digits), Axis::time(0.0, 0.0), Axis::micros(0.0, 0.0)]
        {
            assert!((0.0..=1.0).contains(&axis.place(0.0)) && axis.from < axis.to);
        }
    }
}
