//! The meters in Prometheus' words.

use crate::dns::Counts;
use crate::{Sources, auth};
use event::{
    EgressReading, Flag, Histogram, Kind, Meters, Reading, Row, ShardMeters, SiteReading, Tally,
};
use policy::source::Reading as SourceCounts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

const PREFIX: &str = "ringpost";

pub(super) fn registry(
    meters: Arc<Meters>,
    lookups: Arc<Counts>,
    logins: Option<Arc<auth::Counts>>,
    sources: Sources,
    facts: Vec<(&'static str, String)>,
) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register("engine", "What is running", Info::new(facts));
    registry.register_collector(Box::new(Cells { meters, lookups, logins, sources }));
    registry
}

/// Reads the cells at each scrape.
#[derive(Debug)]
struct Cells {
    meters: Arc<Meters>,
    lookups: Arc<Counts>,
    logins: Option<Arc<auth::Counts>>,
    sources: Sources,
}

impl Collector for Cells {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.shards(&mut encoder)?;
        self.histograms(&mut encoder)?;
        self.refusals(&mut encoder)?;
        self.undelivered(&mut encoder)?;
        self.sources(&mut encoder)?;
        self.sites(&mut encoder)?;
        self.addresses(&mut encoder)?;
        self.reloads(&mut encoder)?;
        self.lookups(&mut encoder)?;
        self.policies(&mut encoder)?;
        self.reports(&mut encoder)?;
        self.logins(&mut encoder)
    }
}

impl Cells {
    fn shards(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let shards: Vec<Vec<Row>> = self.meters.shards().iter().map(rows).collect();
        let Some(first) = shards.first() else { return Ok(()) };
        for (at, row) in first.iter().enumerate() {
            let values = shards.iter().map(|rows| rows[at].value).enumerate();
            let labelled = values.map(|(index, value)| (index.to_string(), value));
            family(encoder, family_name(row), row.help, row.kind, "shard", labelled)?;
        }
        Ok(())
    }

    fn histograms(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let shards = self.meters.shards();
        let sync = shards.iter().map(|shard| shard.sync.read());
        histogram(encoder, "sync_seconds", "How long the sync of a commit took.", sync)?;
        let help = "How long a message waited from its last byte to being durable.";
        let wait = shards.iter().map(|shard| shard.durable_wait.read());
        histogram(encoder, "durable_wait_seconds", help, wait)
    }

    /// By rule, all shards together: a rule a shard would be lines nobody reads.
    fn refusals(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "What was refused at the door, by limit or rule.";
        let rules = self.tally(|shard| &shard.refusals);
        family(encoder, "refusals", help, Kind::Counter, "rule", rules)?;
        let help = "Times that something was slowed because a host asked for it, by why.";
        let classes = self.tally(|shard| &shard.slowed);
        family(encoder, "slowed", help, Kind::Counter, "class", classes)
    }

    /// All shards together, too.
    fn undelivered(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Tries that delivered nothing, by what became of the recipient and why";
        let kind = MetricType::Counter;
        let mut family = encoder.encode_descriptor("undelivered", help, None, kind)?;
        let mut shards: Vec<_> =
            self.meters.shards().iter().map(|shard| shard.undelivered.rows()).collect();
        while let Some(rows) = shards.iter_mut().map(Iterator::next).collect::<Option<Vec<_>>>()
            && let Some((outcome, category, _)) = rows.first()
        {
            let labels = [("outcome", outcome.name()), ("category", category.name())];
            let count = rows.iter().map(|(.., count)| count).sum();
            number(family.encode_family(&labels)?, Kind::Counter, count)?;
        }
        Ok(())
    }

    fn tally(&self, of: fn(&ShardMeters) -> &Tally) -> impl Iterator<Item = (String, u64)> {
        let mut sums: Vec<(&str, u64)> = Vec::new();
        for shard in self.meters.shards() {
            let counts = of(shard).rows();
            if sums.is_empty() {
                sums = counts.collect();
            } else {
                sums.iter_mut().zip(counts).for_each(|(sum, (_, count))| sum.1 += count);
            }
        }
        sums.into_iter().map(|(reason, count)| (reason.to_owned(), count))
    }

