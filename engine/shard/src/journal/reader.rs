//! Reading texts, from any shard.

use super::error::ReadError;
use event::MessageId;
use kernel::{Buffer, Chunk, File, Kernel, Open};
use spool::{Envelope, Place, Spot, Text};
use std::cell::RefCell;
use std::fmt;
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

    /// Reads a message: its envelope, and with it the text if that is one piece of modest size
    /// beside it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn load(&self, id: MessageId, spot: &Spot) -> Result<Loaded, ReadError> {
        let Some(file) = self.0.known(spot.segment()) else {
            return self.0.load_afresh(id, spot).await;
        };
        match load(&*file, id, spot).await {
            // The file may have a new life under another name.
            Err(ReadError::Damaged) => {
                self.0.forget(spot.segment());
                self.0.load_afresh(id, spot).await
            }
            result => result,
        }
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

/// A message, read back.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Who it is from and for.
    pub envelope: Envelope,
    /// Where its text lies.
    pub places: Text,
    /// All of its text, if that was beside the envelope.
    pub text: Option<Chunk>,
}

impl<K: Kernel> Reader<K> {
    /// Reads the envelope of a message, and where its text lies. Only for the log's owner, as
    /// [`Self::read_unchecked`].
    pub(super) async fn envelope(
        &self,
        id: MessageId,
        spot: &Spot,
    ) -> Result<(Envelope, Text), ReadError> {
        let file = self.0.file(spot.segment()).await?;
        let alone = Spot::new(spot.segment(), spot.offset(), spot.len(), 0);
        load(&*file, id, &alone).await.map(|loaded| (loaded.envelope, loaded.places))
    }

    /// The file of a segment, opened if it is not. Only for the log's owner, as
    /// [`Self::read_unchecked`].
    pub(super) async fn file(&self, segment: u64) -> Result<Rc<K::File>, ReadError> {
        self.0.file(segment).await
    }

    /// Reads what lies at `place`, whatever it is. Only for who would [`Self::forget`] a
    /// segment that is no longer what it was: the log's owner.
    pub(super) async fn read_unchecked(&self, place: &Place) -> Result<Chunk, ReadError> {
        let file = self.0.file(place.segment).await?;
        Ok(chunk(read_bytes(&*file, place).await?))
    }

    /// Lets go of a segment's file.
    pub(super) fn forget(&self, segment: u64) {
        self.0.forget(segment);
    }
}

impl<K: Kernel> Inner<K> {
    async fn read_afresh(&self, place: &Place) -> Result<Chunk, ReadError> {
        let file = Rc::new(self.open(place.segment).await?);
        let chunk = read_whole(&*file, place).await?;
        self.remember(place.segment, file);
        Ok(chunk)
    }

    async fn load_afresh(&self, id: MessageId, spot: &Spot) -> Result<Loaded, ReadError> {
        let file = Rc::new(self.open(spot.segment()).await?);
        let loaded = load(&*file, id, spot).await?;
        self.remember(spot.segment(), file);
        Ok(loaded)
    }

    /// The file of a segment, opened if it is not.
    async fn file(&self, segment: u64) -> Result<Rc<K::File>, ReadError> {
        if let Some(file) = self.known(segment) {
            return Ok(file);
        }
        let file = Rc::new(self.open(segment).await?);
        self.remember(segment, Rc::clone(&file));
        Ok(file)
    }

    async fn open(&self, segment: u64) -> Result<K::File, ReadError> {
        let path = self.directory.join(super::segment_name(segment));
        self.kernel.open(&path, Open::Read).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Moved,
            _ => ReadError::Io(error),
        })
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

/// Reads back from where the text starts, if it is beside the envelope, to the envelope's end.
async fn load(file: &impl File, id: MessageId, spot: &Spot) -> Result<Loaded, ReadError> {
    let place = spot.reach();
    let start = place.offset;
    let text_len = if start < spot.record_offset() { spot.text_len() as usize } else { 0 };
    let buffer = read_bytes(file, &place).await?;
    let record = &buffer[(spot.record_offset() - start) as usize..];
    let (envelope, places) = spool::message_in(record, id, spot).ok_or(ReadError::Damaged)?;
    let text = match &places[..] {
        [text] if text_len > 0 && (text.segment, text.offset) == (place.segment, start) => {
            if spool::crc(&buffer[..text_len]) != text.crc {
                return Err(ReadError::Damaged);
            }
            Some(Chunk::new(Arc::new(buffer), 0..text_len))
        }
        _ => None,
    };
    Ok(Loaded { envelope, places, text })
}

async fn read_whole(file: &impl File, place: &Place) -> Result<Chunk, ReadError> {
    let buffer = read_bytes(file, place).await?;
    if spool::crc(&buffer) != place.crc {
        return Err(ReadError::Damaged);
    }
    Ok(chunk(buffer))
}

async fn read_bytes(file: &impl File, place: &Place) -> Result<Buffer, ReadError> {
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
    Ok(buffer)
}

fn chunk(buffer: Buffer) -> Chunk {
    let len = buffer.len();
    Chunk::new(Arc::new(buffer), 0..len)
}

impl<K: Kernel> fmt::Debug for Reader<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.0.directory).finish()
    }
}
