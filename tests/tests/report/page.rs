//! The page in a real browser: its figures are those of the JSON, it fits a phone, it fetches
//! nothing, and it can be read.

use crate::browser::{SCHEMES, WIDTHS, look, picture};
use crate::run;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};
use tests::scratch::Scratch;
use tests::tool;

/// The least contrast of letters: level AA.
/// [WCAG 2.2 §1.4.3](https://www.w3.org/TR/WCAG22/#contrast-minimum)
const CONTRAST_MIN: f64 = 4.5;
/// Three digits are shown.
const ROUNDING: f64 = 0.006;

/// Figures no report may be without.
const FIGURES: [&str; 12] = [
    "/send/rate",
    "/send/seconds",
    "/send/corrected/p99_micros",
    "/send/transaction/p999_micros",
    "/send/phases/0/p50_micros",
    "/send/generator/busiest_thread",
    "/send/relay/cpu_micros_per_message",
    "/send/relay/memory_max_bytes",
    "/sink/providers/1/deferred",
    "/sink/providers/1/broken",
    "/verify/proof/exact",
    "/verify/proof/out_of_contract",
];

#[test]
fn a_browser_shows_the_figures_of_the_json() -> io::Result<()> {
    if !tool::all_there(&["chromium"]) {
        return Ok(());
    }
    let scratch = Scratch::new("report-page")?;
    run::document(scratch.path())?;
    let read = |name: &str| fs::read_to_string(scratch.path().join("report").join(name));
    let (page, json) = (read("report.html")?, serde_json::from_str(&read("report.json")?)?);
    for (name, scheme) in SCHEMES {
        let (frames, console) = look(scratch.path(), &page, scheme)?;
        assert_eq!(console, "", "{name}");
        for (frame, width) in frames.as_array().expect("one a width").iter().zip(WIDTHS) {
            let place = format!("{name}, {width} pixels");
            figures_are_those_of(&json, frame, &place);
            it_can_be_read(frame, width, name, &place);
        }
    }
    Ok(())
}

#[test]
fn pictures_are_taken_for_those_who_want_to_see() -> io::Result<()> {
    if !tool::all_there(&["chromium"]) {
        return Ok(());
    }
    let scratch = Scratch::new("report-pictures")?;
    run::document(scratch.path())?;
    let (file, kept) =
        (scratch.path().join("report/report.html"), Path::new(env!("CARGO_TARGET_TMPDIR")));
    for scheme in SCHEMES {
        for width in WIDTHS {
            let picture = picture(scratch.path(), &file, width, scheme)?;
            let bytes = fs::read(&picture)?;
            let shown = bytes.get(16..20).and_then(|field| field.try_into().ok());
            assert_eq!(shown.map(u32::from_be_bytes), Some(width), "{}", picture.display());
            assert!(bytes.len() > 30_000, "{} is nearly empty", picture.display());
            let kept = kept.join(format!("report-{width}-{}.png", scheme.0));
            fs::copy(&picture, &kept)?;
            println!("{}", kept.display());
        }
    }
    Ok(())
}

fn figures_are_those_of(json: &Value, frame: &Value, place: &str) {
    let mut seen = BTreeSet::new();
    for figure in frame["figures"].as_array().expect("a list") {
        let [pointer, value, text] = [0, 1, 2].map(|at| figure[at].as_str().expect("a string"));
        let wanted = json.pointer(pointer).and_then(Value::as_f64);
        let wanted = wanted.unwrap_or_else(|| panic!("{place}: the JSON has no {pointer}"));
        assert_eq!(value.parse(), Ok(wanted), "{place}: {pointer}");
        let (said, wanted) = (meant(pointer, text), wanted);
        let is_near = (said - wanted).abs() <= ROUNDING * wanted.abs().max(1.0);
        assert!(is_near, "{place}: {pointer} is {wanted}, and shown as {text}");
        seen.insert(pointer);
    }
    let absent: Vec<_> = FIGURES.iter().filter(|pointer| !seen.contains(*pointer)).collect();
    assert!(
        absent.is_empty() && seen.len() > 90,
        "{place}: {} figures, none for {absent:?}",
        seen.len()
    );
}

/// What a reader takes a text for, in the unit of the field.
fn meant(pointer: &str, text: &str) -> f64 {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: f64 = number.replace(',', "").parse().expect("a number");
    let unit = match (unit, pointer.contains("micros")) {
        ("s", true) => 1e6,
        ("ms", true) => 1e3,
        ("" | "s" | "B", false) | ("µs", true) => 1.0,
        ("%", false) => 0.01,
        ("KiB", false) => 1_024.0,
        ("MiB", false) => 1_048_576.0,
        ("GiB", false) => 1_073_741_824.0,
        _ => panic!("{pointer}: {text}"),
    };
    number * unit
}

fn it_can_be_read(frame: &Value, width: u32, scheme: &str, place: &str) {
    let number = |name: &str| frame[name].as_f64().expect("a number");
    assert_eq!(frame["width"], width, "{place}");
    assert!(number("scroll") <= f64::from(width), "{place}: {} wide", frame["scroll"]);
    assert_eq!(frame["fetched"].as_array().map(Vec::len), Some(0), "{place}: {}", frame["fetched"]);
    let contrast = frame["contrast"][0].as_f64().expect("a number");
    assert!(contrast >= CONTRAST_MIN, "{place}: {}", frame["contrast"]);
    let is_dark = frame["ground"][0].as_f64().is_some_and(|red| red < 128.0);
    assert_eq!(is_dark, scheme == "dark", "{place}: {}", frame["ground"]);
    assert_eq!(frame["nameless"], 0, "{place}");
    let drawn = frame["drawn"].as_array().expect("a list");
    assert!(drawn.len() >= 14 && drawn.iter().all(|length| length.as_f64() > Some(0.0)), "{place}");
    let first = frame["headings"][0].as_str().expect("a string");
    assert!(first.starts_with("The proof fails: ") && first.contains("out of contract"), "{first}");
}
