//! NODE: which spool this is, how often it was opened, and whose its mail is.
//!
//! ```text
//!  format 1                                     format 1 adopted
//!  uuid 0b7c...                                 uuid 0b7c...
//!  epoch 17                                     epoch 17
//!                                               by 93d1...
//!                                               at 1700000000000
//! ```
//!
//! Every start writes it, before anything else, under another name; then the two change places. The
//! adopted form is one that no version takes for the other, so none starts on it.

use event::Wall;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The layout of the directory we write and read.
const FORMAT: u32 = 1;

/// What NODE holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The spool's identity, drawn when it was made.
    pub(super) uuid: String,
    /// How often it was opened for writing.
    pub(super) epoch: u64,
    /// Who has taken its mail over, if somebody has.
    pub(super) adopted: Option<Adopted>,
}

/// Who has taken a spool's mail over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Adopted {
    /// The other spool's identity.
    pub(super) by: String,
    /// When it began to.
    pub(super) at: Wall,
}

impl Node {
    /// A spool that was never there before.
    pub(super) fn new() -> io::Result<Self> {
        let uuid = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        Ok(Self { uuid: uuid.trim().to_owned(), epoch: 0, adopted: None })
    }

    /// Reads it.
    pub(super) fn read(directory: &Path) -> io::Result<Self> {
        let path = directory.join("NODE");
        let text = fs::read_to_string(&path)?;
        Self::parse(&text).ok_or_else(|| {
            io::Error::other(format!("{} is damaged, or of a later version", path.display()))
        })
    }

    /// Puts it in the place of what was there, durably.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        replace(directory, "NODE", &self.text())
    }

    /// `None` for anything but what [`Self::text`] writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let format = field("format")?;
        let (number, adopted) = match format.strip_suffix(" adopted") {
            Some(number) => (number, true),
            None => (format, false),
        };
        if number.parse() != Ok(FORMAT) {
            return None;
        }
        let (uuid, epoch) = (field("uuid")?.to_owned(), field("epoch")?.parse().ok()?);
        if !adopted {
            return Some(Self { uuid, epoch, adopted: None });
        }
        let (by, at) = (field("by")?.to_owned(), Wall(field("at")?.parse().ok()?));
        Some(Self { uuid, epoch, adopted: Some(Adopted { by, at }) })
    }

    pub(super) fn text(&self) -> String {
        let Self { uuid, epoch, adopted } = self;
        match adopted {
            None => format!("format {FORMAT}\nuuid {uuid}\nepoch {epoch}\n"),
            Some(Adopted { by, at }) => format!(
                "format {FORMAT} adopted\nuuid {uuid}\nepoch {epoch}\nby {by}\nat {}\n",
                at.0
            ),
        }
    }
}

impl fmt::Display for Adopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "adopted by node {} at {}", self.by, super::show::date(self.at))
    }
}

/// Writes a small file so that a crash leaves the old one or the new one. The two change
/// places, and the old one stays as `NAME.new`: a start on a disk without a free block or
/// inode asks for neither.
pub(super) fn replace(directory: &Path, name: &str, text: &str) -> io::Result<()> {
    let (path, spare) = (directory.join(name), directory.join(format!("{name}.new")));
    write_over(&spare, text)?;
    match renameat_with(CWD, &spare, CWD, &path, RenameFlags::EXCHANGE) {
        Ok(()) => (),
        // There is none yet, or it is a filesystem where they cannot change places.
        Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS) => {
            fs::rename(&spare, &path)?;
            // If there is no room for it now, the next start asks for some.
            let _later: io::Result<()> = write_over(&spare, text);
        }
        Err(error) => return Err(error.into()),
    }
    File::open(directory)?.sync_all()
}

/// Writes a file from its start on, made if it is not there, and syncs it. What it takes up
/// is not given up in between.
fn write_over(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}
