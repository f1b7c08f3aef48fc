//! Ends as its arguments say: `exit CODE`, or by what a program is killed for: `store` to where nothing is,
//! `illegal` instruction, `breakpoint`.
#![no_std]
#![no_main]

use ulib::{Args, arch, eprintln};

ulib::program!(main);

/// Nothing is ever mapped there.
const NOWHERE: usize = 8;

fn main(args: &Args) -> i32 {
    match args.get(1) {
        Some(b"exit") => return code(args.get(2).unwrap_or_default()),
        // SAFETY: the program means to be killed.
        Some(b"store") => unsafe { arch::store_byte(NOWHERE) },
        Some(b"illegal") => arch::illegal_instruction(),
        Some(b"breakpoint") => arch::breakpoint(),
        _ => {}
    }
    eprintln!("still there after {:?}", args.get(1));
    100
}

/// The number in decimal; 100 for what is none.
fn code(text: &[u8]) -> i32 {
    core::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}
