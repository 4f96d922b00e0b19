//! All the words that rules listen for, found in one pass over a text.
//!
//! One automaton of all of them, case folded: a text costs a step for each of its bytes, and one for
//! each word found, whatever a host says; a text is at most [`event::TEXT_BYTES_MAX`] long.
//! Nothing is allocated for it.

use aho_corasick::automaton::OverlappingState;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::collections::BTreeMap;

/// The most words there may be, in all rules together.
pub const WORDS_MAX: usize = 2_048;

const CELLS: usize = WORDS_MAX / 64;
const _: () = assert!(CELLS * 64 == WORDS_MAX && WORDS_MAX <= 1 << 16, "a word fits its place");

/// One of them, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u16);

/// The words that are in a text.
pub(super) struct Heard([u64; CELLS]);

impl Heard {
    pub(super) const fn has(&self, word: Word) -> bool {
        self.0[word.0 as usize / 64] >> (word.0 % 64) & 1 != 0
    }
}

/// The words of the rules read so far.
#[derive(Default)]
pub(super) struct Dictionary(BTreeMap<Box<str>, Word>);

impl Dictionary {
    /// The place of a word, which is one whatever its case.
    pub(super) fn place(&mut self, text: &str) -> Result<Word, String> {
        if text.trim().len() < 2 {
            return Err(format!("\"{text}\" is too short to mean anything"));
        }
        let next = self.0.len();
        let folded = text.to_ascii_lowercase().into_boxed_str();
        if next == WORDS_MAX && !self.0.contains_key(&folded) {
            return Err(format!("there are more than {WORDS_MAX} words in all rules together"));
        }
        Ok(*self.0.entry(folded).or_insert(Word(next as u16)))
    }

    pub(super) fn close(self) -> Result<Words, String> {
        let mut words: Vec<_> = self.0.into_iter().collect();
        words.sort_by_key(|(_, word)| word.0);
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(words.iter().map(|(text, _)| text.as_bytes()))
            .map_err(|error| error.to_string())?;
        Ok(Words(automaton))
    }
}

/// All words, ready to be listened for.
#[derive(Debug)]
pub(super) struct Words(AhoCorasick);

impl Words {
    /// Which words are in `text`.
    pub(super) fn hear(&self, text: &str) -> Heard {
        let mut heard = [0_u64; CELLS];
        let mut state = OverlappingState::start();
        loop {
            self.0.find_overlapping(text, &mut state);
            let Some(found) = state.get_match() else { return Heard(heard) };
            let place = found.pattern().as_usize();
            heard[place / 64] |= 1 << (place % 64);
        }
    }
}
