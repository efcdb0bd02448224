#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| picard_properties::named("query_language")(bytes));
