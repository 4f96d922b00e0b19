//! See `fuzz::chunks`.
#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| fuzz::chunks(input));
