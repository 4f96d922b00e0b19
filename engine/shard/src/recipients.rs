//! Which recipients of a message a delivery is for.

use std::ops::Deref;

/// Indices into a message's envelope, in sixteen bytes for up to six of them.
#[derive(Clone, Debug)]
pub enum Recipients {
    /// The first so many of these.
    Few(u8, [u16; FEW]),
    /// Any number.
    Many(Box<Vec<u16>>),
}

const FEW: usize = 6;
const _: () = assert!(size_of::<Recipients>() == 16, "a queued delivery costs little");

impl Deref for Recipients {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        match self {
            Self::Few(len, few) => &few[..usize::from(*len)],
            Self::Many(many) => many,
        }
    }
}

impl From<&[u16]> for Recipients {
    fn from(all: &[u16]) -> Self {
        let mut few = [0; FEW];
        match few.get_mut(..all.len()) {
            Some(room) => {
                room.copy_from_slice(all);
                Self::Few(all.len() as u8, few)
            }
            None => Self::Many(Box::new(all.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Recipients;

    #[test]
    fn all_of_them_are_there() {
        for count in 0..20 {
            let all: Vec<u16> = (5..5 + count).collect();
            assert_eq!(Recipients::from(&all[..])[..], all[..]);
        }
    }
}
