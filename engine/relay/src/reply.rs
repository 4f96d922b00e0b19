//! `ringpost reply`: what a host means by what it said, and which rule says so.

use crate::command::{MISUSE, complain, say};
use policy::replies::{Provider, Reading, Rules, Stage, quoted};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 if a rule knows the words, 1 if only the codes are known or nothing is, 2 if this is
no reply that says no.")]
pub(crate) struct Question {
    /// What the host said, such as "421 4.7.28 ...", as it stands in a log or a bounce
    reply: String,
    /// The provider whose rules count, by name
    #[arg(long, value_name = "NAME", conflicts_with = "mx")]
    provider: Option<String>,
    /// The host that said it, by which its provider is known
    #[arg(long, value_name = "HOST")]
    mx: Option<String>,
    /// What it was said to: greeting, hello, mail, rcpt, data or text
    #[arg(long)]
    stage: Option<Stage>,
    /// A file of rules of your own, asked before ours, as `reply_rules` names them
    #[arg(long, value_name = "FILE")]
    rules: Vec<PathBuf>,
}

/// Answers it.
pub(crate) fn run(question: &Question) -> ExitCode {
    let answer = match answer(question) {
        Ok(answer) => answer,
        Err(why) => {
            complain(&format!("ringpost: {why}\n"));
            return ExitCode::from(MISUSE);
        }
    };
    match say(&answer.text) {
        Ok(()) if answer.is_known => ExitCode::SUCCESS,
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!("ringpost: {error}\n"));
            ExitCode::FAILURE
        }
        Ok(()) | Err(_) => ExitCode::FAILURE,
    }
}

struct Answer {
    text: String,
    is_known: bool,
}

fn answer(question: &Question) -> Result<Answer, String> {
    let rules = &*rules(&question.rules)?;
    let Some(quoted) = quoted(&question.reply) else {
        return Err("that is no reply that says no: begin with its code, such as 421 or 550".into());
    };
    let host = question.mx.as_deref().or(quoted.host);
    let provider = match &question.provider {
        None => host.and_then(|host| rules.provider_at(host)),
        Some(name) => Some(rules.provider(name).ok_or_else(|| {
            let known: Vec<&str> = rules.providers().collect();
            format!("no rules for a provider \"{name}\"; there are: {}", known.join(" "))
        })?),
    };
    let reading = rules.read(&quoted.response, provider, question.stage.or(quoted.stage));
    let is_final = policy::outcome(&quoted.response).is_final();
    let text = show(rules, provider, &reading, is_final);
    Ok(Answer { text, is_known: reading.is_known() })
}

/// Ours, behind these.
fn rules(files: &[PathBuf]) -> Result<Arc<Rules>, String> {
    if files.is_empty() {
        return Ok(Arc::clone(Rules::shipped()));
    }
    let read = |path: &PathBuf| {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Ok((name, text)),
            Err(error) => Err(format!("{name} cannot be read: {error}")),
        }
    };
    let files = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Rules::behind(files).map_err(|fault| fault.to_string())
}

fn show(
    rules: &Rules,
    provider: Option<Provider>,
    reading: &Reading<'_>,
    is_final: bool,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line("provider", provider.map_or("unknown", |provider| rules.name_of(provider)));
    line("class", reading.class.name());
    let later = if is_final { "" } else { ", or message-expired once its time is up" };
    line("category", &format!("{}{later}", reading.class));
    line("scope", &reading.scopes.to_string());
    line("action", &reading.action.to_string());
    match reading.rule {
        None => line("rule", "none: no rule knows these words, and the code says nothing"),
        Some(rule) if !rule.knows_words => {
            line("rule", &format!("{}: no rule knows these words", rule.name));
        }
        Some(rule) => line("rule", &rule.name),
    }
    if let Some(rule) = reading.rule {
        line("source", &format!("{} ({})", rule.source, rule.date));
    }
    text
}

#[cfg(test)]
mod tests;
