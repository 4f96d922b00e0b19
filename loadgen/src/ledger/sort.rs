//! Sorting more rows than memory holds: sorted runs on disk, merged as they are read.

use super::{ROW_LEN, Row};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::vec;

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
    runs: Vec<File>,
}

impl Sorter {
    /// Holds at most `rows_max` rows in memory, and the others in files without a name in
    /// `directory`.
    #[must_use]
    pub fn new(rows_max: usize, directory: PathBuf) -> Self {
        Self { rows_max: rows_max.max(1), directory, rows: Vec::new(), runs: Vec::new() }
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
        let mut run = BufWriter::new(nameless(&self.directory, self.runs.len())?);
        for row in self.rows.drain(..) {
            run.write_all(&row.encode())?;
        }
        let mut file = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        self.runs.push(file);
        Ok(())
    }

    /// All rows, sorted.
    ///
    /// # Errors
    /// What the file system says.
    pub fn sorted(mut self) -> io::Result<Sorted> {
        self.rows.sort_unstable_by_key(key);
        let on_disk =
            self.runs.into_iter().map(|file| Run::Disk(BufReader::with_capacity(1 << 18, file)));
        let in_memory = Run::Memory(self.rows.into_iter());
        let mut sorted =
            Sorted { runs: on_disk.chain([in_memory]).collect(), heads: BinaryHeap::new() };
        for index in 0..sorted.runs.len() {
            sorted.advance(index)?;
        }
        Ok(sorted)
    }
}

/// A file that is gone when it is closed, however that happens.
fn nameless(directory: &std::path::Path, number: usize) -> io::Result<File> {
    let path = directory.join(format!(".ringload-sort-{}-{number}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}

#[derive(Debug)]
enum Run {
    Disk(BufReader<File>),
    Memory(vec::IntoIter<Row>),
}

impl Run {
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
        let rows: Vec<Row> = (0..1_000).map(row).collect();
        let mut expected = rows.clone();
        expected.sort_by_key(key);
        for rows_max in [1, 7, 999, 1_000, 5_000] {
            let mut sorter = Sorter::new(rows_max, std::env::temp_dir());
            for row in &rows {
                sorter.push(*row).unwrap();
            }
            let all: Vec<Row> = sorter.sorted().unwrap().map(Result::unwrap).collect();
            assert_eq!(all, expected, "{rows_max} in memory");
        }
    }
}
