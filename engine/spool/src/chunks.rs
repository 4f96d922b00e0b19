//! A list that grows by chunks.

use std::ops;

/// Items in a chunk.
const CHUNK: usize = 1_024;

/// Items that never move: while it grows, nothing is copied and no memory is needed twice over.
#[derive(Debug)]
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    pub(crate) fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(item),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(item);
                self.0.push(chunk);
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.0.iter().flatten()
    }
}

impl<T> ops::Index<usize> for Chunks<T> {
    type Output = T;
    fn index(&self, at: usize) -> &T {
        &self.0[at / CHUNK][at % CHUNK]
    }
}

impl<T> ops::IndexMut<usize> for Chunks<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.0[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Chunks};

    #[test]
    fn what_is_pushed_stays_where_it_is() {
        const COUNT: usize = 2 * CHUNK + 1;
        let mut chunks = Chunks::default();
        for number in 0..COUNT {
            assert_eq!(chunks.len(), number);
            chunks.push(number);
        }
        chunks[CHUNK] = 7;
        let wanted = (0..COUNT).map(|number| if number == CHUNK { 7 } else { number });
        assert!(chunks.iter().copied().eq(wanted));
        assert_eq!((chunks[CHUNK - 1], chunks[2 * CHUNK]), (CHUNK - 1, 2 * CHUNK));
    }
}
