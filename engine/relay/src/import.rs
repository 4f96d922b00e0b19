//! `ringpost import`: what another relay was told, in our settings.
//!
//! A file is read whole and made into a [`Draft`] of settings and files of reply rules; what has no
//! place there is noted with its line and the reason. What is printed is always accepted by
//! `ringpost config check`: settings were asked, and what they refuse is left out. `IMPORT.md`
//! says which key or directive becomes what.

mod draft;
mod known;
mod kumomta;
mod limits;
mod lines;
mod note;
mod pattern;
mod powermta;
mod quantity;
mod rules;
mod sites;

use crate::command::{MISUSE, complain, say};
use crate::settings::{Fault, Faults, Host};
use clap::Subcommand;
use draft::Draft;
use lines::Lines;
use note::{Fate, Notes};
use rules::RuleFiles;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Whose settings they are.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Translates a KumoMTA shaping file (TOML)
    Kumomta(What),
    /// Translates a PowerMTA configuration file
    Powermta(What),
}

/// What is translated, and where it goes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints settings, each key with the line it came from; and, on standard error, each line that has no
place in them or a slightly other meaning, with the reason. Exit status: 0 if nothing was left out, 1
if something was, 2 if the file cannot be read or the settings cannot be written.")]
pub(crate) struct What {
    /// The file
    file: PathBuf,
    /// Writes ringpost.toml and the files of reply rules there, in place of printing the settings. A
    /// file that is there already is never written over
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// What a file was made into.
#[derive(Debug, Default)]
struct Translation {
    draft: Draft,
    rules: RuleFiles,
    notes: Notes,
}

/// What an operator gets of it.
struct Handed {
    settings: String,
    /// Files of reply rules, each with its name.
    rules: Vec<(String, String)>,
    notes: Notes,
    /// How many lines something was made of.
    lines: usize,
}

/// Translates a file that messages call by its name.
type Translate = fn(&str, &str) -> Result<Translation, Faults>;

/// Does what is asked.
pub(crate) fn run(verb: &Verb, host: &Host) -> ExitCode {
    let (what, translate): (&What, Translate) = match verb {
        Verb::Kumomta(what) => (what, kumomta::translate),
        Verb::Powermta(what) => (what, powermta::translate),
    };
    let name = what.name();
    let handed = match what.handed(translate, &name, host) {
        Ok(handed) => handed,
        Err(why) => {
            complain(&why);
            return ExitCode::from(MISUSE);
        }
    };
    let count = |fate| handed.notes.count(fate);
    let (left_out, differ) = (count(Fate::LeftOut), count(Fate::Differs));
    complain(&handed.notes.of_file(&name));
    let lines = handed.lines;
    complain(&format!(
        "{name}: {lines} lines came over, {differ} to look at, {left_out} left out\n"
    ));
    if left_out > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl What {
    /// What messages call the file.
    fn name(&self) -> String {
        note::plain(&self.file.display().to_string())
    }

    fn handed(&self, translate: Translate, name: &str, host: &Host) -> Result<Handed, String> {
        let told = |error: io::Error| format!("ringpost: {error}\n");
        let text = self.read(name)?;
        let translation = translate(name, &text).map_err(|faults| faults.to_string())?;
        let folder = self.output.as_ref().map(std::path::absolute).transpose().map_err(told)?;
        let handed = translation.handed(name, folder.as_deref(), host)?;
        match folder {
            None => match say(&handed.settings) {
                // Whoever read us has seen enough.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(told(error)),
                Ok(()) | Err(_) => Ok(handed),
            },
            Some(folder) => handed.write(&folder).map_err(told).map(|()| handed),
        }
    }

    fn read(&self, name: &str) -> Result<String, String> {
        let told = |error: io::Error| format!("{name}: cannot be read: {error}\n");
        let mut bytes = Vec::new();
        let file = File::open(&self.file).map_err(told)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(told)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("{name}: is larger than {FILE_BYTES_MAX} bytes\n"));
        }
        String::from_utf8(bytes).map_err(|error| {
            let text = String::from_utf8_lossy(error.as_bytes());
            let line = Lines::of(&text).at(error.utf8_error().valid_up_to());
            fault(name, line, "this is no UTF-8", "text in UTF-8").to_string()
        })
    }
}

impl Translation {
    /// What is written of it, with files of rules if there is a folder for them.
    fn handed(mut self, name: &str, folder: Option<&Path>, host: &Host) -> Result<Handed, String> {
        let mut rules = Vec::new();
        match folder {
            None => self.rules.leave_out(
                "rules for replies are files of their own: `--output DIR` writes them",
                &mut self.notes,
            ),
            Some(folder) => {
                rules = self.rules.settle(name, &mut self.notes)?;
                let path = |(name, _): &(String, String)| folder.join(name).display().to_string();
                let paths: Vec<String> = rules.iter().map(path).collect();
                if let Some(origin) = self.rules.origin() {
                    self.draft.table("[delivery]").set("reply_rules", paths, &origin);
                }
            }
        }
        let settings = self
            .draft
            .settle(name, host, &mut self.notes)
            .map_err(|faults| format!("ringpost: what was made of {name} is refused:\n{faults}"))?;
        Ok(Handed { settings, rules, lines: self.draft.lines(), notes: self.notes })
    }
}

impl Handed {
    /// Writes all of it into a folder, which is made if there is none.
    fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let settings = ("ringpost.toml", &self.settings);
        let rules = self.rules.iter().map(|(name, text)| (name.as_str(), text));
        let files: Vec<_> =
            rules.chain([settings]).map(|(name, text)| (folder.join(name), text)).collect();
        if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
            let why = format!("{} is there already, and is left as it is", path.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        files.iter().try_for_each(|(path, text)| File::create_new(path)?.write_all(text.as_bytes()))
    }
}

/// What is wrong with a file as a whole. Nothing of the line is repeated: it may hold a password.
fn fault(file: &str, line: usize, wrong: impl Into<String>, allowed: &str) -> Fault {
    let (file, allowed) = (file.to_owned(), allowed.to_owned());
    Fault { file, line, wrong: wrong.into(), allowed, excerpt: String::new(), columns: 0..0 }
}

/// What is wrong with a file that is no TOML.
fn unreadable(file: &str, text: &str, errors: &[toml::de::Error]) -> Faults {
    let lines = Lines::of(text);
    let told = |error: &toml::de::Error| {
        let line = error.span().map_or(0, |span| lines.at(span.start));
        fault(file, line, error.message(), "TOML")
    };
    let mut faults: Vec<Fault> = errors.iter().map(told).collect();
    faults.sort_by_key(|fault| fault.line);
    Faults(faults)
}

#[cfg(test)]
mod tests;
