use super::log::Log;
use super::places::Places;
use super::report::Report;
use super::run::{Stage, run};
use super::tally::Tally;
use super::{Options, provider};
use crate::settings::{self, Host, Loaded};
use policy::replies::Rules;
use std::sync::Arc;
use std::time::Duration;

const HOST: &str = "mta5.am0.yahoodns.net";
const TSS04: &str = "[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume";
const FULL: &str = "mailbox full";
pub(super) const FIRST: u64 = 1_780_000_000_000;
const HOUR: u64 = 3_600_000;

/// An attempt at the N-th message, which came and was answered so many milliseconds after the first.
pub(super) fn attempt(
    number: u64,
    (came, answered): (u64, u64),
    (code, enhanced, text): (u16, &str, &str),
) -> String {
    let (outcome, category) = match code {
        250 => ("delivered", "null"),
        400..500 => ("deferred", "\"policy-related\""),
        _ => ("failed", "\"bad-mailbox\""),
    };
    format!(
        "{{\"event\":\"attempt\",\"at\":{at},\"id\":\"0-1-{number:x}\",\"sender\":\"a@news.example\",\
         \"recipient\":\"u{number}@yahoo.example\",\"site\":\"{HOST}\",\"host\":\"{HOST}\",\
         \"outcome\":\"{outcome}\",\"code\":{code},\"enhanced\":\"{enhanced}\",\"text\":\"{text}\",\
         \"local\":false,\"class\":null,\"category\":{category},\"bytes\":900,\
         \"accepted\":{accepted},\"sent\":{sent}.0,\"answered\":{after}.0}}\n",
        at = FIRST + answered,
        accepted = FIRST + came,
        sent = (answered - came).saturating_sub(1_900),
        after = answered - came,
    )
}

/// A connection that did not come about, so many milliseconds after the first message.
pub(super) fn dial_failed(at: u64, (code, enhanced, text): (u16, &str, &str)) -> String {
    format!(
        "{{\"event\":\"dial_failed\",\"at\":{},\"site\":\"{HOST}\",\"peer\":\"192.0.2.1:25\",\
         \"source_address\":null,\"category\":\"other\",\"code\":{code},\"enhanced\":\"{enhanced}\",\
         \"text\":\"{text}\"}}\n",
        FIRST + at
    )
}

/// A hundred messages a second apart; from the fifth on Yahoo would have nothing for two hours. One
/// mailbox was full.
pub(super) fn yesterday() -> String {
    let mut log = format!("{{\"event\":\"shard_started\",\"at\":{FIRST},\"shard\":0}}\n");
    for number in 0..100 {
        let came = number * 1_000;
        match number {
            0..5 => log += &attempt(number, (came, came + 10), (250, "2.0.0", "ok")),
            5 => {
                log += &attempt(number, (came, came + 10), (421, "4.7.0", TSS04));
                log += &attempt(number, (came, came + 2 * HOUR), (250, "2.0.0", "ok"));
            }
            6 => {
                log += &attempt(number, (came, came + 2 * HOUR), (452, "4.2.2", FULL));
                log += &attempt(number, (came, came + 7 * HOUR), (250, "2.0.0", "ok"));
            }
            _ => log += &attempt(number, (came, came + 2 * HOUR), (250, "2.0.0", "ok")),
        }
    }
    log
}

fn loaded(text: &str) -> Loaded {
    let host = Host { cores: 1, name: "relay.test".into() };
    settings::parse("new.toml", text, &host).unwrap_or_else(|faults| panic!("{faults}"))
}

fn stage(text: &str) -> Stage {
    let mut log = Log::read("day.log", text.as_bytes(), Rules::shipped()).unwrap();
    let providers = provider::learn(&mut log);
    let log = Arc::new(log);
    let places = Arc::new(Places::of(&log));
    Stage { log, providers, places, has_sizes: false }
}

/// A log under these settings.
fn outcome(text: &str, settings: &str) -> Tally {
    run(&stage(text), &loaded(settings)).unwrap().remove(0)
}

#[test]
fn by_the_same_settings_a_day_is_as_it_was() {
    let tally = outcome(&yesterday(), "");
    assert_eq!((tally.messages, tally.delivered, tally.failures()), (100, 100, 0));
    // The full mailbox, and what was on its way when Yahoo had had enough.
    assert!((2..10).contains(&tally.deferrals()), "{tally:?}");
    assert_eq!(tally.limits_hit, 1);
    let half = tally.times.percentile(50).unwrap();
    assert!((Duration::from_mins(117)..Duration::from_mins(122)).contains(&half), "{half:?}");
    assert!(tally.connections.is_some_and(|count| (1..20).contains(&count)), "{tally:?}");
    let held = tally.held.get("asked").copied().unwrap_or_default();
    assert!(held > 100 * 60_000, "Yahoo's word holds it: {tally:?}");
}