    /// Only those that the settings name: users, and peers of whom nothing is said, may be many.
    fn sources(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        type Column = (&'static str, &'static str, Kind, fn(&SourceCounts) -> u64);
        const COLUMNS: [Column; 5] = [
            ("source_connections", "Connections of this source.", Kind::Gauge, |source| {
                source.connections
            }),
            (
                "source_connections_taken",
                "Connections this source was let in with.",
                Kind::Counter,
                |source| source.connections_total,
            ),
            ("source_messages", "Messages taken from this source.", Kind::Counter, |source| {
                source.messages
            }),
            ("source_recipients", "Recipients of those messages.", Kind::Counter, |source| {
                source.recipients
            }),
            ("source_bytes", "Bytes of those messages.", Kind::Counter, |source| source.bytes),
        ];
        let named = self.sources.load();
        let sources: Vec<(&str, SourceCounts)> =
            named.iter().map(|source| (source.name(), source.read())).collect();
        for (name, help, kind, column) in COLUMNS {
            let values = sources.iter().map(|(name, counts)| ((*name).to_owned(), column(counts)));
            family(encoder, name, help, kind, "source", values)?;
        }
        let help = "What this source was refused, by limit";
        let kind = MetricType::Counter;
        let mut family = encoder.encode_descriptor("source_refusals", help, None, kind)?;
        for (source, counts) in &sources {
            for (limit, count) in counts.excesses {
                let labels = [("source", *source), ("limit", limit.name())];
                let mut one = family.encode_family(&labels)?;
                one.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }

    fn sites(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        type Column = (&'static str, &'static str, Kind, fn(&SiteReading) -> u64);
        const COLUMNS: [Column; 5] = [
            ("site_queued", "Recipients waiting for this site.", Kind::Gauge, |site| site.queued),
            ("site_delivered", "Recipients the site took.", Kind::Counter, |site| site.delivered),
            ("site_deferred", "Tries that ended with a later try.", Kind::Counter, |site| {
                site.deferred
            }),
            ("site_failed", "Recipients failed, expired or dropped.", Kind::Counter, |site| {
                site.failed
            }),
            ("site_lanes", "Connections open or opening.", Kind::Gauge, |site| site.lanes),
        ];
        let sites = self.meters.sites();
        for (name, help, kind, column) in COLUMNS {
            let values = sites.iter().map(|site| (site.name.to_string(), column(site)));
            family(encoder, name, help, kind, "site", values)?;
        }
        Ok(())
    }

    /// Those of ours that mail leaves from, as the settings name them.
    fn addresses(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        type Column = (&'static str, &'static str, Kind, fn(&EgressReading) -> u64);
        const COLUMNS: [Column; 6] = [
            ("egress_lanes", "Connections open or opening from it", Kind::Gauge, |one| one.lanes),
            ("egress_dials", "Connections tried from it", Kind::Counter, |one| one.dials),
            (
                "egress_dial_failures",
                "Those of them that did not come about or were turned away",
                Kind::Counter,
                |one| one.dial_failures,
            ),
            ("egress_delivered", "Recipients taken from it", Kind::Counter, |one| one.delivered),
            (
                "egress_deferred",
                "Tries from it, of hosts that were spoken to, that ended with a later try",
                Kind::Counter,
                |one| one.deferred,
            ),
            (
                "egress_failed",
                "Recipients that failed or expired when they were tried from it",
                Kind::Counter,
                |one| one.failed,
            ),
        ];
        let addresses = self.meters.addresses();
        for (name, help, kind, column) in COLUMNS {
            let mut family = encoder.encode_descriptor(name, help, None, metric_type(kind))?;
            for one in &addresses {
                let labels = [("pool", &*one.pool), ("address", &*one.address)];
                number(family.encode_family(&labels)?, kind, column(one))?;
            }
        }
        Ok(())
    }

    fn reloads(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let rows = || self.meters.reloads().rows();
        let help = "Times that settings were read again, by what came of it.";
        let counts = rows().map(|(outcome, count, _)| (outcome.to_owned(), count));
        family(encoder, "reloads", help, Kind::Counter, "outcome", counts)?;
        let help = "When that last was, in seconds since the Unix epoch; 0: never since start.";
        let last = rows().map(|(outcome, _, last)| (outcome.to_owned(), last));
        family(encoder, "reload_last_timestamp_seconds", help, Kind::Gauge, "outcome", last)
    }

    fn lookups(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let rows = self.lookups.rows().map(|(answer, count)| (answer.to_owned(), count));
        family(encoder, "dns_lookups", "Names looked up.", Kind::Counter, "answer", rows)?;
        let rows = self.lookups.tlsa().rows().map(|(answer, count)| (answer.to_owned(), count));
        let help = "TLSA records looked up, of hosts whose addresses are proven.";
        family(encoder, "tlsa_lookups", help, Kind::Counter, "answer", rows)
    }

    fn policies(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.lookups.policies();
        let rows = counts.rows().map(|(outcome, count)| (outcome.to_owned(), count));
        let help = "MTA-STS policies fetched, or why not.";
        family(encoder, "mta_sts_fetches", help, Kind::Counter, "outcome", rows)?;
        let (name, help) = ("mta_sts_policies", "MTA-STS policies kept");
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&counts.kept())
    }

    fn reports(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.lookups.reports();
        let rows = counts.rows().map(|(outcome, count)| (outcome.to_owned(), count));
        let help = "Reports of TLS (TLS-RPT) to domains.";
        family(encoder, "tls_reports", help, Kind::Counter, "outcome", rows)?;
        let (name, help) = ("tls_report_sessions_lost", "Sessions that no report tells of");
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&counts.lost(), None)
    }

