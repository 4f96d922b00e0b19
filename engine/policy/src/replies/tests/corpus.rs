//! `profiles/corpus.txt`: what hosts say is taken for what it is meant to be taken for.

use super::said;
use crate::replies::condition::Condition;
use crate::replies::words::Heard;
use crate::replies::{Provider, Reading, Rules, Stage};
use event::Response;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const CORPUS: &str = include_str!("../../../profiles/corpus.txt");

/// What is meant by the replies of one heading.
#[derive(Clone, Copy)]
struct Meant<'c> {
    provider: &'c str,
    stage: Option<Stage>,
    class: &'c str,
    scope: &'c str,
    action: &'c str,
    source: &'c str,
}

/// A reply, its line, and what is meant by it.
struct Line<'c> {
    number: usize,
    reply: &'c str,
    meant: Meant<'c>,
}

impl Line<'_> {
    fn provider(&self, rules: &Rules) -> Option<Provider> {
        let provider = rules.provider(self.meant.provider);
        let known = provider.is_some() || self.meant.provider == "-";
        assert!(known, "line {}: no provider {}", self.number, self.meant.provider);
        provider
    }

    fn read<'r>(&self, rules: &'r Rules) -> (Response, Reading<'r>) {
        let response = said(self.reply);
        let reading = rules.read(&response, self.provider(rules), self.meant.stage);
        (response, reading)
    }
}

fn lines() -> Vec<Line<'static>> {
    let mut meant = None;
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(CORPUS.lines()) {
        if let Some(heading) = text.strip_prefix("== ") {
            let parts: Vec<&str> = heading.split(" | ").collect();
            let [provider, class, scope, action, source] = parts[..] else {
                panic!("line {number} has {} parts", parts.len())
            };
            let (provider, stage) = match provider.split_once(" at ") {
                Some((provider, stage)) => (provider, Some(stage.parse().expect("a stage"))),
                None => (provider, None),
            };
            meant = Some(Meant { provider, stage, class, scope, action, source });
        } else if text.starts_with(|first: char| first.is_ascii_digit()) {
            let meant = meant.expect("a heading stands above the first reply");
            lines.push(Line { number, reply: text, meant });
        } else {
            assert!(text.is_empty() || text.starts_with(['#', '@']), "line {number}: {text}");
        }
    }
    lines
}

#[test]
fn replies_are_taken_for_what_they_mean() {
    let rules = Rules::shipped();
    let mut wrong = String::new();
    for line in lines() {
        let (_, reading) = line.read(rules);
        let Meant { class, scope, action, .. } = line.meant;
        let meant = format!("{class} | {scope} | {action}");
        let found = format!("{} | {} | {}", reading.class, reading.scopes, reading.action);
        if sorted(&found) != sorted(&meant) {
            let rule = reading.rule.map_or("none", |rule| &rule.name);
            let _ = writeln!(
                wrong,
                "line {}: {}\n  meant {meant}\n  found {found}, by rule {rule}",
                line.number, line.reply
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// In a heading scopes may stand in any order.
fn sorted(meaning: &str) -> Vec<String> {
    let parts = meaning.split(" | ").map(|part| {
        let mut keys: Vec<&str> = part.split('+').collect();
        keys.sort_unstable();
        keys.join("+")
    });
    parts.collect()
}

/// The official tables are in it, and more.
#[test]
fn the_corpus_is_large_and_says_where_it_is_from() {
    let lines = lines();
    let distinct: BTreeSet<_> =
        lines.iter().map(|line| (line.meant.provider, line.reply)).collect();
    assert_eq!(distinct.len(), lines.len(), "a reply stands in it twice");
    assert!(lines.len() >= 600, "{}", lines.len());
    let sources: BTreeMap<&str, &str> = CORPUS
        .lines()
        .filter(|line| line.starts_with('@'))
        .filter_map(|line| line.split_once(" = "))
        .collect();
    let used: BTreeSet<&str> = lines.iter().map(|line| line.meant.source).collect();
    assert_eq!(sources.keys().copied().collect::<BTreeSet<_>>(), used);
}

/// A rule that fits nothing anybody said may be misspelt, and so may each of its words: rules that listen for
/// wording a provider gave up years ago are common.
#[test]
fn every_word_of_every_rule_is_said_by_somebody() {
    let rules = Rules::shipped();
    let mut silent: BTreeMap<&str, Vec<Part>> =
        rules.all().iter().map(|rule| (&*rule.name, parts(&rule.condition))).collect();
    for line in lines() {
        let (response, reading) = line.read(rules);
        let Some(rule) = reading.rule else { continue };
        let heard = rules.words.hear(&response.text);
        let parts = silent.get_mut(&*rule.name).expect("it is one of all rules");
        parts.retain(|part| !is_witnessed(&rule.condition, *part, &response, &heard));
    }
    let unsaid: Vec<_> = silent.iter().filter(|(_, parts)| !parts.is_empty()).collect();
    assert!(unsaid.is_empty(), "no reply of the corpus has these: {unsaid:#?}");
}

/// A word or code of a rule, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Codes(usize),
    Enhanced(usize),
    Text(usize),
    With(usize),
}

fn parts(condition: &Condition) -> Vec<Part> {
    let codes = (0..condition.codes.len()).map(Part::Codes);
    let enhanced = (0..condition.enhanced.len()).map(Part::Enhanced);
    let text = (0..condition.text.len()).map(Part::Text);
    codes.chain(enhanced).chain(text).chain((0..condition.with.len()).map(Part::With)).collect()
}

fn is_witnessed(condition: &Condition, part: Part, response: &Response, heard: &Heard) -> bool {
    // What is asked of the reply is this part alone.
    let mut alone = Condition::default();
    match part {
        Part::Codes(place) => alone.codes.push(condition.codes[place].clone()),
        Part::Enhanced(place) => alone.enhanced.push(condition.enhanced[place].clone()),
        Part::Text(place) => alone.text.push(condition.text[place]),
        Part::With(place) => alone.with.push(condition.with[place]),
    }
    alone.holds(response, crate::enhanced(response), None, heard)
}

/// Our load generator plays providers; what they say there is understood here.
#[test]
fn the_simulated_providers_are_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../loadgen/profiles");
    let rules = Rules::shipped();
    let mut replies_known = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let profile: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let host = profile["hosts"].as_array().and_then(|hosts| hosts[0].as_str()).unwrap();
        let provider = rules.provider_at(host);
        let replies = profile.get("replies").and_then(toml::Value::as_table);
        for (name, reply) in replies.into_iter().flatten() {
            let reply = reply.as_str().unwrap().trim().replace('\n', " ");
            let reply = reply.replace("{source}", "192.0.2.25").replace("{domain}", "example.com");
            let reading = rules.read(&said(&reply), provider, None);
            assert!(reading.is_known(), "{}: {name}: {reply}", path.display());
            replies_known += 1;
        }
    }
    assert!(replies_known > 30, "{replies_known}");
}
