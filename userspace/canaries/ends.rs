//! Ends as its arguments say: `exit CODE`, or with a fault: `store` to an unmapped address, `illegal`
//! instruction, `breakpoint`.
#![no_std]
#![no_main]

use ulib::{Args, arch, eprintln};

ulib::program!(main);

/// An address that is never mapped.
const NOWHERE: usize = 8;

fn main(args: &Args) -> i32 {
    match args.get(1) {
        Some(b"exit") => return code(args.get(2).unwrap_or_default()),
        // SAFETY: the fault is intended.
        Some(b"store") => unsafe { arch::store_byte(NOWHERE) },
        Some(b"illegal") => arch::illegal_instruction(),
        Some(b"breakpoint") => arch::breakpoint(),
        _ => {}
    }
    eprintln!("still there after {:?}", args.get(1));
    100
}

/// Parses a decimal number; 100 if it is invalid.
fn code(text: &[u8]) -> i32 {
    core::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}
