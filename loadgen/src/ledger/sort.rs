//! Sorting more rows than memory holds: sorted runs on disk, merged as they are read.

use super::{ROW_LEN, Row};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::vec;

/// Runs of one size that are merged into one of the next: with it, and three sizes, a billion
/// rows at 4,000 in memory keep fewer than 200 files open.
const FAN_IN: usize = 64;
/// Bytes read ahead of each run while they are merged.
const READ_AHEAD: usize = 64 * 1_024;

/// What rows are sorted by: everything about one message at one recipient comes together,
/// in the order it happened.
#[must_use]
pub const fn key(row: &Row) -> (u64, u64, u64) {
    (row.id, row.recipient, row.at)
}

/// Collects rows and gives them back sorted by [`key`].
#[derive(Debug)]
pub struct Sorter {
    rows_max: usize,
    directory: PathBuf,
    rows: Vec<Row>,
    /// Files of sorted rows, the shortest first: each of a size is `FAN_IN` of the size before.
    runs: Vec<Vec<File>>,
    /// Files made so far, for their names.
    made: usize,
}

impl Sorter {
    /// Holds at most `rows_max` rows in memory, 48 bytes each, and the others in files without a
    /// name in `directory`. Fewer than 64 of these are open for each factor of 64 by which the
    /// rows are more than fit, and each takes 64 KiB while they are merged.
    #[must_use]
    pub fn new(rows_max: usize, directory: PathBuf) -> Self {
        let (rows, runs) = (Vec::new(), Vec::new());
        Self { rows_max: rows_max.max(1), directory, rows, runs, made: 0 }
    }

    /// Takes a row.
    ///
    /// # Errors
    /// What the file system says.
    pub fn push(&mut self, row: Row) -> io::Result<()> {
        self.rows.push(row);
        if self.rows.len() >= self.rows_max { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> io::Result<()> {
        self.rows.sort_unstable_by_key(key);
        let run = self.nameless()?;
        let mut file = write(run, self.rows.drain(..).map(Ok))?;
        for size in 0.. {
            if self.runs.len() == size {
                self.runs.push(Vec::with_capacity(FAN_IN));
            }
            self.runs[size].push(file);
            if self.runs[size].len() < FAN_IN {
                break;
            }
            let full = std::mem::take(&mut self.runs[size]).into_iter();
            let run = self.nameless()?;
            file = write(run, Sorted::new(full.map(Run::disk).collect())?)?;
        }
        Ok(())
    }

    /// A file that is gone when it is closed, however that happens.
    fn nameless(&mut self) -> io::Result<File> {
        self.made += 1;
        let name = format!(".ringload-sort-{}-{}", std::process::id(), self.made);
        let path = self.directory.join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(path)?;
        Ok(file)
    }

    /// All rows, sorted.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        self.rows.sort_unstable_by_key(key);
        let on_disk = self.runs.into_iter().flatten().map(Run::disk);
        let in_memory = Run::Memory(self.rows.into_iter());
        Sorted::new(on_disk.chain([in_memory]).collect())
    }
}

/// Writes sorted rows, to be read from the beginning.
fn write(file: File, rows: impl Iterator<Item = io::Result<Row>>) -> io::Result<File> {
    let mut run = BufWriter::with_capacity(READ_AHEAD, file);
    for row in rows {
        run.write_all(&row?.encode())?;
    }
    let mut file = run.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

#[derive(Debug)]
enum Run {
    Disk(BufReader<File>),
    Memory(vec::IntoIter<Row>),
}

impl Run {
    fn disk(file: File) -> Self {
        Self::Disk(BufReader::with_capacity(READ_AHEAD, file))
    }

    fn next(&mut self) -> io::Result<Option<Row>> {
        let Self::Disk(file) = self else {
            let Self::Memory(rows) = self else { return Ok(None) };
            return Ok(rows.next());
        };
        let mut bytes = [0; ROW_LEN];
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(Row::decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Rows in order.
#[derive(Debug)]
pub struct Sorted {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<Head>>,
}

#[derive(Debug)]
struct Head {
    row: Row,
    run: usize,
}

impl Head {
    fn order(&self) -> (u64, u64, u64, usize) {
        let (id, recipient, at) = key(&self.row);
        (id, recipient, at, self.run)
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Row>;
    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(head) = self.heads.pop()?;
        Some(self.advance(head.run).map(|()| head.row))
    }
}

impl Sorted {
    fn new(runs: Vec<Run>) -> io::Result<Self> {
        let mut sorted = Self { runs, heads: BinaryHeap::new() };
        for index in 0..sorted.runs.len() {
            sorted.advance(index)?;
        }
        Ok(sorted)
    }

    fn advance(&mut self, run: usize) -> io::Result<()> {
        if let Some(row) = self.runs[run].next()? {
            self.heads.push(Reverse(Head { row, run }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Sorter, key};
    use crate::hash::Random;
    use crate::ledger::Row;

    #[test]
    fn rows_come_back_sorted_however_little_fits_in_memory() {
        let mut random = Random::new(1);
        let row = |_| Row {
            id: random.next() % 50,
            recipient: random.next() % 3,
            ..Row::end(random.next())
        };
        let rows: Vec<Row> = (0..9_000).map(row).collect();
        let mut expected = rows.clone();
        expected.sort_by_key(key);
        for rows_max in [1, 7, 140, 8_999, 9_000, 50_000] {
            let mut sorter = Sorter::new(rows_max, std::env::temp_dir());
            for row in &rows {
                sorter.push(*row).unwrap();
            }
            let open: usize = sorter.runs.iter().map(Vec::len).sum();
            assert!(open < 3 * super::FAN_IN, "{rows_max} in memory: {open} files");
            let all: Vec<Row> = sorter.sorted().unwrap().map(Result::unwrap).collect();
            assert_eq!(all, expected, "{rows_max} in memory");
        }
    }
}
