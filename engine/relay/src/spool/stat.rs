//! `spool stat`: what each log holds and takes up, and how long its syncs take.

use super::read::{self, Beside, Contents, Log};
use super::{Target, show};
use crate::command::say;
use crate::fetch::fetch;
use event::Wall;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

/// The figures of a log, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    segments: u64,
    /// Bytes of files: segments and pool.
    disk_bytes: u64,
    messages: u64,
    recipients: u64,
    live_bytes: u64,
    oldest: Option<Wall>,
    /// Bytes of segments that no live message needs.
    debt_bytes: u64,
    pool: u64,
    set_aside: u64,
    damage: u64,
    /// Copies of bad bytes.
    quarantine: u64,
}

pub(super) fn stat(target: &Target) -> io::Result<ExitCode> {
    let beside = target.look()?;
    let logs: Vec<(u16, Figures)> = read::again(|| {
        let logs = read::logs(&target.directory)?;
        logs.iter().map(|log| Ok((log.number, Figures::of(log, beside)?))).collect()
    })?;
    let now = kernel::uring::wall();
    let sync = match beside {
        Beside::Engine(_) => Some(Sync::ask(target)),
        Beside::Nobody => None,
    };
    let answer = if target.json {
        format!("{:#}\n", value(target, beside, &logs, now, sync.as_ref()))
    } else {
        page(target, beside, &logs, now, sync.as_ref())
    };
    say(&answer)?;
    Ok(ExitCode::SUCCESS)
}

impl Figures {
    fn of(log: &Log, beside: Beside) -> io::Result<Self> {
        let Contents { live, damage, written } = log.contents(beside, |_| Ok(()))?;
        let live_bytes = live.iter().map(read::Live::bytes).sum();
        let of_segments: u64 = log.segments.iter().map(|segment| segment.len).sum();
        let of_pool: u64 = log.pool.iter().map(|file| file.1).sum();
        Ok(Self {
            segments: log.segments.len() as u64,
            disk_bytes: of_segments + of_pool,
            messages: live.len() as u64,
            recipients: live.iter().map(|live| live.open.len() as u64).sum(),
            live_bytes,
            oldest: live.iter().map(|live| live.envelope.accepted()).min(),
            debt_bytes: written.saturating_sub(live_bytes),
            pool: log.pool.len() as u64,
            set_aside: log.set_aside.len() as u64,
            damage: damage.len() as u64,
            quarantine: log.quarantine.len() as u64,
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            segments: self.segments + other.segments,
            disk_bytes: self.disk_bytes + other.disk_bytes,
            messages: self.messages + other.messages,
            recipients: self.recipients + other.recipients,
            live_bytes: self.live_bytes + other.live_bytes,
            oldest: self.oldest.into_iter().chain(other.oldest).min(),
            debt_bytes: self.debt_bytes + other.debt_bytes,
            pool: self.pool + other.pool,
            set_aside: self.set_aside + other.set_aside,
            damage: self.damage + other.damage,
            quarantine: self.quarantine + other.quarantine,
        }
    }

    fn value(&self, now: Wall) -> Value {
        json!({
            "segments": self.segments,
            "disk_bytes": self.disk_bytes,
            "live_messages": self.messages,
            "open_recipients": self.recipients,
            "live_bytes": self.live_bytes,
            "oldest_accepted_ms": self.oldest.map(|oldest| oldest.0),
            "oldest_age_seconds": self.oldest.map(|oldest| now.since(oldest).as_secs()),
            "reclaim_debt_bytes": self.debt_bytes,
            "pool_segments": self.pool,
            "segments_set_aside": self.set_aside,
            "damaged_ranges": self.damage,
            "quarantine_files": self.quarantine,
        })
    }

    fn row(&self, name: &str, now: Wall) -> String {
        let oldest =
            self.oldest.map_or_else(|| "-".to_owned(), |oldest| show::span(now.since(oldest)));
        let (disk, live) = (show::bytes(self.disk_bytes), show::bytes(self.live_bytes));
        let debt = show::bytes(self.debt_bytes);
        let Self { segments, messages, recipients, pool, .. } = self;
        format!(
            "{name:<7} {segments:>8} {pool:>5} {disk:>10} {messages:>9} {recipients:>10} \
             {live:>10} {debt:>10}  {oldest}\n"
        )
    }
}

fn total(logs: &[(u16, Figures)]) -> Figures {
    logs.iter().fold(Figures::default(), |sum, (_, figures)| sum.plus(*figures))
}

fn page(
    target: &Target,
    beside: Beside,
    logs: &[(u16, Figures)],
    now: Wall,
    sync: Option<&Result<Sync, String>>,
) -> String {
    let mut page = match beside {
        Beside::Nobody => {
            format!("{}: no engine runs on it\n\n", target.directory.display())
        }
        Beside::Engine(process) => format!(
            "{}: process {process} runs on it\nThe figures are those of a moment while it was \
             read; what was just being written is not counted.\n\n",
            target.directory.display()
        ),
    };
    page +=
        "log     segments  pool       disk  messages recipients       live       debt  oldest\n";
    for (number, figures) in logs {
        page += &figures.row(&format!("log-{number:02}"), now);
    }
    let total = total(logs);
    page += &total.row("total", now);
    page += "\ndebt: bytes of segments that no live message needs; oldest: since it was accepted\n";
    if total.damage > 0 || total.set_aside > 0 || total.quarantine > 0 {
        let _ = writeln!(
            page,
            "{}, {} and {}: `ringpost spool check` says more",
            show::count(total.damage as usize, "damaged range"),
            show::count(total.set_aside as usize, "segment set aside"),
            show::count(total.quarantine as usize, "quarantined range"),
        );
    }
    match sync {
        None => page += "sync: no engine runs\n",
        Some(Err(why)) => {
            let _ = writeln!(page, "sync: not known: {why}");
        }
        Some(Ok(sync)) => page += &sync.line(),
    }
    page
}

fn value(
    target: &Target,
    beside: Beside,
    logs: &[(u16, Figures)],
    now: Wall,
    sync: Option<&Result<Sync, String>>,
) -> Value {
    let per_log: Vec<Value> = logs
        .iter()
        .map(|(number, figures)| {
            let mut value = figures.value(now);
            value["log"] = json!(number);
            value
        })
        .collect();
    json!({
        "spool": show::file(&target.directory),
        "engine": match beside {
            Beside::Nobody => Value::Null,
            Beside::Engine(process) => json!(process),
        },
        "logs": per_log,
        "total": total(logs).value(now),
        "sync": match sync {
            Some(Ok(sync)) => sync.value(),
            Some(Err(why)) => json!({ "unknown": why }),
            None => Value::Null,
        },
    })
}

/// How long commits took since the engine started.
#[derive(Debug)]
struct Sync {
    count: u64,
    mean_secs: f64,
    /// The bound half of them did not exceed, and that 99 of 100 did not.
    half_secs: f64,
    most_secs: f64,
}

impl Sync {
    fn ask(target: &Target) -> Result<Self, String> {
        let Some(admin) = target.admin else {
            return Err("the settings say where to ask: use --config".to_owned());
        };
        let page = fetch(admin, "/metrics").map_err(|error| format!("{admin}: {error}"))?;
        let page = page.ok_or_else(|| format!("{admin} refuses to show its metrics"))?;
        Self::read(&page).ok_or_else(|| format!("{admin} shows no sync latency"))
    }

