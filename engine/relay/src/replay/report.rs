//! What would have changed, in words and in JSON.

use super::log::{Log, Said};
use super::provider::{Provider, To};
use super::run::Stage;
use super::tally::Tally;
use policy::replies::{Reading, Rules};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// The longest part of a reply that is shown, in characters.
const REPLY_MAX: usize = 100;
/// Replies that are shown.
const REPLIES_MAX: usize = 20;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    log: String,
    lines: u64,
    /// Seconds from its first line to the last that happened.
    secs: u32,
    /// Recipients that are left out: DNS named no hosts for them.
    unplaced: u64,
    total: Sides,
    sites: Vec<Site>,
    /// What is read in another way, most frequent first.
    replies: Vec<Reread>,
}

/// What became of mail: as the log says, and by the old and the new settings.
#[derive(Clone, Debug, Default, Serialize)]
struct Sides {
    log: Tally,
    old: Tally,
    new: Tally,
}

/// One site.
#[derive(Debug, Serialize)]
struct Site {
    #[serde(rename = "site")]
    name: String,
    /// What its hosts are taken to bear.
    learnt: Vec<String>,
    #[serde(flatten)]
    sides: Sides,
}

/// A reply that the new settings read in another way.
#[derive(Debug, Serialize)]
struct Reread {
    reply: String,
    times: u64,
    old: String,
    new: String,
}

impl Report {
    pub(super) fn of(
        name: &str,
        stage: &Stage,
        (before, after): (Vec<Tally>, Vec<Tally>),
        rules: (&Rules, &Rules),
    ) -> Self {
        let log = &stage.log;
        let mut total = Sides::default();
        let mut all = Vec::new();
        let both = before.into_iter().zip(after);
        for (place, ((old, new), provider)) in both.zip(&stage.providers).enumerate() {
            let sides = Sides { log: log.sites[place].tally.clone(), old, new };
            total.add(&sides);
            let name = log.site_names.name(place as u32).to_string();
            all.push(Site { name, learnt: learnt(provider, log), sides });
        }
        all.sort_by_key(|site| Reverse(site.sides.log.messages));
        Self {
            log: name.to_owned(),
            lines: log.lines,
            secs: log.length / 1_000,
            unplaced: log.unplaced,
            total,
            sites: all,
            replies: reread(&log.replies.all, rules),
        }
    }

    /// For people. Sites where nothing would have changed are shown if `all` are.
    pub(super) fn text(&self, all: bool) -> String {
        let mut text = format!(
            "{}: {} lines, {}. An estimate: see `ringpost replay --help` for what is assumed of hosts.\n\n",
            self.log,
            self.lines,
            span(Duration::from_secs(self.secs.into()))
        );
        text += &table("all sites", &self.total);
        let (changed, same): (Vec<&Site>, Vec<&Site>) =
            self.sites.iter().partition(|site| all || site.sides.old != site.sides.new);
        for site in changed {
            text += &table(&site.name, &site.sides);
            site.learnt
                .iter()
                .for_each(|learnt| line(&mut text, &format!("  taken to be so: {learnt}")));
        }
        line(&mut text, &format!("{} as under the old settings.", many(same.len(), "site")));
        if self.unplaced > 0 {
            line(
                &mut text,
                &format!("Left out: {} recipients that DNS named no host for.", self.unplaced),
            );
        }
        for Reread { reply, times, old, new } in self.replies.iter().take(REPLIES_MAX) {
            line(&mut text, &format!("read in another way, {times} times: {reply}"));
            line(&mut text, &format!("  old: {old}\n  new: {new}"));
        }
        text
    }
}

impl Sides {
    fn add(&mut self, other: &Self) {
        self.log.add(&other.log);
        self.old.add(&other.old);
        self.new.add(&other.new);
    }

    fn all(&self) -> [&Tally; 3] {
        [&self.log, &self.old, &self.new]
    }
}

