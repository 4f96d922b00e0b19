//! One host's disk: names, the files they stand for, and what of both is durable.
//!
//! A change of names waits in `changes` until its directory is synced; a power loss keeps
//! some of those that wait. A write waits in `flights` until it completes; a power loss
//! keeps some of its sectors.

use super::dice::Dice;
use super::inode::{Inode, Mercy, Shared};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What a file takes on the disk is a multiple of this.
const BLOCK_LEN: u64 = 4_096;

#[derive(Clone)]
enum Entry {
    Directory,
    File(Shared),
}

type Names = BTreeMap<PathBuf, Entry>;

/// A change of names.
#[derive(Clone)]
enum Change {
    Set(PathBuf, Entry),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, Entry),
}

impl Change {
    fn is_in(&self, directory: &Path) -> bool {
        match self {
            Self::Set(path, _) | Self::Remove(path) => parent(path) == directory,
            Self::Rename(from, to, _) => parent(from) == directory || parent(to) == directory,
        }
    }

    fn sets(&self, name: &Path) -> bool {
        matches!(self, Self::Set(path, _) if path == name)
    }

    fn apply(self, names: &mut Names) {
        match self {
            Self::Set(path, entry) => {
                names.insert(path, entry);
            }
            Self::Remove(path) => {
                names.remove(&path);
            }
            Self::Rename(from, to, entry) => {
                names.remove(&from);
                names.insert(to, entry);
            }
        }
    }
}

/// A write the disk has, and has not completed.
pub(super) struct Flight {
    pub(super) file: Shared,
    pub(super) offset: u64,
    pub(super) bytes: crate::Buffer,
    /// So many of them are written already.
    pub(super) written: usize,
    /// It goes behind whatever is there when it lands.
    pub(super) appends: bool,
}

impl Flight {
    /// Where it lands.
    pub(super) fn start(&self, file: &Inode) -> u64 {
        if self.appends { file.live().len() as u64 } else { self.offset + self.written as u64 }
    }

    /// What lands there.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }
}

pub(super) struct Disk {
    live: Names,
    durable: Names,
    changes: Vec<Change>,
    pub(super) flights: BTreeMap<u64, Flight>,
    pub(super) flown: u64,
    pub(super) bytes_max: u64,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            live: Names::new(),
            durable: Names::new(),
            changes: Vec::new(),
            flights: BTreeMap::new(),
            flown: 0,
            bytes_max: 1 << 30,
        }
    }
}

impl Disk {
    /// Opens a file, making it if `make`.
    pub(super) fn open(&mut self, path: &Path, make: bool) -> io::Result<Shared> {
        match self.live.get(path) {
            Some(Entry::File(file)) => return Ok(Rc::clone(file)),
            Some(Entry::Directory) => return Err(os(libc::EISDIR)),
            None if !make => return Err(os(libc::ENOENT)),
            None => (),
        }
        self.require_directory(parent(path))?;
        let file = Rc::new(RefCell::new(Inode::default()));
        self.change(Change::Set(path.to_owned(), Entry::File(Rc::clone(&file))));
        Ok(file)
    }

