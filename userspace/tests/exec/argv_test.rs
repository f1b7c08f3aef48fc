//! A program receives its arguments on the stack.
//!
//! Without arguments, `argv_test` expects to have been started as `/bin/argv_test`. Otherwise the first
//! argument is the expectation: `--fnv1a=HEX ARGUMENT...`, where HEX are the 16 digits of
//! [`ulib::hash::fnv1a`] over the program's name and all arguments except the first.
//!
//! Checks in both cases: the stack pointer is aligned to 16 bytes; the count is 1 to 100; as many non-null
//! pointers follow, and a null pointer after them; the strings are above that on the stack and do not
//! overlap; zero-initialised data is zero. Then the arguments themselves.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use ulib::abi::limits::USER_STACK_BYTES;
use ulib::{Args, check, hash};

ulib::test!(main);

const STACK_ALIGN: usize = 16;

fn main(args: &Args) {
    layout(args);
    static ZEROED: AtomicU32 = AtomicU32::new(0);
    check::equal("zeroed memory", ZEROED.swap(1, Relaxed), 0);
    match args.get(1) {
        None => {
            check::equal("number of arguments", args.count(), 1);
            check::bytes("the program's name", args.get(0).unwrap_or_default(), b"/bin/argv_test");
        }
        Some(first) => {
            let found = hash::fnv1a(args.iter().enumerate().filter(|(i, _)| *i != 1).map(|(_, text)| text));
            let expected = first.strip_prefix(b"--fnv1a=").and_then(|digits| str::from_utf8(digits).ok());
            let expected = expected.and_then(|digits| u64::from_str_radix(digits, 16).ok());
            check::equal("digest of the arguments", Some(found), expected);
        }
    }
}

fn layout(args: &Args) {
    check::equal("alignment of the stack pointer", args.address() % STACK_ALIGN, 0);
    check::at_least("number of arguments", args.count(), 1);
    check::less("number of arguments", args.count(), 101);
    let pointers = args.pointers();
    check::equal("pointer after the last", pointers[args.count()].is_null(), true);
    let mut free = args.address() + (1 + pointers.len()) * size_of::<usize>();
    let stack_end = args.address().next_multiple_of(USER_STACK_BYTES);
    // In ascending order of addresses, which may differ from the order of the arguments.
    for _ in 0..args.count() {
        let above = (0..args.count()).filter(|i| pointers[*i].addr() >= free);
        let Some(next) = above.min_by_key(|i| pointers[*i].addr()) else {
            check::fail(
                "strings",
                "each in a place of its own above the pointers",
                format_args!("{pointers:?}"),
            );
        };
        let bytes = args.get(next).unwrap_or_default().len() + 1;
        free = pointers[next].addr() + bytes;
        check::at_least("end of the stack", stack_end, free);
    }
}
