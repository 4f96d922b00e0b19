//! Opening a log: what is there, what is live, and where writing goes on.

use super::error::OpenError;
use super::log::{Counts, Log};
use super::pool::Pool;
use super::{Journal, Options, Reader, Recovered, segment_name};
use kernel::{Buffer, File, Kernel, Open, Signal};
use spool::{
    BLOCK_ALIGN, BLOCK_MAX, Found, HeaderFault, Position, Recovery, SEGMENT_MAX, SEGMENT_MIN,
    SegmentHeader, Survivor, Writer,
};
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;

impl<K: Kernel> Journal<K> {
    /// Opens the log in `directory`, making it if there is none, and says what it holds.
    /// Nothing else may have it open.
    ///
    /// # Errors
    /// If the directory cannot be read or written, or is another log's.
    pub async fn open(
        kernel: K,
        directory: &Path,
        log: u16,
        options: Options,
    ) -> Result<(Self, Vec<Recovered>), OpenError> {
        let limits = (SEGMENT_MIN as u64, SEGMENT_MAX as u64);
        let segment_bytes = options.segment_bytes.clamp(limits.0, limits.1);
        let segment_bytes = segment_bytes.next_multiple_of(BLOCK_ALIGN as u64);
        let options = Options { segment_bytes, ..options };
        let at = |error| OpenError::Io(directory.to_owned(), error);
        make_directories(&kernel, directory).await.map_err(at)?;
        let found = recover(&kernel, directory, log, &options).await?;
        let (log, survivors) = assemble(kernel, directory, log, options, found);
        let log = Rc::new(log);
        start(&log).await.map_err(at)?;
        spawn_tasks(&log);
        Ok((Self(log), survivors.into_iter().map(recovered).collect()))
    }
}

fn recovered(survivor: Survivor) -> Recovered {
    let Survivor { id, envelope, text, open } = survivor;
    let open = open.iter().map(|open| (open.recipient, open.attempt, open.due)).collect();
    Recovered { id, envelope, text, open }
}

/// Makes the log's directories, durably: each one's name lies in the one above.
async fn make_directories<K: Kernel>(kernel: &K, directory: &Path) -> io::Result<()> {
    let pool = directory.join("pool");
    kernel.make_directory(&pool).await?;
    for above in directory.ancestors() {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match kernel.sync_directory(above).await {
            // Whoever made a directory we may not open has made it before us.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => (),
            synced => synced?,
        }
    }
    Ok(())
}

/// Reads all segments, oldest first.
async fn recover<K: Kernel>(
    kernel: &K,
    directory: &Path,
    log: u16,
    options: &Options,
) -> Result<Found, OpenError> {
    let io = |path: &Path, error| OpenError::Io(path.to_owned(), error);
    let names = kernel.list(directory).await.map_err(|error| io(directory, error))?;
    let (mut headers, mut bad): (Vec<SegmentHeader>, Vec<u64>) = Default::default();
    for number in names.iter().filter_map(|name| segment_number(name)) {
        let path = directory.join(segment_name(number));
        let header = match read_header(kernel, &path).await.map_err(|error| io(&path, error))? {
            Ok(header) => header,
            Err(HeaderFault::Version) => return Err(OpenError::Foreign(path)),
            Err(HeaderFault::Unreadable) => {
                set_aside(kernel, &path).await.map_err(|error| io(&path, error))?;
                bad.push(number);
                continue;
            }
        };
        let ours = headers.first().is_none_or(|first| first.log_uuid == header.log_uuid);
        if header.log != log || header.segment != number || !ours {
            return Err(OpenError::Foreign(path));
        }
        headers.push(header);
    }
    let mut recovery = Recovery::new(log, headers.first().map_or(1, |first| first.segment));
    for number in bad {
        recovery.missing(number);
    }
    let mut memory = Buffer::with_capacity(1);
    for (at, header) in headers.iter().enumerate() {
        let path = directory.join(segment_name(header.segment));
        memory = read_segment(kernel, &path, memory).await.map_err(|error| io(&path, error))?;
        recovery.segment(header, &memory, headers.get(at + 1));
    }
    Ok(recovery.finish(kernel.random(), options.segment_bytes))
}

/// Keeps an unreadable segment for a look, under a name that is in nobody's way.
async fn set_aside<K: Kernel>(kernel: &K, path: &Path) -> io::Result<()> {
    kernel.rename(path, &path.with_extension("bad")).await
}

