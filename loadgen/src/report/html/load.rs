//! The load: headline figures, whether the generator kept up, and throughput over time.

use super::chart::{Axis, Chart, Line, steps};
use super::figure;
use crate::report::distribution::Distribution;
use crate::report::model::{Received, Sent};
use crate::send::{Generator, Point};
use maud::{Markup, html};

/// A last span shorter than this is not drawn: its rate would be an accident.
const SPAN_MIN: f64 = 0.25;

pub(super) fn headline(sent: &Sent, sink: Option<&Received>) -> Markup {
    let deferred = sink.map(|sink| sink.providers.iter().map(|one| one.deferred).sum::<u64>());
    let (pointer, latency) = felt(sent);
    html! {
        section aria-labelledby="short" {
            h2 #short { "In short" }
            dl.figures.large {
                div {
                    dt { "Accepted by the relay" }
                    dd { (figure::shown("/send/rate", sent.rate, &figure::digits(sent.rate))) small { " messages/s" } }
                    dd.note {
                        (figure::count("/send/messages", sent.messages)) " messages, "
                        (figure::count("/send/accepted", sent.accepted)) " recipients, in "
                        (figure::shown("/send/seconds", sent.seconds, &format!("{} s", figure::digits(sent.seconds))))
                    }
                }
                @if let Some(latency) = latency {
                    div {
                        dt { "Until accepted, 99 in 100" }
                        dd { (figure::micros(&format!("{pointer}/p99_micros"), latency.summary.p99_micros)) }
                        dd.note {
                            "half within " (figure::micros(&format!("{pointer}/p50_micros"), latency.summary.p50_micros))
                            @if sent.corrected.is_some() { ", from when each was to start" }
                        }
                    }
                }
                @if let Some(relay) = &sent.relay {
                    div {
                        dt { "CPU of the relay" }
                        dd {
                            (figure::shown("/send/relay/cpu_micros_per_message", relay.cpu_micros_per_message, &figure::span(relay.cpu_micros_per_message)))
                            small { " a message" }
                        }
                        dd.note { "at most " (figure::memory("/send/relay/memory_max_bytes", relay.memory_max_bytes)) " of memory" }
                    }
                }
                @if let Some(deferred) = deferred {
                    div {
                        dt { "Deferred by providers" }
                        dd { (figure::thousands(deferred)) small { " times" } }
                        dd.note { (figure::count("/send/postponed", sent.postponed)) " times by the relay itself" }
                    }
                }
            }
            (troubles(sent))
        }
    }
}

/// What a sender feels: from the moment a message was to start where there is one.
fn felt(sent: &Sent) -> (&'static str, Option<&Distribution>) {
    match &sent.corrected {
        Some(corrected) => ("/send/corrected", Some(corrected)),
        None => ("/send/transaction", sent.transaction.as_ref()),
    }
}

fn troubles(sent: &Sent) -> Markup {
    let all = [
        ("refused", sent.refused, "recipients refused by the relay for good"),
        (
            "unanswered",
            sent.unanswered,
            "recipients without an answer: the connection was lost behind the text",
        ),
        ("unsent", sent.unsent, "messages not sent"),
        ("lost", sent.lost, "connections lost"),
        ("dials_failed", sent.dials_failed, "connections not made"),
    ];
    html! {
        ul.plain {
            @for (field, value, what) in all.into_iter().filter(|(_, value, _)| *value > 0) {
                li { (figure::count(&format!("/send/{field}"), value)) " " (what) }
            }
            @if let Some(trouble) = &sent.trouble { li { "Last trouble: " code { (trouble) } } }
        }
    }
}

