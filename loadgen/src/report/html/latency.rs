//! Latency: the transaction raw and corrected, and each phase by itself.

use super::chart::{Axis, Chart, Line};
use super::figure;
use crate::report::distribution::Distribution;
use crate::report::model::Sent;
use maud::{Markup, html};

pub(super) fn section(sent: &Sent) -> Markup {
    let rows = rows(sent);
    html! {
        section aria-labelledby="latency" {
            h2 #latency { "Latency" }
            @if rows.is_empty() { p { "Nothing was answered." } } @else {
                p {
                    @if sent.corrected.is_some() {
                        strong { "From start" } " counts from the moment at which a message was to start, "
                        "so a relay that is slow cannot hide that by slowing the generator down. "
                    }
                    strong { "Transaction" } " counts from MAIL to the answer to the text."
                }
                (transaction(sent))
                (table(&rows))
                h3 { "By phase" }
                p.note { "Commands that leave together are answered together: pipelined, MAIL, RCPT and DATA look alike." }
                div.many { @for (_, name, one) in &rows { @if *name != "Transaction" && *name != "From start" { (small(name, one, sent)) } } }
            }
        }
    }
}

/// Pointer, name and distribution of all that is shown.
fn rows(sent: &Sent) -> Vec<(String, &str, &Distribution)> {
    let whole = [
        ("/send/corrected", "From start", &sent.corrected),
        ("/send/transaction", "Transaction", &sent.transaction),
    ];
    let whole = whole
        .into_iter()
        .filter_map(|(pointer, name, one)| Some((pointer.to_owned(), name, one.as_ref()?)));
    let phases = sent.phases.iter().enumerate().map(|(index, phase)| {
        (format!("/send/phases/{index}"), spoken(&phase.name), &phase.distribution)
    });
    whole.chain(phases).collect()
}

/// A phase as people call it.
fn spoken(name: &str) -> &str {
    match name {
        "connect" => "Connect",
        "greeting" => "Greeting",
        "ehlo" => "EHLO",
        "tls" => "TLS",
        "auth" => "AUTH",
        "mail" => "MAIL",
        "rcpt" => "RCPT",
        "data" => "DATA",
        "final" => "Final reply",
        other => other,
    }
}

fn transaction(sent: &Sent) -> Markup {
    let both =
        [("from start, corrected", &sent.corrected), ("transaction, raw", &sent.transaction)];
    let there: Vec<_> =
        both.into_iter().filter_map(|(name, one)| Some((name, one.as_ref()?))).collect();
    let distributions: Vec<_> = there.iter().map(|(_, one)| *one).collect();
    Chart {
        id: "curve",
        title: "By percentile",
        note: "how long the share of messages took at most; each label is ten times rarer",
        x: percentiles(&distributions),
        y: span(&distributions),
        lines: there.iter().map(|(name, one)| curve(name, one)).collect(),
    }
    .draw()
}

fn small(name: &str, one: &Distribution, sent: &Sent) -> Markup {
    let all: Vec<_> = sent.phases.iter().map(|phase| &phase.distribution).collect();
    let (x, y) = (percentiles(&[one]), span(&all));
    let id = format!("phase-{}", name.to_lowercase().replace(' ', "-"));
    Chart { id: &id, title: name, note: "by percentile", x, y, lines: vec![curve(name, one)] }
        .draw()
}

fn curve<'n>(name: &'n str, one: &Distribution) -> Line<'n> {
    let longest = longest(one);
    let place = |quantile: f64| if quantile < 1.0 { 1.0 / (1.0 - quantile) } else { longest };
    #[expect(clippy::cast_precision_loss, reason = "only drawn")]
    let points = one.curve.iter().map(|(quantile, micros)| (place(*quantile), *micros as f64));
    Line { name, points: points.collect(), filled: false }
}

/// `1 / (1 - quantile)` of the slowest: as many as there are.
#[expect(clippy::cast_precision_loss, reason = "only drawn")]
const fn longest(one: &Distribution) -> f64 {
    one.summary.count as f64
}

fn percentiles(all: &[&Distribution]) -> Axis {
    Axis::percentiles(all.iter().map(|one| longest(one)).fold(1.0, f64::max))
}

#[expect(clippy::cast_precision_loss, reason = "only drawn")]
fn span(all: &[&Distribution]) -> Axis {
    let values = || all.iter().flat_map(|one| &one.curve).map(|(_, micros)| *micros as f64);
    Axis::micros(values().fold(f64::MAX, f64::min), values().fold(1.0, f64::max))
}

fn table(rows: &[(String, &str, &Distribution)]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Latency percentiles" {
            table {
                caption { "Percentiles" }
                thead { tr {
                    th scope="col" { "" }
                    @for head in ["Count", "p50", "p90", "p99", "p99.9", "Slowest"] { th.n scope="col" { (head) } }
                } }
                tbody {
                    @for (pointer, name, one) in rows {
                        tr {
                            th scope="row" { (name) }
                            td.n { (figure::count(&format!("{pointer}/count"), one.summary.count)) }
                            @for (field, value) in [
                                ("p50_micros", one.summary.p50_micros),
                                ("p90_micros", one.summary.p90_micros),
                                ("p99_micros", one.summary.p99_micros),
                                ("p999_micros", one.summary.p999_micros),
                                ("max_micros", one.summary.max_micros),
                            ] { td.n { (figure::micros(&format!("{pointer}/{field}"), value)) } }
                        }
                    }
                }
            }
        }
    }
}
