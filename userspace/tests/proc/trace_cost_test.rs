//! What tracing costs a system call: says how long many take with tracing on, and off (`doit bench:tracing`).
//!
//! Checks: while it is on, every call is counted; while it is off, or the kernel is one without it, none is.
#![no_std]
#![no_main]

mod text;

use core::ffi::CStr;

use ulib::abi::time::CLOCK_MONOTONIC;
use ulib::{Args, check, println, process, time};

ulib::test!(main);

const ENABLE: &CStr = c"/proc/trace/enable";
const CALLS: u64 = 10_000;

fn main(_: &Args) {
    for wanted in ["0\n", "1\n"] {
        check::equal("write", text::write(ENABLE, wanted), Ok(wanted.len()));
        let enabled = text::read(ENABLE);
        let before = counted();
        let nanoseconds = calls();
        let counted = counted() - before;
        let on = enabled == "1\n";
        println!("{CALLS} calls with tracing {}: {nanoseconds} ns", if on { "on" } else { "off" });
        if on {
            check::at_least("calls counted", counted, CALLS);
        } else {
            check::equal("calls counted", counted, 0);
        }
    }
}

fn calls() -> i64 {
    let begin = check::ok("time", time::clock(CLOCK_MONOTONIC));
    for _ in 0..CALLS {
        let _ = process::pid();
    }
    time::nanoseconds(check::ok("time", time::clock(CLOCK_MONOTONIC))) - time::nanoseconds(begin)
}

fn counted() -> u64 {
    let line = text::value(text::read(c"/proc/trace/counters"), "SYSCALL_TOTAL: ");
    text::number(line.split(' ').next().unwrap_or_default())
}
