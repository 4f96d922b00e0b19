//! The open recipients of one message, in sixteen bytes for nearly all of them.

use crate::record::Standing;
use event::Wall;

/// Open recipients. Mail that waits for its first attempt, and mail for one recipient, need
/// no memory beyond this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    /// All of so many, none of them tried.
    All(u16),
    /// One.
    One {
        /// Its index in the envelope.
        recipient: u16,
        /// Attempts made so far.
        attempt: u16,
        /// When it is due.
        due: Wall,
    },
    /// Any number, by index.
    Some(Box<Vec<Standing>>),
}

const _: () = assert!(size_of::<Open>() == 16, "a live message costs little");

impl Open {
    /// These recipients.
    #[must_use]
    pub fn of(open: &[Standing]) -> Self {
        match *open {
            [Standing { recipient, attempt, due }] => Self::One { recipient, attempt, due },
            _ => Self::Some(Box::new(open.to_vec())),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::All(count) => usize::from(*count),
            Self::One { .. } => 1,
            Self::Some(open) => open.len(),
        }
    }

    /// Whether every recipient is through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each of them, by index.
    pub fn iter(&self) -> impl Iterator<Item = Standing> {
        let nth = |index: usize| match self {
            Self::All(_) => Standing { recipient: index as u16, attempt: 0, due: Wall(0) },
            Self::One { recipient, attempt, due } => {
                Standing { recipient: *recipient, attempt: *attempt, due: *due }
            }
            Self::Some(open) => open[index],
        };
        (0..self.len()).map(nth)
    }

    /// This recipient is through.
    pub(crate) fn settle(&mut self, recipient: u16) {
        match self {
            Self::One { recipient: one, .. } if *one != recipient => (),
            Self::All(count) if recipient >= *count => (),
            Self::All(1) | Self::One { .. } => *self = Self::All(0),
            Self::All(_) => self.spread().retain(|open| open.recipient != recipient),
            Self::Some(open) => open.retain(|open| open.recipient != recipient),
        }
    }

    /// This recipient was tried: the highest attempt counts, in whatever order they come.
    pub(crate) fn defer(&mut self, recipient: u16, attempt: u16, due: Wall) {
        match self {
            Self::All(count) if recipient >= *count => (),
            Self::All(1) => *self = Self::One { recipient, attempt, due },
            Self::One { recipient: one, attempt: made, due: then } => {
                if *one == recipient && (attempt, due) >= (*made, *then) {
                    (*made, *then) = (attempt, due);
                }
            }
            Self::All(_) | Self::Some(_) => {
                let open = self.spread().iter_mut().find(|open| open.recipient == recipient);
                if let Some(open) = open
                    && (attempt, due) >= (open.attempt, open.due)
                {
                    (open.attempt, open.due) = (attempt, due);
                }
            }
        }
    }

    /// One standing each, to be changed.
    fn spread(&mut self) -> &mut Vec<Standing> {
        if !matches!(self, Self::Some(_)) {
            *self = Self::Some(Box::new(self.iter().collect()));
        }
        match self {
            Self::Some(open) => open,
            Self::All(_) | Self::One { .. } => unreachable!("just made"),
        }
    }
}
