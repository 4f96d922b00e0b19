//! What is asked of a running engine, and ordered, by way of its admin door: `ringpost queue`,
//! `why`, `orders`, `pause`, `flush`, `reroute`, `reload` and so on. The same as JSON over HTTP, as
//! `/openapi.json` there says.

mod moves;
mod order;
mod show;
mod token;

pub(crate) use moves::{EndReroute, Reroute, Schedule};
pub(crate) use order::{Disable, Drop, Order, Pause, Resume, Site, Source};
pub(crate) use token::Token;

use crate::command::{complain, say};
use crate::fetch::{Asked, ask};
use crate::settings::{self, Faults, Host};
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Where the engine is, and how to answer.
#[derive(Debug, clap::Args)]
struct At {
    /// The settings file (TOML) of the engine; without one, all defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where its admin door is, instead of settings
    #[arg(long, value_name = "ADDRESS", conflicts_with = "config")]
    admin: Option<SocketAddr>,
    /// The file with the secret of our token, if it asks for one
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// Answers as JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Which sites are asked about.
#[derive(Debug, clap::Args)]
pub(crate) struct Queue {
    /// One site, with its hosts and their last replies
    site: Option<String>,
    /// So many sites at most, those with most mail first
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    at: At,
}

/// What does not move.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 if something is known of it, 1 if not, or if the engine does not answer.")]
pub(crate) struct Why {
    #[command(flatten)]
    asked: Unmoved,
    #[command(flatten)]
    at: At,
}

/// What is asked about.
#[derive(Debug, Default, clap::Args)]
#[group(required = true, multiple = true)]
struct Unmoved {
    /// A message, as the delivery log names it (0-2-1f4), a domain, or a site
    #[arg(conflicts_with_all = ["tenant", "campaign"])]
    what: Option<String>,
    /// Mail of this tenant, by site
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Mail of this campaign, else of this job, by site
    #[arg(long, value_name = "CAMPAIGN")]
    campaign: Option<String>,
}

impl Unmoved {
    /// The page that tells.
    fn page(&self) -> String {
        if let Some(what) = &self.what {
            return format!("/why/{}", quoted(what));
        }
        let names = [("tenant", &self.tenant), ("campaign", &self.campaign)];
        let said = names.into_iter().filter_map(|(what, name)| {
            name.as_ref().map(|name| format!("{what}={}", quoted(name)))
        });
        format!("/why?{}", said.collect::<Vec<_>>().join("&"))
    }
}

/// Orders that hold.
#[derive(Debug, clap::Args)]
pub(crate) struct Orders {
    #[command(flatten)]
    at: At,
}

/// New settings.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The engine reads the file it was started with, and puts all of it in force or none: SIGHUP does the \
same. Open connections end behind what they carry where they are too many by then.")]
pub(crate) struct Reload {
    /// Says what would change, and changes nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    at: At,
}

/// What is asked, or ordered.
pub(crate) enum Verb<'v> {
    Queue(&'v Queue),
    Why(&'v Why),
    Orders(&'v Orders),
    Order(Order<'v>),
    Reload(&'v Reload),
}

/// Asks the engine, and says what it answers.
///
/// # Errors
/// The faults of the settings file.
pub(crate) fn run(verb: &Verb<'_>, host: &Host) -> Result<io::Result<ExitCode>, Faults> {
    let at = match verb {
        Verb::Queue(queue) => &queue.at,
        Verb::Why(why) => &why.at,
        Verb::Orders(orders) => &orders.at,
        Verb::Order(order) => order.at,
        Verb::Reload(reload) => &reload.at,
    };
    let door = match at.admin {
        Some(address) => address,
        None => settings::load(at.config.as_deref(), host)?.settings.admin.address,
    };
    Ok(answer(verb, at, door))
}

fn answer(verb: &Verb<'_>, at: &At, door: SocketAddr) -> io::Result<ExitCode> {
    let token = at.token.as_ref().map(fs::read_to_string).transpose()?;
    let (path, body) = request(verb);
    let body = body.map(|body| body.to_string());
    let asked =
        Asked { path: &path, token: token.as_deref().map(str::trim), body: body.as_deref() };
    let (status, text) = ask(door, &asked).map_err(|error| {
        io::Error::new(error.kind(), format!("no engine answers at {door}: {error}"))
    })?;
    let told: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    if status != 200 {
        let why = told["error"].as_str().unwrap_or(text.trim());
        complain(&format!("ringpost: {why}\n"));
        return Ok(ExitCode::FAILURE);
    }
    say(&if at.json { format!("{told:#}\n") } else { shown(verb, &told) })?;
    Ok(ExitCode::SUCCESS)
}

/// The page that answers, and what is said to it.
fn request(verb: &Verb<'_>) -> (String, Option<Value>) {
    match verb {
        Verb::Queue(Queue { site: Some(site), .. }) => (format!("/queue/{}", quoted(site)), None),
        Verb::Queue(Queue { limit, .. }) => (format!("/queue?limit={limit}"), None),
        Verb::Why(why) => (why.asked.page(), None),
        Verb::Orders(_) => ("/orders".to_owned(), None),
        Verb::Order(order) => (order.path.to_owned(), Some(order.body.clone())),
        Verb::Reload(reload) => ("/reload".to_owned(), Some(json!({ "dry_run": reload.dry_run }))),
    }
}

fn shown(verb: &Verb<'_>, told: &Value) -> String {
    let now = kernel::uring::wall();
    match verb {
        Verb::Queue(Queue { site: None, .. }) => show::sites(told, now),
        Verb::Queue(_) | Verb::Why(_) => show::why(told, now),
        Verb::Orders(_) => show::orders(told, now),
        Verb::Order(_) => show::order(told, now),
        Verb::Reload(_) => show::reload(told),
    }
}

/// A name as a part of a path.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~:,@".contains(&byte);
    let quote = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    name.bytes().map(quote).collect()
}

#[cfg(test)]
mod tests;
