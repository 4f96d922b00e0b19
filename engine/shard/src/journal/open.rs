//! Opening a log: where writing goes on. What else it holds is read behind that, by
//! [`Backlog::load`], while new mail comes in.

use super::backlog::Backlog;
use super::commit::Failed;
use super::company::Company;
use super::error::OpenError;
use super::log::{Counts, Log};
use super::pool::Pool;
use super::{Journal, Options, Reader, segment_name};
use kernel::{Buffer, File, Kernel, Open, Signal};
use spool::{
    BLOCK_ALIGN, BLOCK_MAX, Catalog, Contents, HeaderFault, Index, Position, SEGMENT_MAX,
    SEGMENT_MIN, SegmentHeader, Writer, scan,
};
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;

impl<K: Kernel> Journal<K> {
    /// Opens the log in `directory`, making it if there is none. It takes mail from now on;
    /// what it held before is in the backlog. Nothing else may have it open.
    ///
    /// # Errors
    /// If the directory cannot be read or written, or is another log's.
    pub async fn open(
        kernel: K,
        directory: &Path,
        log: u16,
        options: Options,
    ) -> Result<(Self, Backlog<K>), OpenError> {
        let limits = (SEGMENT_MIN as u64, SEGMENT_MAX as u64);
        let segment_bytes = options.segment_bytes.clamp(limits.0, limits.1);
        let segment_bytes = segment_bytes.next_multiple_of(BLOCK_ALIGN as u64);
        let options = Options { segment_bytes, ..options };
        let at = |error| OpenError::Io(directory.to_owned(), error);
        make_directories(&kernel, directory).await.map_err(at)?;
        let Segments { headers, unreadable } = segments(&kernel, directory, log).await?;
        let tail = match headers.last() {
            Some(header) => Some(tail(&kernel, directory, header).await?),
            None => None,
        };
        let (tail, index) = tail.unzip();
        let start = Start::of(&kernel, log, &options, &headers, tail.as_ref(), index);
        let log = Rc::new(assemble(kernel, directory, log, options, start));
        begin(&log).await.map_err(at)?;
        spawn_tasks(&log);
        let backlog = Backlog::new(Rc::clone(&log), headers, &unreadable, tail);
        Ok((Self(log), backlog))
    }
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

/// The segments of a log.
struct Segments {
    headers: Vec<SegmentHeader>,
    /// Numbers of those whose header could not be read.
    unreadable: Vec<u64>,
}

/// Reads the header of every segment, oldest first.
async fn segments<K: Kernel>(
    kernel: &K,
    directory: &Path,
    log: u16,
) -> Result<Segments, OpenError> {
    let io = |path: &Path, error| OpenError::Io(path.to_owned(), error);
    let names = kernel.list(directory).await.map_err(|error| io(directory, error))?;
    let (mut headers, mut unreadable): (Vec<SegmentHeader>, Vec<u64>) = Default::default();
    for number in names.iter().filter_map(|name| segment_number(name)) {
        let path = directory.join(segment_name(number));
        let header = match read_header(kernel, &path).await.map_err(|error| io(&path, error))? {
            Ok(header) => header,
            Err(HeaderFault::Version) => return Err(OpenError::Foreign(path)),
            Err(HeaderFault::Unreadable) => {
                set_aside(kernel, &path).await.map_err(|error| io(&path, error))?;
                unreadable.push(number);
                continue;
            }
        };
        let ours = headers.first().is_none_or(|first| first.log_uuid == header.log_uuid);
        if header.log != log || header.segment != number || !ours {
            return Err(OpenError::Foreign(path));
        }
        headers.push(header);
    }
    Ok(Segments { headers, unreadable })
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
    Ok(SegmentHeader::decode(&read_upto(&file, page, 0, BLOCK_ALIGN).await?))
}

/// The last segment, all of it: what cannot be read now may be readable later, so a log is
/// not opened without it, since what looks like its end would be written over.
async fn tail<K: Kernel>(
    kernel: &K,
    directory: &Path,
    header: &SegmentHeader,
) -> Result<(Contents, Index), OpenError> {
    let path = directory.join(segment_name(header.segment));
    let bytes =
        read_segment(kernel, &path).await.map_err(|error| OpenError::Io(path.clone(), error))?;
    Ok(scan(header, &bytes, None))
}

/// All bytes of a segment.
pub(super) async fn read_segment<K: Kernel>(kernel: &K, path: &Path) -> io::Result<Buffer> {
    let file = kernel.open(path, Open::Read).await?;
    let length = file.length()? as usize;
    read_upto(&file, Buffer::with_capacity(length.max(1)), 0, length).await
}

/// Reads from `start` until `memory` holds `len` bytes, or all there are.
pub(super) async fn read_upto(
    file: &impl File,
    mut memory: Buffer,
    start: u64,
    len: usize,
) -> io::Result<Buffer> {
    while memory.len() < len {
        let offset = start + memory.len() as u64;
        let (result, returned) = file.read_at(memory, offset).await;
        memory = returned;
        if result? == 0 {
            break;
        }
    }
    Ok(memory)
}

/// Where a log goes on.
struct Start {
    position: Position,
    /// What the segment of the position comes to so far.
    index: Index,
    boot: u32,
    /// The oldest segment.
    head: u64,
}

impl Start {
    fn of<K: Kernel>(
        kernel: &K,
        log: u16,
        options: &Options,
        headers: &[SegmentHeader],
        tail: Option<&Contents>,
        index: Option<Index>,
    ) -> Self {
        let boots = headers.iter().map(|header| header.boot).chain(tail.map(|tail| tail.boot));
        let boot = boots.max().unwrap_or(0) + 1;
        let index = index.unwrap_or_default();
        let position = match tail {
            Some(tail) => {
                tail.end.position(index.room(), boot, kernel.random(), options.segment_bytes)
            }
            None => first_position(kernel, log, boot, options),
        };
        let index = if position.begun { index } else { Index::default() };
        Self { position, index, boot, head: headers.first().map_or(1, |first| first.segment) }
    }
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

fn assemble<K: Kernel>(
    kernel: K,
    directory: &Path,
    log: u16,
    options: Options,
    start: Start,
) -> Log<K> {
    let Start { position, index, boot, head } = start;
    let memory = || {
        let mut memory = Buffer::with_capacity(BLOCK_MAX);
        memory.set_len(BLOCK_MAX);
        memory
    };
    let memory = [memory(), memory()];
    let writer = Writer::new(position, index, boot, options.segment_bytes, memory);
    let last = position.segment.segment - u64::from(!position.begun);
    let mut catalog = Catalog::new(log, head);
    if last >= head {
        catalog.begin(last);
    }
    Log {
        directory: directory.to_owned(),
        number: log,
        boot,
        counter: Cell::new(0),
        company: Company::default(),
        writer: RefCell::new(writer),
        catalog: RefCell::new(catalog),
        loaded: Cell::new(false),
        fate: RefCell::default(),
        file: RefCell::default(),
        durable_segment: Cell::new(last),
        voids: RefCell::default(),
        freed: Cell::new(None),
        footers: RefCell::default(),
        sealing: Cell::new(None),
        pool: Pool::new(directory, options.pool_segments),
        reader: Reader::new(kernel.clone(), directory),
        damage: RefCell::new(Rc::from([])),
        damaged: RefCell::default(),
        suspects: RefCell::default(),
        blamed: RefCell::default(),
        findings: RefCell::default(),
        counts: Cell::new(Counts::default()),
        observer: OnceCell::new(),
        writing: Cell::new(None),
        ended: Cell::new(false),
        failures: Cell::new(0),
        work: Signal::default(),
        room: Signal::default(),
        written: Signal::default(),
        space: Signal::default(),
        alarm: Signal::default(),
        kernel,
        options,
    }
}

/// Writes the first block of this boot: it makes the boot's number durable, and shows that
/// the log can be written.
async fn begin<K: Kernel>(log: &Rc<Log<K>>) -> io::Result<()> {
    log.adopt_pool().await?;
    let position = log.writer.borrow().position();
    if position.begun {
        log.go_on(position.segment.segment).await?;
    } else if log.pool.len() == 0 {
        log.make_ready().await?;
    }
    log.commit(&mut Failed::default()).await
}

fn spawn_tasks<K: Kernel>(log: &Rc<Log<K>>) {
    let writer = Rc::clone(log);
    log.kernel.spawn(async move { writer.write_blocks().await });
    let keeper = Rc::clone(log);
    log.kernel.spawn(async move { keeper.keep_pool().await });
    let sealer = Rc::clone(log);
    log.kernel.spawn(async move { sealer.write_footers().await });
    let guard = Rc::clone(log);
    log.kernel.spawn(async move { guard.keep_damage().await });
    let scrubber = Rc::clone(log);
    log.kernel.spawn(async move { scrubber.scrub().await });
    let reclaimer = Rc::clone(log);
    log.kernel.spawn(async move { reclaimer.reclaim().await });
}