    /// Adds the shards' histograms up.
    #[expect(clippy::cast_precision_loss, reason = "a mean need not be exact past 2^52")]
    fn read(page: &str) -> Option<Self> {
        let mut buckets: Vec<(f64, u64)> = Vec::new();
        for line in page.lines() {
            let Some(labels) = line.strip_prefix("ringpost_sync_seconds_bucket{") else { continue };
            let bound = labels.split("le=\"").nth(1)?.split('"').next()?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            let count: u64 = line.rsplit_once(' ')?.1.parse().ok()?;
            match buckets.iter_mut().find(|bucket| bucket.0.total_cmp(&bound).is_eq()) {
                Some(bucket) => bucket.1 += count,
                None => buckets.push((bound, count)),
            }
        }
        let sum: f64 = page
            .lines()
            .filter(|line| line.starts_with("ringpost_sync_seconds_sum"))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum();
        let count = buckets.last()?.1;
        // Buckets of a page are cumulative.
        let bound = |share: u64| {
            let reached = buckets.iter().find(|bucket| bucket.1 * 100 >= count * share);
            reached.map_or(0.0, |bucket| bucket.0)
        };
        let mean_secs = if count == 0 { 0.0 } else { sum / count as f64 };
        Some(Self { count, mean_secs, half_secs: bound(50), most_secs: bound(99) })
    }

    fn line(&self) -> String {
        let Self { count, mean_secs, half_secs, most_secs } = self;
        let within = |secs: &f64| match secs * 1_000.0 {
            millis if millis.is_finite() => format!("within {millis} ms"),
            _ => "longer than 30 s".to_owned(),
        };
        format!(
            "sync: {count} commits since start, {:.2} ms in the mean, half {}, 99 of 100 {}\n",
            mean_secs * 1_000.0,
            within(half_secs),
            within(most_secs)
        )
    }

    fn value(&self) -> Value {
        json!({
            "commits": self.count,
            "mean_seconds": self.mean_secs,
            "p50_seconds_at_most": self.half_secs,
            "p99_seconds_at_most": self.most_secs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Sync;

    #[test]
    fn histograms_of_shards_are_added_up() {
        let page = "\
ringpost_sync_seconds_sum{shard=\"0\"} 0.5
ringpost_sync_seconds_bucket{le=\"0.001\",shard=\"0\"} 40
ringpost_sync_seconds_bucket{le=\"0.002\",shard=\"0\"} 50
ringpost_sync_seconds_bucket{le=\"+Inf\",shard=\"0\"} 50
ringpost_sync_seconds_sum{shard=\"1\"} 1.5
ringpost_sync_seconds_bucket{le=\"0.001\",shard=\"1\"} 20
ringpost_sync_seconds_bucket{le=\"0.002\",shard=\"1\"} 48
ringpost_sync_seconds_bucket{le=\"+Inf\",shard=\"1\"} 50
";
        let sync = Sync::read(page).unwrap();
        assert_eq!(sync.count, 100);
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(sync.mean_secs, 0.02), "{sync:?}");
        assert!(close(sync.half_secs, 0.001), "{sync:?}");
        assert!(sync.most_secs.is_infinite(), "{sync:?}");
        assert!(Sync::read("nothing").is_none());
    }
}
