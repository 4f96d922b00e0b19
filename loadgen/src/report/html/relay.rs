//! What the relay used of the machine.

use super::chart::{Axis, Chart, Line, steps};
use super::figure;
use crate::report::model::{Sent, Used};
use crate::report::record::UsagePoint;
use maud::{Markup, html};

pub(super) fn section(used: Option<&Used>, sent: Option<&Sent>) -> Markup {
    html! {
        section aria-labelledby="relay" {
            h2 #relay { "CPU and memory of the relay" }
            @match (used, sent) {
                (Some(used), Some(sent)) => { (shown(used, sent.seconds)) }
                _ => {
                    p { "Nobody watched: " code { "ringload send --report FOLDER --relay-pid PID" } " does." }
                }
            }
        }
    }
}

fn shown(used: &Used, seconds: f64) -> Markup {
    let pids = used.pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    html! {
        p {
            "Process " (pids) " and its descendants used "
            (figure::shown("/send/relay/cpu_secs", used.cpu_secs, &format!("{} s", figure::digits(used.cpu_secs))))
            " of CPU while the generator ran; what they did later is not counted."
            @if let Some(at) = used.gone_at_secs {
                " " strong.bad {
                    "One of them ended after "
                    (figure::shown("/send/relay/gone_at_secs", at, &format!("{} s", figure::digits(at)))) "."
                }
            }
        }
        div.pair { (cpu(used, seconds)) (memory(used, seconds)) }
    }
}

fn cpu(used: &Used, seconds: f64) -> Markup {
    let busy = |pair: &[UsagePoint]| {
        let span = pair[1].at_secs - pair[0].at_secs;
        let is_long = span >= 0.25;
        is_long.then(|| {
            (pair[0].at_secs, pair[1].at_secs, 100.0 * (pair[1].cpu_secs - pair[0].cpu_secs) / span)
        })
    };
    let points = steps(used.series.windows(2).filter_map(busy));
    let highest = points.iter().map(|(_, share)| *share).fold(1.0, f64::max);
    Chart {
        id: "cpu",
        title: "CPU",
        note: "100 % is one core, over the seconds of the run",
        x: Axis::time(0.0, seconds),
        y: Axis::linear(highest, |share| format!("{} %", figure::digits(share))),
        lines: vec![Line { name: "CPU", points, filled: true }],
    }
    .draw()
}

fn memory(used: &Used, seconds: f64) -> Markup {
    const MIB: f64 = (1 << 20) as f64;
    #[expect(clippy::cast_precision_loss, reason = "only drawn")]
    let mib = |point: &UsagePoint| (point.at_secs, point.memory_bytes as f64 / MIB);
    let points: Vec<_> = used.series.iter().map(mib).collect();
    let highest = points.iter().map(|(_, mib)| *mib).fold(1.0, f64::max);
    Chart {
        id: "memory",
        title: "Memory",
        note: "shared pages counted once (PSS), over the seconds of the run",
        x: Axis::time(0.0, seconds),
        y: Axis::linear(highest, |mib| format!("{} MiB", figure::digits(mib))),
        lines: vec![Line { name: "memory", points, filled: true }],
    }
    .draw()
}
