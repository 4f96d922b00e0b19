//! Ways of making a batch durable, and what the file was before.

/// How a batch is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Through the page cache; a sync when the write has ended.
    BufferedApart,
    /// Through the page cache; write and sync in one submission, linked.
    BufferedLinked,
    /// Through the page cache; the write asks for its own durability (`RWF_DSYNC`).
    BufferedDsync,
    /// Past the page cache; the file was opened with `O_DSYNC`.
    DirectOpenDsync,
    /// Past the page cache, with `RWF_DSYNC`.
    DirectDsync,
    /// Past the page cache; a sync when the write has ended.
    DirectApart,
    /// Past the page cache; write and sync linked.
    DirectLinked,
    /// Past the page cache, and not made durable at all.
    DirectUnsynced,
}

/// What the file was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// Written from end to end.
    Zeroed,
    /// Its blocks are reserved, and were never written.
    Fallocated,
    /// Empty.
    Growing,
}

impl Strategy {
    /// Those that make a batch durable.
    pub(super) const ALL: [Self; 7] = [
        Self::BufferedApart,
        Self::BufferedLinked,
        Self::BufferedDsync,
        Self::DirectOpenDsync,
        Self::DirectDsync,
        Self::DirectApart,
        Self::DirectLinked,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::BufferedApart => "buffered, then fdatasync",
            Self::BufferedLinked => "buffered, linked fdatasync",
            Self::BufferedDsync => "buffered, RWF_DSYNC",
            Self::DirectOpenDsync => "O_DIRECT | O_DSYNC",
            Self::DirectDsync => "O_DIRECT, RWF_DSYNC",
            Self::DirectApart => "O_DIRECT, then fdatasync",
            Self::DirectLinked => "O_DIRECT, linked fdatasync",
            Self::DirectUnsynced => "O_DIRECT, no sync",
        }
    }

    /// What the file is opened with.
    pub(super) const fn flags(self) -> i32 {
        match self {
            Self::BufferedApart | Self::BufferedLinked | Self::BufferedDsync => 0,
            Self::DirectOpenDsync => libc::O_DIRECT | libc::O_DSYNC,
            Self::DirectDsync | Self::DirectApart | Self::DirectLinked | Self::DirectUnsynced => {
                libc::O_DIRECT
            }
        }
    }

    /// Whether it goes past the page cache.
    pub(super) const fn is_direct(self) -> bool {
        self.flags() & libc::O_DIRECT != 0
    }

    /// What each write asks for.
    pub(super) const fn write_flags(self) -> i32 {
        match self {
            Self::BufferedDsync | Self::DirectDsync => libc::RWF_DSYNC,
            _ => 0,
        }
    }

    /// Whether the sync waits for the write.
    pub(super) const fn syncs_apart(self) -> bool {
        matches!(self, Self::BufferedApart | Self::DirectApart)
    }
}
