//! A live message looked at where it lies, with every check there is.
//!
//! A reader that finds a message damaged says so to the log's owner, which looks for itself:
//! the reader may have met a segment that was given back under it, or a fault that passed. What
//! is damaged indeed is counted, told and kept once, however often it is tried.

use super::error::ReadError;
use super::log::Log;
use super::{Journal, Loaded};
use event::MessageId;
use kernel::Kernel;
use spool::{Damage, Flaw, Place, Spot, Text};

/// Damaged messages remembered; past it all are forgotten, and may be told once more.
const BLAMED_MAX: usize = 65_536;

impl<K: Kernel> Journal<K> {
    /// A reader found this message damaged.
    pub fn suspect(&self, id: MessageId) {
        self.0.suspects.borrow_mut().push_back(id);
        self.0.alarm.ring();
    }
}

impl<K: Kernel> Log<K> {
    /// Reads a message, and takes note of what is damaged of it. Nothing is, of one that is no
    /// longer live.
    ///
    /// # Errors
    /// If it cannot be read, which says nothing of what is written there.
    pub(super) async fn examine(&self, id: MessageId) -> Result<(), ReadError> {
        let Some(spot) = self.spot_of(id).filter(|_| !self.blamed.borrow().contains(&id)) else {
            return Ok(());
        };
        let bad = self.bad_places(id, &spot).await?;
        // If it was carried forward meanwhile, we may have read what took its place.
        if !bad.is_empty() && self.spot_of(id) == Some(spot) {
            self.blame(id, &bad);
        }
        Ok(())
    }

    /// Where the message lies now, if it is live.
    pub(super) fn spot_of(&self, id: MessageId) -> Option<Spot> {
        self.catalog.borrow().get(id).map(|live| live.spot)
    }

    /// A live message is damaged in these places.
    pub(super) fn blame(&self, id: MessageId, bad: &[Place]) {
        let mut blamed = self.blamed.borrow_mut();
        if blamed.len() == BLAMED_MAX {
            blamed.clear();
        }
        if !blamed.insert(id) {
            return;
        }
        drop(blamed);
        self.count(|counts| counts.damaged += 1);
        self.note_damage(bad.iter().map(|place| {
            let start = u64::from(place.offset);
            let range = start..start + u64::from(place.len);
            Damage { segment: place.segment, range, flaw: Flaw::Damaged, messages: vec![id] }
        }));
    }

    /// The parts of a message that are not what was written: of its text, or all that a reader
    /// fetches at once if its envelope is bad.
    async fn bad_places(&self, id: MessageId, spot: &Spot) -> Result<Text, ReadError> {
        let places = match self.reader.load(id, spot).await {
            Ok(Loaded { text: Some(_), .. }) => return Ok(Text::new()),
            Ok(Loaded { places, .. }) => places,
            // The envelope, or the text beside it.
            Err(ReadError::Damaged) => match self.reader.envelope(id, spot).await {
                Ok((_, places)) => places,
                Err(ReadError::Damaged) => return Ok(Text::from_elem(spot.reach(), 1)),
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        };
        let mut bad = Text::new();
        for place in places {
            match self.reader.read(&place).await {
                Ok(_) => (),
                Err(ReadError::Damaged) => bad.push(place),
                Err(error) => return Err(error),
            }
        }
        Ok(bad)
    }
}
