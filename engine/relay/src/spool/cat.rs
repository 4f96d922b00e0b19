//! `spool cat ID`: one message, from all that is on disk of it.

mod history;

use super::read::{self, Log, Whole};
use super::{Target, Which, show};
use crate::command::{complain, say};
use event::{MessageId, Wall};
use history::{History, State};
use serde_json::{Value, json};
use spool::walk::{Ruling, What};
use spool::{Envelope, Form, Label, Standing, Tried};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// What is to be shown of which message.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(super) which: Which,
    /// The message's name, as the delivery log writes it, such as 0-2-1f4
    #[arg(value_name = "ID", value_parser = parse_id)]
    id: MessageId,
    #[command(flatten)]
    only: Only,
}

/// Parts of a message; all but the raw text if none is named.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "at most one of these flags is set")]
struct Only {
    /// Shows only the envelope, what became of it, and where it lies
    #[arg(long)]
    envelope: bool,
    /// Shows only the text, as the next host gets it: our header fields in front
    #[arg(long)]
    text: bool,
    /// Shows only the header of that text
    #[arg(long)]
    headers: bool,
    /// Shows only what is behind its header
    #[arg(long)]
    body: bool,
    /// Shows only the text as it came off the wire: dots doubled, if it came by DATA
    #[arg(long)]
    raw: bool,
}

fn parse_id(text: &str) -> Result<MessageId, String> {
    text.parse().map_err(|_| "a message is called by three hexadecimal numbers: 0-2-1f4".to_owned())
}

