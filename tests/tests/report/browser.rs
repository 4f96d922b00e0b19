//! Headless Chromium: what it makes of a page, and its picture.

use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Widths at which a page is opened, in pixels: a small phone, and a desk.
pub(crate) const WIDTHS: [u32; 2] = [360, 1_400];
/// As `prefers-color-scheme`, with Chromium's number for it.
pub(crate) const SCHEMES: [(&str, u8); 2] = [("dark", 0), ("light", 1)];
/// Milliseconds Chromium is given: the page does nothing, so it is never used up.
const PATIENCE_MS: u32 = 120_000;

/// Asks each frame what it shows. Frames have the width that is asked for, which a window of
/// Chromium need not have.
const PROBE: &str = r"
const rgb = text => (text.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => {
  const linear = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const behind = (frame, element) => {
  for (; element; element = element.parentElement) {
    const colour = rgb(frame.getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] > 0) return colour;
  }
};
const contrasts = frame => [...frame.document.body.querySelectorAll('*')]
  .filter(element => !element.closest('svg') && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .map(element => {
    const [ink, page] = [rgb(frame.getComputedStyle(element).color), behind(frame, element)].map(light);
    return [(Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05), element.tagName + '.' + element.className];
  });
onload = () => {
  const found = [...document.querySelectorAll('iframe')].map(({ contentWindow: frame }) => ({
    width: frame.innerWidth,
    scroll: frame.document.documentElement.scrollWidth,
    ground: rgb(frame.getComputedStyle(frame.document.body).backgroundColor),
    contrast: contrasts(frame).sort((a, b) => a[0] - b[0])[0],
    fetched: frame.performance.getEntriesByType('resource').map(entry => entry.name),
    headings: [...frame.document.querySelectorAll('h1, h2')].map(heading => heading.innerText),
    drawn: [...frame.document.querySelectorAll('path.line')].map(path => path.getTotalLength()),
    nameless: [...frame.document.querySelectorAll('svg[role=img]')].filter(svg => !svg.querySelector('title')?.textContent).length,
    figures: [...frame.document.querySelectorAll('data')].map(data => [data.dataset.of, data.value, data.innerText]),
  }));
  document.body.innerHTML = '<pre id=found>' + encodeURIComponent(JSON.stringify(found)) + '</pre>';
};
";

/// What Chromium finds in the page at each of [`WIDTHS`], in that order, and what it had to
/// complain about on its console.
pub(crate) fn look(folder: &Path, page: &str, scheme: u8) -> io::Result<(Value, String)> {
    let quoted = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = |width| {
        format!(
            "<iframe srcdoc=\"{quoted}\" style='width:{width}px;height:900px;border:0'></iframe>"
        )
    };
    let frames: String = WIDTHS.map(frame).concat();
    let file = folder.join(format!("probe-{scheme}.html"));
    fs::write(
        &file,
        format!("<!DOCTYPE html><meta charset=utf-8><script>{PROBE}</script>{frames}"),
    )?;
    let (said, complained) = chromium(folder, scheme, &["--dump-dom".to_owned(), url(&file)])?;
    let found =
        said.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let (found, _) = found.ok_or_else(|| io::Error::other(format!("{complained}: {said}")))?;
    let console = complained.lines().filter(|line| line.contains("CONSOLE"));
    Ok((serde_json::from_str(&decoded(found))?, console.collect::<Vec<_>>().join("\n")))
}

/// A picture of the page at `file`, and where it is.
pub(crate) fn picture(
    folder: &Path,
    file: &Path,
    width: u32,
    (name, scheme): (&str, u8),
) -> io::Result<PathBuf> {
    let height = if width < 600 { 7_500 } else { 4_500 };
    let frame = format!(
        "<body style='margin:0'><iframe src='{}' style='width:{width}px;height:{height}px;border:0'>",
        url(file)
    );
    let (around, picture) =
        (folder.join("around.html"), folder.join(format!("{width}-{name}.png")));
    fs::write(&around, format!("<!DOCTYPE html>{frame}</iframe>"))?;
    let screenshot = format!("--screenshot={}", picture.display());
    let window = format!("--window-size={width},{height}");
    chromium(folder, scheme, &["--hide-scrollbars".to_owned(), window, screenshot, url(&around)])?;
    Ok(picture)
}

/// What Chromium writes to stdout and stderr.
fn chromium(folder: &Path, scheme: u8, arguments: &[String]) -> io::Result<(String, String)> {
    let output = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--enable-logging=stderr", "--log-level=0"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--timeout={PATIENCE_MS}"))
        .arg(format!("--user-data-dir={}", folder.join("chromium").display()))
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .args(arguments)
        .output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    if output.status.success() {
        return Ok((said, complained));
    }
    Err(io::Error::other(format!("chromium: {}: {complained}", output.status)))
}

fn url(file: &Path) -> String {
    format!("file://{}", file.display())
}

/// Undoes `encodeURIComponent`.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("two hexadecimal digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
