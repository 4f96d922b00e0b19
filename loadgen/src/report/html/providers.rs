//! Providers: what each took, deferred and refused, its limits, and what came over time.

use super::chart::{Axis, Chart, Line, steps};
use super::figure;
use crate::report::model::{Received, Taken};
use crate::report::record::ProviderPoint;
use maud::{Markup, html};

/// Providers that are drawn; all are in the table.
const DRAWN_MAX: usize = 12;

/// `offset` is by how many seconds the simulator started later than the generator.
pub(super) fn section(received: &Received, offset: f64) -> Markup {
    let providers = &received.providers;
    html! {
        section aria-labelledby="providers" {
            h2 #providers { "Providers" }
            @if providers.is_empty() { p { "None were simulated." } } @else {
                (table(providers))
                (charts(providers, offset))
                (limits(providers))
            }
        }
    }
}

fn table(providers: &[Taken]) -> Markup {
    let heads = [
        "Accepted",
        "Deferred",
        "of all answers",
        "Failed",
        "Connections",
        "Open at once",
        "421",
        "Changed",
        "Out of contract",
    ];
    html! {
        div.scroll tabindex="0" role="region" aria-label="Recipients by provider" {
            table {
                caption { "Recipients by provider" }
                thead { tr {
                    th scope="col" { "Provider" }
                    @for head in heads { th.n scope="col" { (head) } }
                } }
                tbody {
                    @for (index, one) in providers.iter().enumerate() { (row(index, one)) }
                }
            }
        }
    }
}

fn row(index: usize, one: &Taken) -> Markup {
    let at = |field: &str, value| figure::count(&format!("/sink/providers/{index}/{field}"), value);
    let share = share_deferred(one);
    html! {
        tr {
            th scope="row" { (one.name) }
            td.n { (at("accepted", one.accepted)) }
            td.n { (at("deferred", one.deferred)) }
            td.n {
                (figure::digits(100.0 * share)) " %"
                svg.bar viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
                    rect.grid width="100" height="4" {}
                    rect.l1 width=(format!("{:.1}", 100.0 * share)) height="4" {}
                }
            }
            td.n { (at("failed", one.failed)) }
            td.n { (at("connections", one.connections)) }
            td.n { (at("open_max", one.open_max)) }
            td.n { (at("turned_away", one.turned_away)) }
            td.n.fault[one.corrupt > 0] { (at("corrupt", one.corrupt)) }
            td.n.fault[one.broken > 0] { (at("broken", one.broken)) }
        }
    }
}

/// Of all answers, those that were 4xx.
#[expect(clippy::cast_precision_loss, reason = "only shown")]
fn share_deferred(one: &Taken) -> f64 {
    one.deferred as f64 / (one.accepted + one.deferred + one.failed).max(1) as f64
}

fn charts(providers: &[Taken], offset: f64) -> Markup {
    let mut busiest: Vec<&Taken> = providers.iter().filter(|one| !one.series.is_empty()).collect();
    busiest.sort_by_key(|one| std::cmp::Reverse(one.accepted + one.deferred));
    let left = busiest.len().saturating_sub(DRAWN_MAX);
    busiest.truncate(DRAWN_MAX);
    let points = || busiest.iter().flat_map(|one| &one.series);
    let from = points().map(|point| point.from_secs).fold(f64::MAX, f64::min);
    let to = points().map(|point| point.from_secs + point.secs).fold(0.0, f64::max);
    let x = Axis::time(from.min(to) + offset, to + offset);
    html! {
        h3 { "Over time" }
        p.note {
            "Recipients a second that each provider accepted and deferred; seconds from the start of the generator."
            @if left > 0 { " The busiest " (DRAWN_MAX) " are drawn, " (left) " more are in the table." }
        }
        div.many {
            @for (index, one) in busiest.iter().enumerate() { (chart(index, one, &x, offset)) }
        }
    }
}

fn chart(index: usize, one: &Taken, x: &Axis, offset: f64) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "only drawn")]
    let line = |name, of: fn(&ProviderPoint) -> u64, filled| Line {
        name,
        points: steps(one.series.iter().map(|point| {
            let from = point.from_secs + offset;
            (from, from + point.secs, of(point) as f64 / point.secs.max(1e-3))
        })),
        filled,
    };
    let lines = vec![
        line("accepted", |point| point.accepted, true),
        line("deferred", |point| point.deferred, false),
    ];
    let highest = lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    let y = Axis::linear(highest.fold(1.0, f64::max), figure::digits);
    let id = format!("provider-{index}");
    Chart { id: &id, title: &one.name, note: &one.about, x: x.clone(), y, lines }.draw()
}

fn limits(providers: &[Taken]) -> Markup {
    html! {
        @if providers.iter().any(|one| !one.limits.is_empty()) {
            div.scroll tabindex="0" role="region" aria-label="Limits of providers" {
                table {
                    caption { "What they allow. A rule of the contract is one that senders can know: breaking it is a fault" }
                    thead { tr {
                        th scope="col" { "Provider" } th scope="col" { "Rule" }
                        th scope="col" { "Allows" } th scope="col" { "In the contract" }
                    } }
                    tbody {
                        @for one in providers {
                            @for (index, limit) in one.limits.iter().enumerate() {
                                tr {
                                    @if index == 0 { th scope="rowgroup" rowspan=(one.limits.len()) { (one.name) } }
                                    td { (limit.rule) }
                                    td { (limit.allows) }
                                    td { @if limit.contract { "yes" } @else { "no" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
