use super::{ALIGNMENT, Buffer, Chunk, Gather, MAPPED_MIN, Piece};
use std::sync::Arc;

#[test]
fn a_buffer_takes_as_much_as_it_has_room_for() {
    let mut buffer = Buffer::with_capacity(8);
    assert_eq!((buffer.len(), buffer.spare(), buffer.capacity()), (0, 8, 8));
    buffer.extend(b"hello");
    buffer.extend(b"you");
    assert_eq!((&*buffer, buffer.spare()), (&b"helloyou"[..], 0));
    buffer.extend(b"");
}

#[test]
#[should_panic(expected = "the caller made room")]
fn a_buffer_does_not_grow() {
    Buffer::with_capacity(8).extend(b"nine bytes");
}

#[test]
#[should_panic(expected = "not longer than its memory")]
fn a_buffer_is_not_longer_than_its_memory() {
    Buffer::with_capacity(8).set_len(9);
}

#[test]
fn what_is_consumed_makes_room() {
    let mut buffer = Buffer::copy_of(b"first second");
    buffer.consume(6);
    assert_eq!((&*buffer, buffer.spare()), (&b"second"[..], 6));
    buffer.consume(6);
    assert!(buffer.is_empty());
}

#[test]
fn a_copy_holds_exactly_the_bytes_and_of_nothing_it_is_empty() {
    assert_eq!((&*Buffer::copy_of(b"abc"), Buffer::copy_of(b"abc").spare()), (&b"abc"[..], 0));
    assert_eq!((Buffer::copy_of(b"").len(), Buffer::copy_of(b"").spare()), (0, 1));
}

#[test]
fn memory_is_zeroed_and_pages_are_aligned() {
    for capacity in [1, 100, ALIGNMENT, ALIGNMENT + 1, 64 * 1024, 256 * 1024] {
        let mut buffer = Buffer::with_capacity(capacity);
        assert!(
            !capacity.is_multiple_of(ALIGNMENT)
                || buffer.spare_pointer().addr().is_multiple_of(ALIGNMENT)
        );
        buffer.set_len(capacity);
        assert!(buffer.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn the_spare_room_begins_behind_what_is_in_use() {
    let mut buffer = Buffer::with_capacity(16);
    let start = buffer.spare_pointer();
    buffer.extend(b"12345");
    assert_eq!(buffer.spare_pointer().addr() - start.addr(), 5);
}

#[test]
fn chunks_share_one_buffer() {
    let buffer = Arc::new(Buffer::copy_of(b"header body"));
    let body = Chunk::new(Arc::clone(&buffer), 7..11);
    let again = body.clone();
    drop(buffer);
    drop(body);
    assert_eq!(&*again, b"body");
}

#[test]
#[should_panic(expected = "a chunk lies in its buffer")]
fn a_chunk_lies_in_its_buffer() {
    let _ = Chunk::new(Arc::new(Buffer::copy_of(b"short")), 2..6);
}

#[test]
fn pieces_are_their_bytes() {
    let chunk = Chunk::new(Arc::new(Buffer::copy_of(b"shared")), 0..6);
    let pieces =
        [Piece::Owned(b"owned ".to_vec()), Piece::Shared(chunk), Piece::Static(b" static")];
    let pieces = Gather::from_iter(pieces);
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
    assert_eq!(bytes, b"owned shared static");
}

#[test]
fn a_large_one_is_zeroed_aligned_and_whole() {
    for capacity in [MAPPED_MIN, MAPPED_MIN + 1] {
        let mut buffer = Buffer::with_capacity(capacity);
        buffer.set_len(capacity);
        assert!(buffer.iter().all(|byte| *byte == 0));
        assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0);
        let copy = Buffer::copy_of(&vec![7; capacity]);
        assert!(copy.len() == capacity && copy.iter().all(|byte| *byte == 7));
    }
}