pub(super) fn cat(target: &Target, options: &Options) -> io::Result<ExitCode> {
    let beside = target.look()?;
    let id = options.id;
    let (history, whole) = read::again(|| {
        let log = find_log(target, id)?;
        let history = History::read(&log, beside, id)?;
        let whole = history.message.as_ref().map(|message| log.text(&message.text)).transpose()?;
        Ok((history, whole))
    })?;
    let whole = whole.unwrap_or_default();
    if history.message.is_none() && history.events.is_empty() {
        return Err(unknown(target, id));
    }
    show_all(target, options, &history, &whole)?;
    let live = matches!(history.state, State::Live(_) | State::Waiting);
    for (place, why) in &whole.bad {
        complain(&format!("ringpost: the text is not whole: {}: {why}\n", show::place(place)));
    }
    let lacking = history.message.is_none() || (live && !whole.bad.is_empty());
    Ok(if lacking { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn find_log(target: &Target, id: MessageId) -> io::Result<Log> {
    let logs = read::logs(&target.directory)?;
    logs.into_iter().find(|log| log.number == id.log).ok_or_else(|| unknown(target, id))
}

fn unknown(target: &Target, id: MessageId) -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!(
            "nothing of message {id} is in {}: it was never accepted here, or it is through and \
             its segment was used again; the delivery log may know it",
            target.directory.display()
        ),
    )
}

fn show_all(
    target: &Target,
    options: &Options,
    history: &History,
    whole: &Whole,
) -> io::Result<()> {
    let text = || {
        let message = history.message.as_ref();
        message.map_or_else(Vec::new, |message| whole.delivered(&message.envelope))
    };
    let mut out = io::stdout().lock();
    if target.json {
        let mut value = value(options.id, history);
        if !options.only.envelope {
            let text = text();
            value["text_is_utf8"] = json!(str::from_utf8(&text).is_ok());
            value["text"] = json!(String::from_utf8_lossy(&text));
        }
        return say(&format!("{value:#}\n"));
    }
    let Only { envelope, text: only_text, headers, body, raw } = options.only;
    if raw {
        return out.write_all(&whole.raw);
    }
    let text = text();
    let cut = header_len(&text);
    if headers {
        return out.write_all(&text[..cut]);
    }
    if body {
        return out.write_all(&text[cut..]);
    }
    if !only_text {
        out.write_all(page(options.id, history).as_bytes())?;
    }
    if !envelope {
        if !only_text {
            out.write_all(b"\n")?;
        }
        out.write_all(&text)?;
    }
    Ok(())
}

/// Where the body begins: behind the first empty line.
fn header_len(text: &[u8]) -> usize {
    text.windows(4).position(|four| four == b"\r\n\r\n").map_or(text.len(), |at| at + 4)
}

fn page(id: MessageId, history: &History) -> String {
    let now = kernel::uring::wall();
    let mut page = format!("message    {id}\nstate      {}\n", history.state);
    if let Some(message) = &history.message {
        let envelope = &message.envelope;
        let accepted = envelope.accepted();
        let age = show::span(now.since(accepted));
        let _ = writeln!(page, "accepted   {}, {age} ago", show::date(accepted));
        let _ = writeln!(page, "sender     {}", show::path(envelope.sender()));
        let mut requests = envelope.requests();
        for (index, recipient) in (0..).zip(envelope.recipients()) {
            let (fate, recipient) = (history.fate_of(index, now), show::path(recipient));
            let request = show::request(&requests.about(index));
            let _ = writeln!(page, "recipient  {index} {recipient}{request}: {fate}");
        }
        let _ = writeln!(page, "flags      {}", flags(envelope));
        for (label, value) in Label::ALL.map(|label| (label, envelope.label(label))) {
            let Some(value) = value else { continue };
            let _ = writeln!(page, "{:<11}{}", label.name(), show::safe(value));
        }
        if let Some(what) = envelope.returned() {
            let _ = writeln!(page, "ret        {}", show::returned(what));
        }
        for place in &message.text {
            let _ = writeln!(page, "text       {}", show::place(place));
        }
    }
    for event in &history.events {
        let at = event.written.map_or_else(|| "in a damaged block".to_owned(), show::date);
        let lies = show::place(&event.seen.place);
        let _ = writeln!(page, "record     {at}, {lies}: {}", history::told(&event.seen));
    }
    page
}

fn flags(envelope: &Envelope) -> String {
    let (raw, ended) = match envelope.form() {
        Form::Stuffed => (false, true),
        Form::Raw { ended, .. } => (true, ended),
    };
    let flags = [
        (envelope.eight_bit(), "8BITMIME"),
        (envelope.utf8(), "SMTPUTF8"),
        (envelope.requiretls(), "REQUIRETLS"),
        (envelope.dotted(), "some line begins with a dot"),
        (raw, "raw, as BDAT brought it"),
        (!ended, "no CRLF at the end"),
        (envelope.binary(), "BINARYMIME"),
    ];
    let flags: Vec<&str> = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
    if flags.is_empty() { "none".to_owned() } else { flags.join(", ") }
}

fn value(id: MessageId, history: &History) -> Value {
    let message = history.message.as_ref();
    let recipients = message.map(|message| {
        let mut requests = message.envelope.requests();
        let recipients = (0..).zip(message.envelope.recipients()).map(|(index, recipient)| {
            let mut value = json!({ "address": String::from_utf8_lossy(recipient) });
            show::put_request(&requests.about(index), &mut value);
            if let Some(Standing { attempt, due, .. }) = history.standing(index) {
                value["open"] = json!(true);
                value["attempts"] = json!(Tried::from_number(attempt).count());
                value["due_ms"] = json!(due.0);
            } else {
                value["open"] = json!(false);
                value["outcome"] = json!(history.final_of(index).map(|end| end.outcome.name()));
            }
            value
        });
        recipients.collect::<Vec<_>>()
    });
    let events = history.events.iter().map(|event| {
        let mut value = show::place_value(&event.seen.place);
        value["written_ms"] = json!(event.written.map(|written: Wall| written.0));
        value["record"] = json!(history::kind(&event.seen.what));
        if let What::Done(ruling) | What::Defer(ruling) = &event.seen.what {
            put_ruling(ruling, &mut value);
        }
        value
    });
    let envelope = message.map(|message| &message.envelope);
    json!({
        "id": id,
        "state": history.state.name(),
        "sender": envelope.map(|envelope| String::from_utf8_lossy(envelope.sender())),
        "accepted_ms": envelope.map(|envelope| envelope.accepted().0),
        "eight_bit": envelope.map(Envelope::eight_bit),
        "smtputf8": envelope.map(Envelope::utf8),
        "requiretls": envelope.map(Envelope::requiretls),
        "binary": envelope.map(Envelope::binary),
        "labels": envelope.map(show::labels),
        "ret": envelope.and_then(Envelope::returned).map(show::returned),
        "recipients": recipients,
        "text_places": message.map(|message| {
            message.text.iter().map(show::place_value).collect::<Vec<_>>()
        }),
        "records": events.collect::<Vec<_>>(),
    })
}

fn put_ruling(ruling: &Ruling, value: &mut Value) {
    let Ruling { outcome, answer, attempt, due, recipients } = ruling;
    value["outcome"] = json!(outcome.name());
    value["recipients"] = json!(recipients);
    value["code"] = json!((answer.code != 0).then_some(answer.code));
    value["enhanced"] = json!(answer.enhanced.map(|enhanced| enhanced.to_string()));
    value["peer"] = json!(answer.peer);
    if !outcome.is_final() {
        value["attempt"] = json!(Tried::from_number(*attempt).count());
        value["due_ms"] = json!(due.0);
    }
}
