//! Files of reply rules being written, one for each provider, as `[delivery] reply_rules` names them.
//!
//! As with settings, what the reader of such files would refuse is left out with its reason.

use super::draft::Origin;
use super::note::{Notes, plain};
use super::pattern::{Condition, conditions};
use super::quantity::shown;
use super::sites::label;
use event::ReplyClass;
use policy::replies::{Provider, Rules, quoted};
use std::fmt::Write as _;
use std::time::Duration;
use toml::Value;

/// The most rules that come over from one file: all words together have to fit what is listened for.
const RULES_MAX: usize = 500;

/// What is done about a reply, by its name in rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) action: &'static str,
    pub(super) scope: &'static str,
    pub(super) pause: Option<Duration>,
}

/// One rule.
#[derive(Clone, Debug)]
struct Rule {
    name: String,
    condition: Condition,
    class: ReplyClass,
    deed: Deed,
    origin: Origin,
}

/// The rules for one provider's hosts, or for everybody's.
#[derive(Clone, Debug)]
pub(super) struct RuleFile {
    /// What the provider is called; `None` for everybody.
    provider: Option<String>,
    mx: Vec<String>,
    /// Its rules ask for codes alone, and come behind all that listen for words.
    is_by_code: bool,
    rules: Vec<Rule>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleFiles(Vec<RuleFile>);

impl RuleFiles {
    /// Has a reply that an expression fits be answered so, if it comes from a host of `mx`; from
    /// anywhere, if that is empty.
    pub(super) fn add(
        &mut self,
        mx: &[String],
        expression: &str,
        deed: Deed,
        origin: &Origin,
        notes: &mut Notes,
    ) {
        let conditions = match conditions(expression) {
            Ok(conditions) => conditions,
            Err(why) => {
                let why = format!("rules listen for words, and {why}");
                return notes.left_out(origin.line, &origin.what, why);
            }
        };
        if conditions.iter().any(|condition| condition.is_wider) {
            let why = "rules listen for words and not for expressions: the rule fits whatever has the \
                       same words, in any order";
            notes.differs(origin.line, &origin.what, why);
        }
        for condition in conditions {
            let count: usize = self.0.iter().map(|file| file.rules.len()).sum();
            if count == RULES_MAX {
                let why = format!("more than {RULES_MAX} rules would come of the file");
                return notes.left_out(origin.line, &origin.what, why);
            }
            let is_by_code = condition.text.is_empty();
            if is_by_code {
                let why = match mx {
                    [] => "it asks for a code alone: it comes behind all rules that know words",
                    _ => "it asks for a code alone, and comes before finer rules for these hosts",
                };
                notes.differs(origin.line, &origin.what, why);
            }
            let file = self.file(mx, is_by_code && mx.is_empty());
            let provider = Rules::shipped().provider(file.provider.as_deref().unwrap_or_default());
            let class = class(&condition, provider);
            let name = format!("imported-{}-{}", origin.line, count + 1);
            let origin = origin.clone();
            file.rules.push(Rule { name, condition, class, deed, origin });
        }
    }

    /// The file for these hosts.
    fn file(&mut self, mx: &[String], is_by_code: bool) -> &mut RuleFile {
        let provider = mx.first().map(|host| provider_of(host));
        let is_its = |file: &RuleFile| file.provider == provider && file.is_by_code == is_by_code;
        let place = self.0.iter().position(is_its);
        let place = place.unwrap_or_else(|| {
            self.0.push(RuleFile { provider, mx: Vec::new(), is_by_code, rules: Vec::new() });
            self.0.len() - 1
        });
        let file = &mut self.0[place];
        for host in mx {
            if !file.mx.contains(&plain(host)) {
                file.mx.push(plain(host));
            }
        }
        file
    }

    /// The first line that a rule came from.
    pub(super) fn origin(&self) -> Option<Origin> {
        let rules = self.0.iter().flat_map(|file| &file.rules);
        rules.map(|rule| &rule.origin).min_by_key(|origin| origin.line).cloned()
    }

    /// Leaves all of it out.
    pub(super) fn leave_out(&mut self, why: &str, notes: &mut Notes) {
        for rule in self.0.drain(..).flat_map(|file| file.rules) {
            notes.left_out(rule.origin.line, &rule.origin.what, why);
        }
    }

