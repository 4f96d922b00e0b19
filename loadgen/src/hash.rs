//! Numbers that look random and are not, and the checksums both ledgers use.

use crc_fast::CrcAlgorithm;

/// The checksum of message bodies: 64 bits, tens of gigabytes a second.
pub const BODY: CrcAlgorithm = CrcAlgorithm::Crc64Nvme;

/// One well-mixed number for another (the finaliser of Steele's `SplitMix64`).
#[must_use]
pub const fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// `number` as a share of all numbers, in 0.0 to 1.0.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
pub fn share(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

/// A stream of well-mixed numbers from a seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }
}

/// What a ledger calls a mailbox: a checksum of its address.
#[must_use]
pub fn address(address: &[u8]) -> u64 {
    crc_fast::checksum(BODY, address)
}

/// The checksum of a message body in wire form.
#[must_use]
pub fn body(body: &[u8]) -> u64 {
    crc_fast::checksum(BODY, body)
}

/// The checksum of the header the generator wrote.
#[must_use]
pub fn header(header: &[u8]) -> u32 {
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, header) as u32
}

/// Appends `number` as sixteen hexadecimal digits.
pub fn hex(number: u64, out: &mut Vec<u8>) {
    out.extend(
        (0..16).rev().map(|digit| b"0123456789abcdef"[(number >> (4 * digit)) as usize & 15]),
    );
}

/// Reads what [`hex`] wrote; `None` if `digits` are not sixteen of those.
#[must_use]
pub fn unhex(digits: &[u8]) -> Option<u64> {
    let digits = <&[u8; 16]>::try_from(digits).ok()?;
    digits.iter().try_fold(0, |number, digit| {
        Some(number << 4 | u64::from(char::from(*digit).to_digit(16)?))
    })
}