/// What its hosts are taken to bear, in words.
fn learnt(provider: &Provider, log: &Log) -> Vec<String> {
    let words = |reply: u32| shortened(&log.replies.all[reply as usize].response.to_string());
    let mut learnt = Vec::new();
    if let Some((most, reply)) = provider.connections {
        learnt.push(format!("{} at once, else \"{}\"", many(most, "connection"), words(reply)));
    }
    if let Some((bucket, reply)) = provider.bucket {
        let (size, a_minute) = (bucket.size, bucket.rate * 60_000.0);
        let hold = span(Duration::from_millis(bucket.hold_millis.into()));
        let words = words(reply);
        learnt.push(format!(
            "{size:.0} messages at once and {a_minute:.1} a minute, else \"{words}\", for {hold} at least"
        ));
    }
    for (to, spells) in &provider.spells {
        let whom = match to {
            To::Callers => "connections",
            To::All => "all mail",
            To::Sender(_) => "mail of one domain",
        };
        let times = many(spells.len(), "time");
        learnt.push(format!("no to {whom}, {times}, for as long as it was in the log"));
    }
    learnt
}

fn reread(replies: &[Said], (old, new): (&Rules, &Rules)) -> Vec<Reread> {
    let mut all = Vec::new();
    for Said { response, host, times, .. } in replies {
        let read = |rules: &Rules| {
            let Reading { class, action, scopes, rule } =
                rules.read(response, rules.provider_at(host), None);
            let rule = rule.map_or("no rule", |rule| &rule.name);
            format!("{rule}: {class}, {action} of {scopes}")
        };
        let (old, new) = (read(old), read(new));
        if old != new {
            let reply = shortened(&response.to_string());
            all.push(Reread { reply, times: *times, old, new });
        }
    }
    all.sort_by_key(|reread| Reverse(reread.times));
    all
}

fn table(title: &str, sides: &Sides) -> String {
    let mut text = String::new();
    row(&mut text, title, ["log", "old", "new"].map(str::to_owned));
    let counts = |of: fn(&Tally) -> u64| sides.all().map(|tally| of(tally).to_string());
    row(&mut text, "  messages", counts(|tally| tally.messages));
    row(&mut text, "  delivered", counts(|tally| tally.delivered));
    row(&mut text, "  deferrals", counts(Tally::deferrals));
    parts(&mut text, sides, |tally, name| tally.deferred.get(name).copied());
    row(&mut text, "  refused, expired", counts(Tally::failures));
    parts(&mut text, sides, |tally, name| tally.failed.get(name).copied());
    row(&mut text, "  dropped, by order", counts(|tally| tally.dropped));
    row(&mut text, "  open at the end", counts(Tally::open));
    for (word, percent) in [("median", 50), ("p99", 99)] {
        let times =
            sides.all().map(|tally| tally.times.percentile(percent).map_or("-".into(), span));
        row(&mut text, &format!("  time to deliver, {word}"), times);
    }
    let connections = sides.all().map(|tally| tally.connections);
    let told = connections.map(|count| count.map_or("-".into(), |count| count.to_string()));
    row(&mut text, "  connections", told);
    row(&mut text, "  dials failed", counts(|tally| tally.dials_failed));
    row(&mut text, "  asked for less", counts(|tally| tally.limits_hit));
    let limiters: BTreeSet<&str> =
        sides.all().into_iter().flat_map(|tally| tally.held.keys().copied()).collect();
    for limiter in limiters {
        let held = |tally: &Tally| match tally.connections {
            None => "-".to_owned(),
            Some(_) => span(Duration::from_millis(tally.held.get(limiter).copied().unwrap_or(0))),
        };
        row(&mut text, &format!("  held by {limiter}"), sides.all().map(held));
    }
    text.push('\n');
    text
}

/// A row for each category that one of the sides has.
fn parts(text: &mut String, sides: &Sides, of: fn(&Tally, &str) -> Option<u64>) {
    for class in event::ReplyClass::NAMES {
        let counts = sides.all().map(|tally| of(tally, class));
        if counts.iter().any(Option::is_some) {
            let counts = counts.map(|count| count.unwrap_or(0).to_string());
            row(text, &format!("    {class}"), counts);
        }
    }
}

fn row(text: &mut String, name: &str, [log, old, new]: [String; 3]) {
    line(text, &format!("{name:<32} {log:>12} {old:>12} {new:>12}"));
}

fn line(text: &mut String, words: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{words}");
}

fn many(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn shortened(words: &str) -> String {
    words.chars().take(REPLY_MAX).collect()
}

fn span(span: Duration) -> String {
    let secs = span.as_secs();
    match secs {
        0 => format!("{} ms", span.as_millis()),
        1..100 => format!("{:.1} s", span.as_secs_f64()),
        100..6_000 => format!("{} m {} s", secs / 60, secs % 60),
        _ => format!("{} h {} m", secs / 3_600, secs / 60 % 60),
    }
}