    /// Leaves out what is refused, and gives each file with its name.
    ///
    /// # Errors
    /// A file is refused for something that came from no line.
    pub(super) fn settle(
        &mut self,
        source: &str,
        notes: &mut Notes,
    ) -> Result<Vec<(String, String)>, String> {
        loop {
            self.0.retain(|file| !file.rules.is_empty());
            let files: Vec<(String, String, Vec<usize>)> =
                self.0.iter().map(|file| file.write(source)).collect();
            let read = files.iter().map(|(name, text, _)| (name.as_str(), text.as_str()));
            let Err(fault) = Rules::behind(read) else {
                return Ok(files.into_iter().map(|(name, text, _)| (name, text)).collect());
            };
            let place = files.iter().position(|(name, ..)| *name == fault.file);
            let rule = place.and_then(|place| {
                let starts = &files[place].2;
                starts.iter().rposition(|start| *start <= fault.line).map(|rule| (place, rule))
            });
            let Some((place, rule)) = rule else { return Err(fault.to_string()) };
            let rule = self.0[place].rules.remove(rule);
            notes.left_out(rule.origin.line, &rule.origin.what, fault.text);
        }
    }
}

impl RuleFile {
    /// Its name, itself, and the line that each of its rules starts on.
    fn write(&self, source: &str) -> (String, String, Vec<usize>) {
        let everybody = if self.is_by_code { "codes" } else { "everybody" };
        let provider = self.provider.as_deref().unwrap_or(everybody);
        let mut text = format!("name = {}\n", Value::from(provider));
        if !self.mx.is_empty() {
            let _ = writeln!(text, "mx = {}", Value::from(self.mx.clone()));
        }
        let _ = writeln!(text, "source = {}\ndate = \"imported\"", Value::from(source));
        if self.is_by_code {
            text += "by_code = true\n";
        }
        let mut starts = Vec::new();
        for rule in &self.rules {
            text.push('\n');
            starts.push(1 + text.lines().count());
            text += &rule.write(source);
        }
        (format!("replies-{provider}.toml"), text, starts)
    }
}

impl Rule {
    fn write(&self, source: &str) -> String {
        let mut text = format!("[[reply]]\nrule = {}\n", Value::from(self.name.as_str()));
        let mut list = |name: &str, list: &[String]| {
            if !list.is_empty() {
                // Writing to a String does not fail.
                let _ = writeln!(text, "{name} = {}", Value::from(list.to_vec()));
            }
        };
        let Condition { codes, enhanced, text: words, with, .. } = &self.condition;
        list("code", codes);
        list("enhanced", enhanced);
        list("text", words);
        list("with", with);
        list("scope", &[self.deed.scope.to_owned()]);
        let _ = writeln!(text, "class = {}", Value::from(self.class.name()));
        let _ = writeln!(text, "action = {}", Value::from(self.deed.action));
        if let Some(pause) = self.deed.pause {
            let _ = writeln!(text, "pause = {}", Value::from(shown(pause)));
        }
        let from = format!("{source}:{}", self.origin.line);
        let _ = writeln!(text, "source = {}", Value::from(from));
        text
    }
}

/// What rules call the provider of a host: as ours do, so that they stay behind the imported ones.
fn provider_of(host: &str) -> String {
    let rules = Rules::shipped();
    // Any host below it stands for all of them.
    let one = if host.starts_with('.') { format!("mx{host}") } else { host.to_owned() };
    let known = rules.provider_at(&one).map(|provider| rules.name_of(provider).to_owned());
    known.unwrap_or_else(|| label(host.trim_start_matches('.')))
}

/// Why a host says such a thing: as our own rules say, if by codes alone; else by policy.
fn class(condition: &Condition, provider: Option<Provider>) -> ReplyClass {
    let first = |list: &[String]| {
        list.first().map_or("", String::as_str).replace("xx", "50").replace('x', "0")
    };
    let Condition { codes, enhanced, text, with, .. } = condition;
    let code = if codes.is_empty() { "450".to_owned() } else { first(codes) };
    let words = [text, with].map(|list| list.first().map_or("", String::as_str)).join(" ");
    let said = format!("{code} {} {words}", first(enhanced));
    let Some(quoted) = quoted(&said) else {
        return ReplyClass::PolicyRelated;
    };
    let reading = Rules::shipped().read(&quoted.response, provider, None);
    reading.rule.map_or(ReplyClass::PolicyRelated, |rule| rule.class)
}