fn segment_number(name: &Path) -> Option<u64> {
    let number = name.to_str()?.strip_suffix(".seg")?.parse().ok()?;
    (segment_name(number) == name.to_str()?).then_some(number)
}

/// The header of a segment. What the last life wrote is synced first: what we build on must
/// not be in the page cache only.
async fn read_header<K: Kernel>(
    kernel: &K,
    path: &Path,
) -> io::Result<Result<SegmentHeader, HeaderFault>> {
    let file = kernel.open(path, Open::Create).await?;
    file.sync().await?;
    let page = Buffer::with_capacity(BLOCK_ALIGN);
    Ok(SegmentHeader::decode(&read_upto(&file, page, BLOCK_ALIGN).await?))
}

/// All bytes of a file, in `memory` if they fit. What cannot be read now may be readable
/// later: a log is not opened without it, since what looks like its end would be written over.
async fn read_segment<K: Kernel>(kernel: &K, path: &Path, memory: Buffer) -> io::Result<Buffer> {
    let file = kernel.open(path, Open::Read).await?;
    let length = file.length()? as usize;
    let mut memory = match memory {
        memory if memory.capacity() >= length => memory,
        _ => Buffer::with_capacity(length.max(1)),
    };
    memory.set_len(0);
    read_upto(&file, memory, length).await
}

/// Reads until `memory` holds `len` bytes, or all there are.
async fn read_upto(file: &impl File, mut memory: Buffer, len: usize) -> io::Result<Buffer> {
    while memory.len() < len {
        let offset = memory.len() as u64;
        let (result, returned) = file.read_at(memory, offset).await;
        memory = returned;
        if result? == 0 {
            break;
        }
    }
    Ok(memory)
}

fn assemble<K: Kernel>(
    kernel: K,
    directory: &Path,
    log: u16,
    options: Options,
    found: Found,
) -> (Log<K>, Vec<Survivor>) {
    let Found { catalog, survivors, damage, boot, position } = found;
    let position = position.unwrap_or_else(|| first_position(&kernel, log, boot, &options));
    let memory = || {
        let mut memory = Buffer::with_capacity(BLOCK_MAX);
        memory.set_len(BLOCK_MAX);
        memory
    };
    let writer = Writer::new(position, boot, options.segment_bytes, [memory(), memory()]);
    let log = Log {
        directory: directory.to_owned(),
        number: log,
        boot,
        counter: Cell::new(0),
        announced: Cell::new(0),
        writer: RefCell::new(writer),
        catalog: RefCell::new(catalog),
        fate: RefCell::default(),
        file: RefCell::default(),
        durable_segment: Cell::new(position.segment.segment - u64::from(!position.begun)),
        voids: RefCell::default(),
        pool: Pool::new(directory, options.pool_segments),
        reader: Reader::new(kernel.clone(), directory),
        damage: damage.into(),
        counts: Cell::new(Counts::default()),
        observer: OnceCell::new(),
        writing: Cell::new(None),
        ended: Cell::new(false),
        failures: Cell::new(0),
        work: Signal::default(),
        room: Signal::default(),
        written: Signal::default(),
        space: Signal::default(),
        kernel,
        options,
    };
    (log, survivors)
}

/// Where a new log begins.
fn first_position<K: Kernel>(kernel: &K, log: u16, boot: u32, options: &Options) -> Position {
    let uuid = u128::from(kernel.random()) << 64 | u128::from(kernel.random());
    Position::start_of(SegmentHeader {
        log_uuid: uuid.to_le_bytes(),
        log,
        boot,
        segment: 1,
        salt: kernel.random(),
        first_block: 1,
        torn_block: 0,
        segment_len: options.segment_bytes,
    })
}

/// Writes the first block of this boot: it makes the boot's number durable, and shows that
/// the log can be written.
async fn start<K: Kernel>(log: &Rc<Log<K>>) -> io::Result<()> {
    log.adopt_pool().await?;
    let position = log.writer.borrow().position();
    if position.begun {
        log.go_on(position.segment.segment).await?;
    } else if log.pool.len() == 0 {
        log.prepare().await?;
    }
    log.commit(&mut Vec::new()).await
}

fn spawn_tasks<K: Kernel>(log: &Rc<Log<K>>) {
    let writer = Rc::clone(log);
    log.kernel.spawn(async move { writer.write_blocks().await });
    let keeper = Rc::clone(log);
    log.kernel.spawn(async move { keeper.keep_pool().await });
    let reclaimer = Rc::clone(log);
    log.kernel.spawn(async move { reclaimer.reclaim().await });
}
