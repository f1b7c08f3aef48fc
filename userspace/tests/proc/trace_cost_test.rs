//! The cost of tracing a system call: prints the time of many calls with tracing on and off (`doit
//! bench:tracing`).
//!
//! Checks: while tracing is on, every call is counted; while it is off, none is. On a kernel without tracing
//! it only prints.
#![no_std]
#![no_main]

mod text;

use core::ffi::CStr;

use ulib::abi::fs::R_OK;
use ulib::abi::time::CLOCK_MONOTONIC;
use ulib::{Args, Errno, check, fs, println, process, time};

ulib::test!(main);

const ENABLE: &CStr = c"/proc/trace/enable";
const CALLS: u64 = 10_000;

fn main(_: &Args) {
    if fs::access(ENABLE, R_OK) == Err(Errno::ENOENT) {
        println!("{CALLS} calls with tracing compiled out: {} ns", calls());
        return;
    }
    for (wanted, name) in [("0\n", "off"), ("1\n", "on")] {
        check::equal("write", text::write(ENABLE, wanted), Ok(wanted.len()));
        check::equal("enabled", text::read(ENABLE), wanted);
        let before = counted();
        println!("{CALLS} calls with tracing {name}: {} ns", calls());
        let counted = counted() - before;
        if name == "on" {
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
