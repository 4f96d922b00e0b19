//! What can go wrong with a log, and whose fault it is.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a log takes no mail at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The filesystem is full.
    Full,
    /// Writing failed and no fresh segment could be had.
    Failed,
    /// The disk has not answered for some seconds.
    Slow,
}

/// A message was not made ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// No mail is taken at the moment; later may do.
    Closed(Closed),
    /// The write that held it failed.
    Failed,
    /// Its envelope or its text is longer than the format holds.
    TooLarge,
}

/// A log cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The machine said so.
    Io(PathBuf, io::Error),
    /// The segment belongs to another log, or was made by a later version.
    Foreign(PathBuf),
}

/// A text cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// It is no longer there: ask the log's owner for its place.
    Moved,
    /// It is there, and it is not what was written.
    Damaged,
    /// The machine said so.
    Io(io::Error),
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the spool's filesystem is full",
            Self::Failed => "the spool cannot be written",
            Self::Slow => "the spool's disk does not answer",
        })
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(why) => why.fmt(f),
            Self::Failed => f.write_str("the spool could not be written"),
            Self::TooLarge => f.write_str("the message is larger than the spool takes"),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Foreign(path) => write!(f, "{}: a segment of another log", path.display()),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved => f.write_str("the text is no longer there"),
            Self::Damaged => f.write_str("the text is damaged"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for JournalError {}
impl std::error::Error for OpenError {}
impl std::error::Error for ReadError {}
