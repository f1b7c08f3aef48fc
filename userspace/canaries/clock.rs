//! Polls the clock for a time that never comes; the argument selects the call.
#![no_std]
#![no_main]

use ulib::abi::time::CLOCK_MONOTONIC;
use ulib::time::{clock, milliseconds, nanoseconds};
use ulib::{Args, check, process};

ulib::program!(main);

fn main(args: &Args) -> i32 {
    match args.get(1) {
        Some(b"milliseconds") => wait(milliseconds, || ()),
        Some(b"nanoseconds") => wait(monotonic, || ()),
        Some(b"yielding") => wait(milliseconds, process::yield_now),
        _ => 100,
    }
}

fn monotonic() -> u64 {
    nanoseconds(check::ok("clock_gettime", clock(CLOCK_MONOTONIC))).unsigned_abs()
}

fn wait(now: impl Fn() -> u64, pause: impl Fn()) -> i32 {
    while now() < u64::MAX {
        pause();
    }
    0
}
