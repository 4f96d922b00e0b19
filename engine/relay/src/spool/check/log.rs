//! The rules of one log.

use super::super::read::{Beside, Contents, Log, Looked, Segment};
use super::Findings;
use super::problem::Problem;
use spool::walk::{Depth, Walk};
use spool::{BLOCK_ALIGN, Damage, Flaw, HeaderFault, SegmentHeader};
use std::io;

/// Where the segment before ended.
struct End {
    segment: u64,
    block: u64,
    /// Its last block was cut off.
    torn: bool,
}

/// Looks at all of a log.
pub(super) fn check(
    log: &Log,
    beside: Beside,
    depth: Depth,
    findings: &mut Findings,
) -> io::Result<()> {
    files(log, beside, findings);
    headers(log, findings);
    let mut end: Option<End> = None;
    let contents = log.contents(beside, |looked| {
        if let Some(end) = &end {
            junction(end, looked, findings);
        }
        end = Some(segment(looked, beside, depth, findings));
        Ok(())
    })?;
    findings.segments += log.segments.len();
    findings.messages += contents.live.len();
    losses(log, &contents, findings);
    if depth == Depth::Texts {
        texts(log, &contents, beside, findings)?;
    }
    Ok(())
}

/// What lies in the directory beside segments.
fn files(log: &Log, beside: Beside, findings: &mut Findings) {
    for path in &log.set_aside {
        let means = "an earlier start could not read its header: what only it held is lost";
        let advice = "look after the disk; remove the file when it is of no more use";
        let found = "a segment that was set aside".to_owned();
        findings.problems.push(Problem::of(path, found, means, advice));
    }
    for (path, len) in &log.quarantine {
        let found = format!("a copy of {len} bad bytes, kept by an engine that found them");
        let means = "nothing reads it";
        let advice = "look after the disk; remove the file when it is of no more use";
        findings.problems.push(Problem::of(path, found, means, advice).harmless());
    }
    for path in &log.strangers {
        let found = "a file that is not of the spool".to_owned();
        let means = "nothing reads it";
        findings.problems.push(Problem::of(path, found, means, "move it away").harmless());
    }
    let full = log.readable().last().map_or(0, |(_, header)| header.segment_len);
    for (path, len) in &log.pool {
        // An engine is writing zeros into the one it makes.
        if *len < full && beside == Beside::Nobody {
            let found = format!("a file of the pool has {len} bytes, of {full}");
            let means = "it was being made when the engine ended: the next start makes it anew";
            findings.problems.push(Problem::of(path, found, means, "nothing").harmless());
        }
    }
}

/// Each header by itself, and against its file and the others.
fn headers(log: &Log, findings: &mut Findings) {
    let uuid = log.readable().first().map(|(_, header)| header.log_uuid);
    for segment in &log.segments {
        match &segment.header {
            Ok(header) => {
                copies(segment, findings);
                identity(log, segment, header, uuid, findings);
            }
            Err(HeaderFault::Unreadable) => findings.problems.push(Problem::of(
                &segment.path,
                "neither copy of the segment's header checks".to_owned(),
                "the next start sets it aside, and what only it held is lost",
                "restore the file if you have a copy of it; look after the disk",
            )),
            Err(HeaderFault::Version) => findings.problems.push(Problem::of(
                &segment.path,
                "a later version wrote it".to_owned(),
                "this version does not start on this log",
                "use the version that wrote it",
            )),
        }
    }
}

/// Both copies of a header that can be read.
fn copies(segment: &Segment, findings: &mut Findings) {
    let half = BLOCK_ALIGN / 2;
    for start in [0, half] {
        // The other half is made unreadable, so that this one must serve.
        let mut page = segment.page.clone();
        page[half - start..BLOCK_ALIGN - start].fill(0);
        if SegmentHeader::decode(&page).is_err() {
            findings.problems.push(Problem::of_header_copy(&segment.path, start as u64));
        }
    }
}

