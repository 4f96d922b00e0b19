//! The report as one HTML file: no script, no network, light and dark, from 360 pixels up.
//!
//! Each figure is a `<data>` element whose `value` is that of the document and whose `data-of`
//! is the JSON pointer to it, so that a test can hold the page against `report.json`.

mod chart;
mod figure;
mod latency;
mod load;
mod providers;
mod relay;
mod verdict;

use super::model::{Document, Sent};
use super::origin::Origin;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("html/style.css");
/// Nothing may be fetched, so a reader need not trust us on that.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The page.
#[must_use]
pub fn page(document: &Document) -> String {
    let Document { send, sink, verify, .. } = document;
    let send = send.as_ref();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { "ringload: " (verdict::headline(verify.as_ref())) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (verdict::section(verify.as_ref(), started(document)))
                    @if let Some(sent) = send {
                        (load::headline(sent, sink.as_ref()))
                        (load::generator(sent))
                        (load::throughput(sent))
                        (latency::section(sent))
                    }
                    @if let Some(received) = sink {
                        (providers::section(received, offset(document)))
                    }
                    (relay::section(send.and_then(|sent| sent.relay.as_ref()), send))
                    (origins(document))
                }
            }
        }
    };
    page.into_string()
}

/// When the run started, as a Date field says it.
fn started(document: &Document) -> Option<&str> {
    parts(document).first().map(|(_, origin)| origin.started.as_str())
}

/// By how many seconds the simulator started later than the generator.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of a date are below 2^53")]
fn offset(document: &Document) -> f64 {
    let started = |origin: &Origin| origin.started_millis as f64 / 1e3;
    let sink = document.sink.as_ref().map_or(0.0, |sink| started(&sink.origin));
    document.send.as_ref().map_or(0.0, |sent: &Sent| sink - started(&sent.origin))
}

/// The parts that are there, in the order of a run.
fn parts(document: &Document) -> Vec<(&'static str, &Origin)> {
    let send = document.send.as_ref().map(|part| ("Generator", &part.origin));
    let sink = document.sink.as_ref().map(|part| ("Simulator", &part.origin));
    let verify = document.verify.as_ref().map(|part| ("Verify", &part.origin));
    [send, sink, verify].into_iter().flatten().collect()
}

fn origins(document: &Document) -> Markup {
    html! {
        section aria-labelledby="origin" {
            h2 #origin { "Machine and commands" }
            @for (name, origin) in parts(document) {
                h3 { (name) }
                pre tabindex="0" { code { (command(&origin.command)) } }
                p.note {
                    "ringload " (origin.version) ", " (origin.started) ". "
                    (origin.machine.cpu) ", " (origin.machine.cores) " cores, "
                    (figure::bytes(origin.machine.memory_bytes)) " of memory, "
                    (origin.machine.kernel) "."
                }
            }
            p.note {
                "The same figures are in " code { "report.json" } "; histograms in "
                code { "*.hgrm" } ", microseconds."
            }
        }
    }
}

/// A command line that a shell reads as it was.
fn command(words: &[String]) -> String {
    let is_plain = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
        !word.is_empty() && word.bytes().all(plain)
    };
    let quoted = |word: &String| {
        if is_plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