#[test]
fn who_does_not_listen_is_refused_more_often_and_gains_nothing() {
    let (old, new) = (outcome(&yesterday(), ""), outcome(&yesterday(), DEAF));
    assert_eq!((new.delivered, new.limits_hit), (100, 0), "{new:?}");
    assert!(new.deferrals() > 2 * old.deferrals(), "{new:?}");
}

const DEAF: &str = "[delivery]\nheed_replies = false\n";
const MINUTES: &str = "[retry]\nfirst = \"1m\"\nfactor = 1.0\nlongest = \"1m\"\n";

/// A provider that takes ten at once and one a second, and four a second come: for those that it did not
/// want the third time is good.
fn crowded() -> String {
    let mut log = String::new();
    let mut level = 0.0_f64;
    let mut times: Vec<(u64, u64)> = (0..400).map(|number| (number * 250, number)).collect();
    times.reverse();
    let mut last = 0;
    while let Some((at, number)) = times.pop() {
        level = (level - Duration::from_millis(at - last).as_secs_f64()).max(0.0);
        last = at;
        let came = number * 250;
        if level + 1.0 <= 10.0 {
            level += 1.0;
            log += &attempt(number, (came, at), (250, "2.0.0", "ok"));
        } else {
            log += &attempt(number, (came, at), (451, "4.7.1", "rate limit exceeded"));
            times.push((at + 60_000 + number % 7 * 1_000, number));
            times.sort_unstable_by(|one, other| other.cmp(one));
        }
    }
    log
}

#[test]
fn who_keeps_to_a_providers_rate_is_put_off_less() {
    let text = crowded();
    let stage = stage(&text);
    let bucket = stage.providers[0].bucket.expect("it is for the load").0;
    assert!((0.8..1.2).contains(&(bucket.rate * 1_000.0)), "{bucket:?}");
    let run = |settings: &str| run(&stage, &loaded(settings)).unwrap().remove(0);
    let old = run(&format!("{MINUTES}{DEAF}"));
    let new = run(&format!("{MINUTES}{DEAF}message_rate = \"55/m\"\n"));
    assert_eq!((old.delivered, new.delivered), (400, 400));
    assert!(old.deferrals() > 100, "{old:?}");
    assert!(new.deferrals() * 20 < old.deferrals(), "{} {}", old.deferrals(), new.deferrals());
    assert!(new.held["message-rate"] > 60_000, "{new:?}");
}

#[test]
fn the_report_has_what_is_different() {
    let stage = stage(&yesterday());
    let (old, new) = (loaded(""), loaded(DEAF));
    let (before, after) = (run(&stage, &old).unwrap(), run(&stage, &new).unwrap());
    let rules = (&**Rules::shipped(), &**Rules::shipped());
    let report = Report::of("day.log", &stage, (before.clone(), after), rules);
    let told = report.text(false);
    for words in ["all sites", HOST, "no to all mail, 1 time", "policy-related", "held by asked"] {
        assert!(told.contains(words), "{words} is not in\n{told}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["sites"][0]["old"]["delivered"], 100);
    assert_eq!(json["total"]["log"]["messages"], 100);
    let same = Report::of("day.log", &stage, (before.clone(), before), rules);
    assert!(same.text(false).contains("1 site as under the old settings."));
}

#[test]
fn replies_that_are_read_in_another_way_are_told_with_both_rules() {
    let stage = stage(&yesterday());
    let rules = Rules::behind([("new.toml", HALF_AN_HOUR)]).unwrap();
    let tallies = run(&stage, &loaded("")).unwrap();
    let both = (tallies.clone(), tallies);
    let told = Report::of("day.log", &stage, both, (Rules::shipped(), &rules)).text(false);
    assert!(told.contains("read in another way, 1 times: 421 4.7.0 [TSS04]"), "{told}");
    assert!(told.contains("new: sooner: spam-related, suspend 30m of site"), "{told}");
    assert!(!told.contains(FULL), "{told}");
}

const HALF_AN_HOUR: &str = r#"
name = "yahoo"
mx = [".yahoodns.net"]
source = "ours"
date = "2026-11"

[[reply]]
rule = "sooner"
text = ["TSS04"]
class = "spam-related"
scope = ["site"]
action = "suspend"
pause = "30m"
"#;

#[test]
fn what_a_recipient_costs_is_what_the_help_says() {
    assert_eq!(size_of::<super::log::Message>() + size_of::<u32>(), 20);
    let help = <Options as clap::Args>::augment_args(clap::Command::new("replay"));
    let help = help.clone().render_long_help().to_string();
    assert!(help.contains("20 to 56 bytes"), "{help}");
}