fn identity(
    log: &Log,
    segment: &Segment,
    header: &SegmentHeader,
    uuid: Option<[u8; 16]>,
    findings: &mut Findings,
) {
    let found = if header.log != log.number {
        format!("the header is one of log {}", header.log)
    } else if header.segment != segment.number {
        format!("the header is that of segment {}", header.segment)
    } else if Some(header.log_uuid) != uuid {
        "the header is of a log with another identity".to_owned()
    } else if segment.len < header.segment_len {
        let found = format!("the file has {} bytes, of {}", segment.len, header.segment_len);
        let means =
            "files grow as they are written unless durability is \"sync\"; else its end is gone";
        let advice = "nothing, if durability is not \"sync\"";
        findings.problems.push(Problem::of(&segment.path, found, means, advice).harmless());
        return;
    } else {
        return;
    };
    let means = "a file of another log was moved here: this log is not opened";
    findings.problems.push(Problem::of(&segment.path, found, means, "move it back"));
}

/// What must hold between a segment and the one before it.
fn junction(end: &End, looked: &Looked<'_>, findings: &mut Findings) {
    let header = looked.header;
    let reached = end.block + u64::from(end.torn && header.torn_block == end.block);
    if reached < header.first_block && end.segment + 1 < header.segment {
        let found = format!(
            "blocks {reached} to {} are missing: segments {} to {} are not there",
            header.first_block - 1,
            end.segment + 1,
            header.segment - 1
        );
        let means = "files of the log were taken away; what only they held is lost";
        let advice = "put the files back before the next start";
        findings.problems.push(Problem::of(&looked.segment.path, found, means, advice));
    }
}

/// Every block of a segment.
fn segment(looked: &Looked<'_>, beside: Beside, depth: Depth, findings: &mut Findings) -> End {
    let Looked { segment, header, bytes, next } = looked;
    let mut walk = Walk::new(header, bytes, *next, depth);
    let mut torn = false;
    for stretch in walk.by_ref() {
        findings.blocks += u64::from(stretch.block.is_some());
        findings.records += stretch.records.len() as u64;
        torn |= stretch.torn;
        if stretch.torn {
            // Whom it hit, recovery knows: it is told with the losses.
            continue;
        }
        for (offset, fault) in stretch.faults {
            findings.problems.push(Problem::of_fault(&segment.path, offset, fault));
        }
    }
    if let (Beside::Engine(_), None) = (beside, next) {
        findings.skipped.push(format!(
            "{}: looked at up to byte {}; the open tail behind it, which is being written, was skipped",
            segment.path.display(),
            walk.offset()
        ));
    }
    End { segment: segment.number, block: walk.block(), torn }
}

/// Messages that damage has hit, by name.
fn losses(log: &Log, contents: &Contents, findings: &mut Findings) {
    for Damage { segment, range, flaw, messages } in &contents.damage {
        let lost: Vec<_> = messages
            .iter()
            .filter(|id| contents.live.binary_search_by_key(*id, |live| live.id).is_err())
            .copied()
            .collect();
        let path = log.directory.join(super::read::segment_name(*segment));
        if *flaw == Flaw::Torn {
            findings.problems.push(Problem::of_tail(&path).at(range.start).hit(lost));
            continue;
        }
        if lost.is_empty() {
            continue;
        }
        let found = format!("bytes {} to {} hit {}", range.start, range.end, {
            super::show::count(lost.len(), "message")
        });
        let means = "those that were still open are lost; those that were through are not";
        let advice = "the delivery log says what became of them; ask senders for what is missing";
        findings.problems.push(Problem::of(&path, found, means, advice).at(range.start).hit(lost));
    }
}

/// The text of every live message, where a delivery would read it.
fn texts(
    log: &Log,
    contents: &Contents,
    beside: Beside,
    findings: &mut Findings,
) -> io::Result<()> {
    for live in &contents.live {
        for (place, why) in log.text(&live.text)?.settled(beside)?.bad {
            let path = log.directory.join(super::read::segment_name(place.segment));
            let found = format!("the text of message {}: {why}", live.id);
            let means = "it cannot be delivered: each attempt defers it until it expires";
            let advice = "`ringpost spool cat` shows what is left of it; look after the disk";
            let problem = Problem::of(&path, found, means, advice).at(u64::from(place.offset));
            findings.problems.push(problem.hit(vec![live.id]));
        }
    }
    Ok(())
}