    pub(super) fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        self.require_directory(directory)?;
        let within = self.live.keys().filter(|path| parent(path) == directory);
        Ok(within.filter_map(|path| path.file_name().map(PathBuf::from)).collect())
    }

    pub(super) fn make_directory(&mut self, directory: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        for path in directory.ancestors() {
            match self.live.get(path) {
                _ if is_root(path) => break,
                Some(Entry::Directory) => break,
                Some(Entry::File(_)) => return Err(os(libc::ENOTDIR)),
                None => missing.push(path.to_owned()),
            }
        }
        while let Some(path) = missing.pop() {
            self.change(Change::Set(path, Entry::Directory));
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let entry = match self.live.get(from) {
            Some(entry @ Entry::File(_)) => entry.clone(),
            Some(Entry::Directory) => return Err(os(libc::EISDIR)),
            None => return Err(os(libc::ENOENT)),
        };
        self.require_directory(parent(to))?;
        if from != to {
            self.change(Change::Rename(from.to_owned(), to.to_owned(), entry));
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        match self.live.get(path) {
            Some(Entry::File(_)) => self.change(Change::Remove(path.to_owned())),
            Some(Entry::Directory) => return Err(os(libc::EISDIR)),
            None => return Err(os(libc::ENOENT)),
        }
        Ok(())
    }

    pub(super) fn sync_directory(&mut self, directory: &Path) -> io::Result<()> {
        self.require_directory(directory)?;
        let mut waiting: Vec<Change> = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            if !change.is_in(directory) {
                waiting.push(change);
                continue;
            }
            if let Change::Rename(from, _, _) = &change {
                waiting.retain(|earlier| !earlier.sets(from));
            }
            change.apply(&mut self.durable);
        }
        self.changes = waiting;
        Ok(())
    }

    /// Bytes that could still be written.
    pub(super) fn free(&self) -> u64 {
        let used: u64 = self.live.values().map(Entry::blocks_len).sum();
        self.bytes_max.saturating_sub(used)
    }

    /// Power loss: what was not synced is kept by chance, and nothing else is there.
    pub(super) fn lose_power(&mut self, dice: &mut Dice) {
        self.land_torn(dice);
        let files: Vec<Shared> =
            self.live.values().chain(self.durable.values()).filter_map(Entry::file).collect();
        self.keep_names(dice);
        for file in files.into_iter().chain(self.durable.values().filter_map(Entry::file)) {
            file.borrow_mut().lose_power(dice);
        }
        self.live = self.durable.clone();
    }

    /// The writes under way end somewhere in the middle.
    pub(super) fn land_torn(&mut self, dice: &mut Dice) {
        for flight in std::mem::take(&mut self.flights).into_values() {
            let mut file = flight.file.borrow_mut();
            let start = flight.start(&file);
            file.write_torn(start, flight.rest(), dice);
        }
    }

    /// Every file that is certain to be there after a power loss.
    pub(super) fn durable_names(&self) -> Vec<PathBuf> {
        let names = self.durable.keys().filter(|path| self.durable_file(path).is_some());
        names.cloned().collect()
    }

    pub(super) fn durable_file(&self, path: &Path) -> Option<Shared> {
        self.durable.get(path).filter(|_| is_reachable(&self.durable, path))?.file()
    }

    /// A disk that holds what is certain to be on this one after a power loss.
    pub(super) fn durable_copy(&self) -> Self {
        let durable: Names = self
            .durable
            .iter()
            .filter(|(path, _)| is_reachable(&self.durable, path))
            .map(|(path, entry)| (path.clone(), entry.durable_copy()))
            .collect();
        Self { live: durable.clone(), durable, bytes_max: self.bytes_max, ..Self::default() }
    }

    pub(super) fn file(&self, path: &Path) -> Option<Shared> {
        self.live.get(path)?.file()
    }

    fn keep_names(&mut self, dice: &mut Dice) {
        let mercy = Mercy::draw(dice);
        let in_order = dice.below(2) == 0;
        for change in std::mem::take(&mut self.changes) {
            if mercy.spares(dice) {
                change.apply(&mut self.durable);
            } else if in_order {
                break;
            }
        }
        let names = self.durable.clone();
        self.durable.retain(|path, _| is_reachable(&names, path));
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.live);
        self.changes.push(change);
    }

    fn require_directory(&self, directory: &Path) -> io::Result<()> {
        match self.live.get(directory) {
            _ if is_root(directory) => Ok(()),
            Some(Entry::Directory) => Ok(()),
            Some(Entry::File(_)) => Err(os(libc::ENOTDIR)),
            None => Err(os(libc::ENOENT)),
        }
    }
}

impl Entry {
    fn file(&self) -> Option<Shared> {
        match self {
            Self::Directory => None,
            Self::File(file) => Some(Rc::clone(file)),
        }
    }

    fn blocks_len(&self) -> u64 {
        self.file().map_or(BLOCK_LEN, |file| {
            (file.borrow().live().len() as u64).next_multiple_of(BLOCK_LEN)
        })
    }

    fn durable_copy(&self) -> Self {
        match self {
            Self::Directory => Self::Directory,
            Self::File(file) => Self::File(Rc::new(RefCell::new(file.borrow().durable_copy()))),
        }
    }
}

/// What `error` number the system gives.
pub(super) fn os(error: i32) -> io::Error {
    io::Error::from_raw_os_error(error)
}

fn is_reachable(names: &Names, path: &Path) -> bool {
    path.ancestors()
        .skip(1)
        .all(|above| is_root(above) || matches!(names.get(above), Some(Entry::Directory)))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn is_root(path: &Path) -> bool {
    path.as_os_str().is_empty() || path == Path::new("/") || path == Path::new(".")
}
