#![no_main]

#[path = "../checks.rs"]
#[expect(dead_code, reason = "each target is for one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::cookies(data));