    fn logins(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let rows = self.logins.iter().flat_map(|counts| counts.rows());
        for (name, help, kind, value) in rows {
            number(encoder.encode_descriptor(name, help, None, metric_type(kind))?, kind, value)?;
        }
        Ok(())
    }
}

/// All single numbers of a shard, the flags as 1 and 0.
fn rows(shard: &ShardMeters) -> Vec<Row> {
    let flag =
        |name, help, flag: &Flag| Row { name, help, kind: Kind::Gauge, value: flag.get().into() };
    let mut rows = shard.rows();
    rows.push(flag("recovered", "Whether all messages on disk are known again.", &shard.recovered));
    rows.push(flag("accepting", "Whether new mail is taken.", &shard.accepting));
    let help = "Whether a 250 means that the message is on the disk (durability = \"sync\").";
    rows.push(flag("durable", help, &shard.durable));
    rows
}

/// What a row is called in a scrape. Counters get `_total` from the encoder, and a counter
/// may not share its name with a gauge.
fn family_name(row: &Row) -> &'static str {
    match row.name {
        "connections_in_total" => "connections_taken",
        name => name.strip_suffix("_total").unwrap_or(name),
    }
}

/// One family: a number for each value of one label.
fn family(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: Kind,
    label: &str,
    values: impl Iterator<Item = (String, u64)>,
) -> fmt::Result {
    let help = help.trim_end_matches('.');
    let mut family = encoder.encode_descriptor(name, help, None, metric_type(kind))?;
    for (owner, value) in values {
        let labels = [(label, owner.as_str())];
        number(family.encode_family(&labels)?, kind, value)?;
    }
    Ok(())
}

fn number(mut metric: MetricEncoder<'_>, kind: Kind, value: u64) -> fmt::Result {
    match kind {
        Kind::Counter => metric.encode_counter::<NoLabelSet, _, u64>(&value, None),
        Kind::Gauge => metric.encode_gauge(&value),
    }
}

const fn metric_type(kind: Kind) -> MetricType {
    match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
    }
}

fn histogram(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    shards: impl Iterator<Item = Reading>,
) -> fmt::Result {
    let help = help.trim_end_matches('.');
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (index, reading) in shards.enumerate() {
        let labels = [("shard", index.to_string())];
        let bounds =
            Histogram::BOUNDS.map(|bound| bound.as_secs_f64()).into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(reading.buckets).collect();
        let sum = reading.sum.as_secs_f64();
        family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            sum,
            reading.count(),
            &buckets,
            None,
        )?;
    }
    Ok(())
}
