//! `spool export`: every message with an open recipient, as files for a person or another
//! mail program.
//!
//! ```text
//!  FOLDER/              0700, made by us or empty
//!    0-2-1f4.eml        the text as the next host would get it
//!    messages.jsonl     a line a message: envelope, open recipients, attempts, when due
//! ```

use super::read::{self, Beside, Live, Whole};
use super::{Target, Which, show};
use crate::command::{complain, say};
use serde_json::{Value, json};
use spool::Tried;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where it goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(super) which: Which,
    /// A folder that is empty or not there yet
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
struct Exported {
    messages: usize,
    recipients: usize,
    damaged: usize,
}

pub(super) fn export(target: &Target, options: &Options) -> io::Result<ExitCode> {
    let beside = target.look()?;
    if let Beside::Engine(process) = beside {
        complain(&format!(
            "warning: process {process} runs on this spool and goes on delivering what is \
             exported: who sends these files on sends them twice\n"
        ));
    }
    make_empty(&options.folder)?;
    let index = options.folder.join("messages.jsonl");
    let mut lines = BufWriter::new(create(&index)?);
    let mut exported = Exported::default();
    let logs = read::logs(&target.directory)?.into_iter().map(|log| log.number);
    for number in logs.collect::<Vec<_>>() {
        export_log(target, number, beside, &options.folder, &mut lines, &mut exported)?;
    }
    lines.flush()?;
    rustix::fs::syncfs(File::open(&options.folder)?)?;
    report(target, options, exported)
}

fn report(target: &Target, options: &Options, exported: Exported) -> io::Result<ExitCode> {
    let Exported { messages, recipients, damaged } = exported;
    if target.json {
        say(&format!(
            "{:#}\n",
            json!({
                "folder": show::file(&options.folder),
                "messages": messages,
                "open_recipients": recipients,
                "damaged": damaged,
            })
        ))?;
    } else {
        say(&format!(
            "{} with {} still open are in {}\n",
            show::count(messages, "message"),
            show::count(recipients, "recipient"),
            options.folder.display()
        ))?;
    }
    if damaged == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    complain(&format!(
        "ringpost: the text of {} is not whole: messages.jsonl says of which; \
         `ringpost spool check` says why\n",
        show::count(damaged, "of them")
    ));
    Ok(ExitCode::FAILURE)
}

/// Exports what is live in one log. A segment given back meanwhile begins it anew: a file
/// written before is written again, and the lines only count at the end.
fn export_log(
    target: &Target,
    number: u16,
    beside: Beside,
    folder: &Path,
    lines: &mut impl io::Write,
    exported: &mut Exported,
) -> io::Result<()> {
    let (done, text) = read::again(|| {
        let logs = read::logs(&target.directory)?;
        let Some(log) = logs.iter().find(|log| log.number == number) else {
            return Ok((Exported::default(), String::new()));
        };
        let mut done = Exported::default();
        let mut text = String::new();
        for live in log.contents(beside, |_| Ok(()))?.live {
            let whole = log.text(&live.text)?.settled(beside)?;
            let value = export_one(&live, &whole, folder, &mut done)?;
            let _ = writeln!(text, "{value}");
        }
        Ok((done, text))
    })?;
    exported.messages += done.messages;
    exported.recipients += done.recipients;
    exported.damaged += done.damaged;
    lines.write_all(text.as_bytes())
}

fn export_one(live: &Live, whole: &Whole, folder: &Path, done: &mut Exported) -> io::Result<Value> {
    let mut value = line(live);
    done.messages += 1;
    done.recipients += live.open.len();
    let name = format!("{}.eml", live.id);
    if whole.bad.is_empty() {
        value["file"] = json!(name);
    } else {
        // What is left of it may still tell a person who it was for.
        done.damaged += 1;
        let why = whole.bad.iter().map(|(place, why)| format!("{}: {why}", show::place(place)));
        value["file"] = Value::Null;
        value["damaged_file"] = json!(format!("{name}.damaged"));
        value["damage"] = json!(why.collect::<Vec<_>>());
    }
    let name = if whole.bad.is_empty() { name } else { format!("{name}.damaged") };
    let mut file = create(&folder.join(name))?;
    let text = whole.delivered(&live.envelope);
    value["bytes"] = json!(text.len());
    file.write_all(&text)?;
    Ok(value)
}

fn line(live: &Live) -> Value {
    let envelope = &live.envelope;
    let mut requests = envelope.requests();
    let open = live.open.iter().map(|open| {
        let mut value = json!({
            "address": String::from_utf8_lossy(envelope.recipient(open.recipient)),
            "attempts": Tried::from_number(open.attempt).count(),
            "due_ms": (open.due.0 != 0).then_some(open.due.0),
        });
        show::put_request(&requests.about(open.recipient), &mut value);
        value
    });
    json!({
        "id": live.id,
        "sender": String::from_utf8_lossy(envelope.sender()),
        "recipients": open.collect::<Vec<_>>(),
        "accepted_ms": envelope.accepted().0,
        "accepted": show::date(envelope.accepted()),
        "eight_bit": envelope.eight_bit(),
        "smtputf8": envelope.utf8(),
        "requiretls": envelope.requiretls(),
        "binary": envelope.binary(),
        "labels": show::labels(envelope),
        "ret": envelope.returned().map(show::returned),
    })
}

/// Makes the folder; one that is there must be empty.
fn make_empty(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        let wrong = format!("{} is not empty", folder.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, wrong));
    }
    Ok(())
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