pub(super) fn generator(sent: &Sent) -> Markup {
    let Generator { late, late_by_generator, dropped, busiest_thread, capacity, bottlenecks } =
        &sent.generator;
    let at = |field: &str, value| figure::count(&format!("/send/generator/{field}"), value);
    html! {
        section aria-labelledby="generator" {
            h2 #generator { "Was the generator the bottleneck?" }
            @if bottlenecks.is_empty() {
                p.lead { strong { "No. " } "The figures are the relay’s." }
            } @else {
                p.lead { strong.bad { "Perhaps. " } "The figures may be the generator’s:" }
                ul { @for why in bottlenecks { li { (why) } } }
            }
            ul.plain {
                li {
                    "Its busiest thread was on the CPU for "
                    (figure::share("/send/generator/busiest_thread", *busiest_thread)) " of the run, on " (sent.driver)
                }
                @if let Some(capacity) = capacity {
                    li {
                        "By itself it sends "
                        (figure::shown("/send/generator/capacity/rate", capacity.rate, &figure::digits(capacity.rate)))
                        " messages/s: "
                        (figure::shown("/send/generator/capacity/ratio", capacity.ratio, &figure::digits(capacity.ratio)))
                        " times what was measured"
                    }
                }
                @if let Some(lateness) = &sent.own_lateness {
                    li {
                        "When a session was free, 99 in 100 starts were no later than "
                        (figure::micros("/send/own_lateness/p99_micros", lateness.summary.p99_micros))
                    }
                    li {
                        "Of all starts, " (at("late", *late)) " were late for any reason, " (at("late_by_generator", *late_by_generator))
                        " by the generator’s own doing; " (at("dropped", *dropped)) " were dropped"
                    }
                }
            }
        }
    }
}

pub(super) fn throughput(sent: &Sent) -> Markup {
    let points = drawn(sent);
    let rate = |name, of: fn(&Point) -> u64, filled| Line {
        name,
        points: steps(points.iter().map(|(point, to)| {
            let (from, to) = (seconds(point.from_secs), *to);
            (from, to, seconds(of(point)) / (to - from))
        })),
        filled,
    };
    let mut lines = vec![rate("accepted", |point| point.accepted, true)];
    if sent.postponed > 0 {
        lines.push(rate("postponed, 4xx", |point| point.postponed, false));
    }
    if sent.refused > 0 {
        lines.push(rate("refused", |point| point.refused, false));
    }
    let highest = lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    let chart = Chart {
        id: "throughput",
        title: "Recipients a second",
        note: "answered by the relay, over the seconds of the run",
        x: Axis::time(0.0, sent.seconds),
        y: Axis::linear(highest.fold(1.0, f64::max), figure::digits),
        lines,
    };
    html! {
        section aria-labelledby="over-time" {
            h2 #over-time { "Throughput over time" }
            div.pair {
                (chart.draw())
                (waits(sent, &points))
            }
        }
    }
}

fn waits(sent: &Sent, points: &[(Point, f64)]) -> Markup {
    let busy = || points.iter().filter(|(point, _)| point.p50_micros > 0);
    let line = |name, of: fn(&Point) -> u64| Line {
        name,
        points: steps(
            busy().map(|(point, to)| (seconds(point.from_secs), *to, seconds(of(point)))),
        ),
        filled: false,
    };
    let least = busy().map(|(point, _)| seconds(point.p50_micros)).fold(f64::MAX, f64::min);
    let most = busy().map(|(point, _)| seconds(point.p99_micros)).fold(1.0, f64::max);
    Chart {
        id: "waits",
        title: "Until accepted",
        note: if sent.corrected.is_some() {
            "from when each message was to start, over the seconds of the run"
        } else {
            "from MAIL, over the seconds of the run"
        },
        x: Axis::time(0.0, sent.seconds),
        y: Axis::micros(least.min(most), most),
        lines: vec![
            line("half", |point| point.p50_micros),
            line("99 in 100", |point| point.p99_micros),
        ],
    }
    .draw()
}

/// The points that are drawn, and where each ends: the last one ends with the run.
fn drawn(sent: &Sent) -> Vec<(Point, f64)> {
    let ends = |point: &Point| {
        let from = seconds(point.from_secs);
        let to = (from + seconds(point.secs)).min(sent.seconds);
        let is_long = to - from >= SPAN_MIN || sent.series.len() == 1;
        (is_long && to > from).then_some((*point, to))
    };
    sent.series.iter().filter_map(ends).collect()
}

/// A number that is drawn.
#[expect(clippy::cast_precision_loss, reason = "only drawn")]
const fn seconds(count: u64) -> f64 {
    count as f64
}
