//! Every state against every command.

use super::FRIEND;
use crate::address::Path;
use crate::command::{Begin, Body, Command, Mail, Mechanism, Rcpt};
use crate::server::{Auth, Config, Door, Refusal, Rights, Session, State};
use crate::text::Text;
use event::Shut;
use std::fmt::Write as _;
use std::sync::Arc;
use std::{env, fs};

const TABLE: &str = "src/server/transitions.txt";

/// Every state against every command, on one screen.
#[test]
fn transitions_are_as_written() {
    let envelope = |recipients, utf8, binary| State::Envelope { recipients, utf8, binary };
    let states = [
        State::Fresh,
        State::Ready,
        envelope(0, false, false),
        envelope(1, false, false),
        envelope(100, false, false),
        envelope(1, true, false),
        envelope(1, false, true),
        State::Chunks(Text::default()),
    ];
    let mut table = String::new();
    for columns in columns().chunks(9) {
        write!(table, "{:16}", "").unwrap();
        for Column { name, .. } in columns {
            write!(table, "{name:19}").unwrap();
        }
        for state in states {
            write!(table, "\n{:16}", show(state)).unwrap();
            for column in columns {
                write!(table, "{:19}", cell(state, column)).unwrap();
            }
        }
        table.push_str("\n\n");
    }
    let table = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>();
    if env::var_os("BLESS").is_some() {
        fs::write(TABLE, &table).unwrap();
    }
    assert_eq!(table, fs::read_to_string(TABLE).unwrap());
}

/// A command, and to whom and under which circumstances it is said.
struct Column {
    name: &'static str,
    command: Command<'static>,
    door: Door,
    rights: Rights,
    set: fn(&mut Session),
}

fn columns() -> Vec<Column> {
    use Command as C;
    let plain =
        |name, command| Column { name, command, door: Door::Open, rights: FRIEND, set: |_| {} };
    let mail = Mail { path: b"a@b", ..Mail::default() };
    let path = Path { mailbox: b"c@d", utf8: false, literal: false };
    let to = |path| C::Rcpt(Rcpt { path, notify: None, orcpt: None });
    let postmaster = to(Path { mailbox: b"Postmaster", ..path });
    let too_big = Mail { size: Some(u64::MAX), ..mail };
    let auth = C::Auth(Begin { mechanism: Some(Mechanism::Plain), initial: None });
    let (stranger, proxy) = (Rights::default(), Rights { relay: false, xclient: true });
    let xclient = C::Xclient(b" ADDR=192.0.2.1");
    vec![
        plain("EHLO", C::Ehlo(b"h")),
        plain("HELO", C::Helo(b"h")),
        plain("MAIL", C::Mail(mail)),
        plain("MAIL utf8", C::Mail(Mail { utf8: true, ..mail })),
        plain("MAIL binary", C::Mail(Mail { body: Body::Binary, ..mail })),
        plain("MAIL too big", C::Mail(too_big)),
        Column { door: Door::Shut(Shut::DiskFull), ..plain("MAIL disk full", C::Mail(mail)) },
        Column { door: Door::Shut(Shut::Draining), ..plain("MAIL stopping", C::Mail(mail)) },
        Column { set: need_auth, ..plain("MAIL no AUTH", C::Mail(mail)) },
        plain("MAIL REQUIRETLS", C::Mail(Mail { requiretls: true, ..mail })),
        Column {
            set: ehlo,
            ..plain("MAIL REQUIRETLS s", C::Mail(Mail { requiretls: true, ..mail }))
        },
        plain("RCPT", to(path)),
        plain("RCPT utf8", to(Path { utf8: true, ..path })),
        plain("RCPT literal", to(Path { literal: true, ..path })),
        Column { rights: stranger, ..plain("RCPT stranger", to(path)) },
        Column { rights: stranger, ..plain("RCPT postmaster", postmaster) },
        Column { door: Door::Refused(Refusal::RelayDenied), ..plain("RCPT refused", to(path)) },
        plain("DATA", C::Data),
        plain("BDAT", C::Bdat { bytes: 9, last: false }),
        plain("BDAT LAST", C::Bdat { bytes: 9, last: true }),
        plain("BDAT 0", C::Bdat { bytes: 0, last: false }),
        plain("BDAT too big", C::Bdat { bytes: u64::MAX, last: true }),
        plain("STARTTLS", C::StartTls),
        Column { set: secure, ..plain("STARTTLS again", C::StartTls) },
        Column { set: need_tls, ..plain("RSET no TLS", C::Rset) },
        Column { set: ehlo, ..plain("AUTH", auth) },
        Column { set: |session| session.secure = true, ..plain("AUTH after HELO", auth) },
        Column { set: clear, ..plain("AUTH clear text", auth) },
        Column { set: again, ..plain("AUTH again", auth) },
        plain("XCLIENT", xclient),
        Column { rights: proxy, ..plain("XCLIENT proxy", xclient) },
        plain("RSET", C::Rset),
        plain("NOOP", C::Noop),
        plain("VRFY", C::Vrfy),
        plain("HELP", C::Help),
        plain("QUIT", C::Quit),
    ]
}

fn need_auth(session: &mut Session) {
    Arc::make_mut(&mut session.config).auth_required = true;
}

fn need_tls(session: &mut Session) {
    Arc::make_mut(&mut session.config).tls_required = true;
}

fn secure(session: &mut Session) {
    session.secure = true;
}

fn ehlo(session: &mut Session) {
    session.secure = true;
    session.greeted_with_ehlo = true;
}

fn clear(session: &mut Session) {
    session.greeted_with_ehlo = true;
}

fn again(session: &mut Session) {
    ehlo(session);
    session.authenticated = true;
}

fn cell(state: State, column: &Column) -> String {
    let mut session = Session { state, ..Session::new(Arc::new(generous()), column.rights) };
    (column.set)(&mut session);
    match session.transition(column.command, column.door) {
        Ok((next, reply, _)) => format!("{} {}", reply.code(&session.config), show(next)),
        Err(refusal) if refusal.ends_connection() => format!("{} Closing", refusal.code()),
        Err(refusal) => refusal.code().to_string(),
    }
}

/// A listener that offers all there is.
pub(super) fn generous() -> Config {
    Config {
        recipients_max: 100,
        starttls: true,
        auth: Auth::UnderTls,
        chunking: true,
        binary: true,
        dsn: true,
        ..Config::new("mx.example")
    }
}

fn show(state: State) -> String {
    match state {
        State::Envelope { recipients, utf8, binary } => {
            let utf8 = if utf8 { " u" } else { "" };
            let binary = if binary { " b" } else { "" };
            format!("Envelope {recipients}{utf8}{binary}")
        }
        State::Text(_) => "Text".into(),
        State::Chunks(_) => "Chunks".into(),
        State::Chunk { .. } => "Chunk".into(),
        state => format!("{state:?}"),
    }
}
