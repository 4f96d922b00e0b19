//! The verdict of verify, first of all.

use super::figure;
use crate::report::model::Verified;
use crate::verify::{Broken, Proof, Sample};
use maud::{Markup, html};

/// The verdict in a sentence.
pub(super) fn headline(verified: Option<&Verified>) -> String {
    match verified {
        None => "No verdict: verify has not joined the ledgers".to_owned(),
        Some(Verified { proof, .. }) if proof.holds => {
            "Every accepted message arrived exactly once, unchanged".to_owned()
        }
        Some(verified) => format!("The proof fails: {}", faults(verified).join(", ")),
    }
}

fn faults(verified: &Verified) -> Vec<String> {
    let Verified { proof, duplicates_allowed, may_be_queued, .. } = verified;
    let all = [
        (proof.missing, "missing"),
        (proof.duplicates.saturating_sub(*duplicates_allowed), "delivered twice"),
        (proof.corrupt, "changed"),
        (if proof.generator_was_cut { 0 } else { proof.never_accepted }, "never accepted"),
        (proof.after_failure, "offered again after a 5xx"),
        (proof.out_of_contract, "out of contract"),
        (if *may_be_queued { 0 } else { proof.queued }, "still deferred"),
    ];
    let some = all.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{} {what}", figure::thousands(count))).collect()
}

pub(super) fn section(verified: Option<&Verified>, started: Option<&str>) -> Markup {
    let (class, mark) = match verified {
        Some(verified) if verified.proof.holds => ("holds", "M5 13l5 5L20 7"),
        Some(_) => ("fails", "M6 6l12 12M18 6L6 18"),
        None => ("none", "M5 12h14"),
    };
    html! {
        header class={ "verdict " (class) } {
            p.note { "ringload report" @if let Some(started) = started { " · run of " (started) } }
            h1 {
                svg viewBox="0 0 24 24" aria-hidden="true" { path d=(mark) {} }
                span { (headline(verified)) }
            }
            @if let Some(verified) = verified { (account(verified)) }
        }
    }
}

fn account(verified: &Verified) -> Markup {
    let proof = &verified.proof;
    html! {
        p.lead { (sentence(verified)) }
        dl.figures {
            (tally("Delivered exactly once", "exact", proof.exact, false))
            (tally("Missing", "missing", proof.missing, proof.missing > 0))
            (tally("Duplicates", "duplicates", proof.duplicates, proof.duplicates > verified.duplicates_allowed))
            (tally("Changed", "corrupt", proof.corrupt, proof.corrupt > 0))
            (tally("Never accepted", "never_accepted", proof.never_accepted, proof.never_accepted > 0 && !proof.generator_was_cut))
            (tally("Out of contract", "out_of_contract", proof.out_of_contract, proof.out_of_contract > 0))
        }
        (notes(verified))
        @if !proof.broken.is_empty() { (contracts(&proof.broken)) }
        @if !proof.samples.is_empty() { (samples(&proof.samples)) }
    }
}

fn sentence(verified: &Verified) -> Markup {
    let Proof { exact, failed, transit, .. } = &verified.proof;
    html! {
        (figure::count("/verify/proof/exact", *exact)) " recipients were accepted by the relay and reached their provider"
        @if *failed > 0 { "; " (figure::count("/verify/proof/failed", *failed)) " were turned down there for good" }
        ". Half of them were through " (figure::micros("/verify/proof/transit/p50_micros", transit.p50_micros))
        " after the relay’s 250, 99 in 100 within " (figure::micros("/verify/proof/transit/p99_micros", transit.p99_micros)) "."
    }
}

fn tally(label: &str, field: &str, value: u64, fault: bool) -> Markup {
    html! {
        div.fault[fault] {
            dt { (label) }
            dd {
                (figure::count(&format!("/verify/proof/{field}"), value))
                @if fault { " " span.tag { "fault" } }
            }
        }
    }
}

/// What explains the rest.
fn notes(verified: &Verified) -> Markup {
    let Verified { proof, duplicates_allowed, may_be_queued, .. } = verified;
    let count = |field: &str, value| figure::count(&format!("/verify/proof/{field}"), value);
    html! {
        ul.plain {
            @if proof.queued > 0 {
                li {
                    (count("queued", proof.queued)) " accepted, and deferred when last heard of"
                    @if !may_be_queued { " " span.tag { "fault" } }
                }
            }
            @if proof.unanswered > 0 {
                li { (count("unanswered", proof.unanswered)) " got no answer from the relay; either end is right" }
            }
            @if proof.not_accepted > 0 {
                li { (count("not_accepted", proof.not_accepted)) " not accepted, and rightly not delivered" }
            }
            @if proof.after_failure > 0 {
                li { (count("after_failure", proof.after_failure)) " offered again after a 5xx " span.tag { "fault" } }
            }
            @if proof.deferrals > 0 {
                li { (count("deferrals", proof.deferrals)) " times a provider said 4xx" }
            }
            @if *duplicates_allowed > 0 {
                li { (figure::count("/verify/duplicates_allowed", *duplicates_allowed)) " duplicates were allowed: the relay was killed" }
            }
            @if proof.generator_was_cut {
                li { "The generator’s ledger was cut short: its last rows may be missing" }
            }
        }
    }
}

fn contracts(broken: &[Broken]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Broken contracts" {
            table {
                caption { "Rules of providers that the relay broke" }
                thead { tr {
                    th scope="col" { "Provider" } th scope="col" { "Rule" }
                    th.n scope="col" { "Times" } th.n scope="col" { "At most" } th.n scope="col" { "Allowed" }
                } }
                tbody {
                    @for (index, one) in broken.iter().enumerate() {
                        tr {
                            th scope="row" { (one.provider) }
                            td { (one.rule) }
                            td.n { (figure::count(&format!("/verify/proof/broken/{index}/times"), one.times)) }
                            td.n { (figure::count(&format!("/verify/proof/broken/{index}/most"), one.most)) }
                            td.n { (figure::count(&format!("/verify/proof/broken/{index}/limit"), one.limit.into())) }
                        }
                    }
                }
            }
        }
    }
}

fn samples(samples: &[Sample]) -> Markup {
    html! {
        details {
            summary { "Examples of what is wrong" }
            ul.plain {
                @for Sample { fault, id, recipient } in samples {
                    li { (fault) ": message " code { (id) } ", recipient " code { (recipient) } }
                }
            }
        }
    }
}
