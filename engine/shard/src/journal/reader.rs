//! Reading texts, from any shard.

use super::error::ReadError;
use kernel::{Buffer, Chunk, File, Kernel, Open};
use spool::Place;
use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// Files kept open.
const FILES_MAX: usize = 8;

/// Reads texts of one log. A handle of one shard, which need not own the log.
#[derive(Clone)]
pub struct Reader<K: Kernel>(Rc<Inner<K>>);

struct Inner<K: Kernel> {
    kernel: K,
    directory: PathBuf,
    /// Segments lately read, the latest at the end.
    files: RefCell<Vec<(u64, Rc<K::File>)>>,
}

impl<K: Kernel> Reader<K> {
    /// A reader of the log in `directory`.
    #[must_use]
    pub fn new(kernel: K, directory: &Path) -> Self {
        let files = RefCell::default();
        Self(Rc::new(Inner { kernel, directory: directory.to_owned(), files }))
    }

    /// Reads what lies at `place` and compares its check.
    ///
    /// # Errors
    /// [`ReadError::Moved`] if it lies elsewhere by now; [`ReadError::Damaged`] if it is not
    /// what was written.
    pub async fn read(&self, place: &Place) -> Result<Chunk, ReadError> {
        let Some(file) = self.0.known(place.segment) else {
            return self.0.read_afresh(place).await;
        };
        match read_whole(&*file, place).await {
            // The file may have a new life under another name.
            Err(ReadError::Damaged) => {
                self.0.forget(place.segment);
                self.0.read_afresh(place).await
            }
            result => result,
        }
    }
}

impl<K: Kernel> Inner<K> {
    async fn read_afresh(&self, place: &Place) -> Result<Chunk, ReadError> {
        let path = self.directory.join(super::segment_name(place.segment));
        let file = match self.kernel.open(&path, Open::Read).await {
            Ok(file) => Rc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ReadError::Moved),
            Err(error) => return Err(ReadError::Io(error)),
        };
        let chunk = read_whole(&*file, place).await?;
        self.remember(place.segment, file);
        Ok(chunk)
    }

    fn known(&self, segment: u64) -> Option<Rc<K::File>> {
        let mut files = self.files.borrow_mut();
        let at = files.iter().position(|(number, _)| *number == segment)?;
        let entry = files.remove(at);
        let file = Rc::clone(&entry.1);
        files.push(entry);
        Some(file)
    }

    fn remember(&self, segment: u64, file: Rc<K::File>) {
        let mut files = self.files.borrow_mut();
        files.retain(|(number, _)| *number != segment);
        if files.len() == FILES_MAX {
            files.remove(0);
        }
        files.push((segment, file));
    }

    fn forget(&self, segment: u64) {
        self.files.borrow_mut().retain(|(number, _)| *number != segment);
    }
}

async fn read_whole(file: &impl File, place: &Place) -> Result<Chunk, ReadError> {
    let len = place.len as usize;
    let mut buffer = Buffer::with_capacity(len.max(1));
    while buffer.len() < len {
        let offset = u64::from(place.offset) + buffer.len() as u64;
        let (result, returned) = file.read_at(buffer, offset).await;
        buffer = returned;
        if result.map_err(ReadError::Io)? == 0 {
            return Err(ReadError::Damaged);
        }
    }
    buffer.set_len(len);
    if spool::crc(&buffer) != place.crc {
        return Err(ReadError::Damaged);
    }
    Ok(Chunk::new(Arc::new(buffer), 0..len))
}

impl<K: Kernel> std::fmt::Debug for Reader<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reader").field(&self.0.directory).finish()
    }
}
