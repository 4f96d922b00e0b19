//! What the disk takes when nobody waits for it: `O_DIRECT`, 1 MiB, one after another.

use crate::report::Table;
use crate::spool::Plan;
use crate::spool::device::{BATCH_MAX, Device, FILE_LEN};
use crate::spool::strategy::{Ground, Strategy};
use crate::usage::clock;
use std::io;

pub(super) fn measure(plan: &Plan) -> io::Result<Table> {
    let mut table = Table::new("the disk, written in 1 MiB, one in flight", &["MB/s"]);
    let rows = [
        ("O_DIRECT, one sync at the end", Strategy::DirectUnsynced),
        ("O_DIRECT | O_DSYNC", Strategy::DirectOpenDsync),
    ];
    for _ in 0..plan.rounds {
        for (name, strategy) in rows {
            let mut device = Device::new(&plan.folder, Ground::Zeroed, strategy)?;
            let start = clock(libc::CLOCK_MONOTONIC);
            for _ in 0..FILE_LEN / BATCH_MAX as u64 {
                device.commit(BATCH_MAX)?;
            }
            device.sync_data()?;
            let took = clock(libc::CLOCK_MONOTONIC).saturating_sub(start);
            table.add(name, &[FILE_LEN as f64 / 1e6 / took.as_secs_f64()]);
        }
    }
    Ok(table)
}
