//! `/proc/trace/counters` shows the counters.
//!
//! Checks: the number of counters and the format of the lines; a total is the sum over the processors; every
//! counter is above 0 by now; system calls are counted exactly; ticks advance, however late the host lets the
//! next one arrive, and each is an interrupt.
#![no_std]
#![no_main]

mod text;

use core::ffi::CStr;

use ulib::abi::fs::O_RDONLY;
use ulib::{Args, check, fs, io, process};

ulib::test!(main);

const COUNTERS: &CStr = c"/proc/trace/counters";
const NAMES: [&str; 4] = ["SYSCALL_TOTAL", "IRQ_TOTAL", "CTX_SWITCH_TOTAL", "TIMER_TICK_TOTAL"];
const CALLS: u64 = 100;

fn main(_: &Args) {
    let first = text::read(COUNTERS);
    check::equal("first line", first.lines().next(), Some("# 4 registered counters"));
    check::equal("lines", first.lines().count(), 1 + NAMES.len());
    while now("TIMER_TICK_TOTAL") == total(first, "TIMER_TICK_TOTAL") {}
    let second = text::read(COUNTERS);
    for name in NAMES {
        check::at_least(name, total(second, name), 1);
    }
    for name in ["IRQ_TOTAL", "TIMER_TICK_TOTAL"] {
        check::less(format_args!("{name} before"), total(first, name), total(second, name));
    }
    // A tick may arrive between the two values of one reading.
    check::at_least("interrupts", now("IRQ_TOTAL"), total(second, "TIMER_TICK_TOTAL"));
    calls();
}

/// Counts the calls between two opens of the file: no other program runs.
fn calls() {
    let first = now("SYSCALL_TOTAL");
    for _ in 0..CALLS {
        check::equal("pid", process::pid(), 1);
    }
    check::equal("read, close, the calls, open", now("SYSCALL_TOTAL") - first, CALLS + 3);
}

/// A counter's total, by an open, a read and a close of the file.
fn now(name: &str) -> u64 {
    let mut buffer = [0; 1024];
    let fd = check::ok("open", fs::open(COUNTERS, O_RDONLY, 0));
    let count = check::ok("read", io::read(fd, &mut buffer));
    check::ok("close", io::close(fd));
    let text = core::str::from_utf8(&buffer[..count]).unwrap_or_default();
    total(text, name)
}

#[track_caller]
fn total(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let parts = line.and_then(|line| line.strip_suffix(')')?.split_once(" ("));
    let Some((total, parts)) = parts else { check::fail("lines", format_args!("{name}: n (…)"), text) };
    let mut sum = 0;
    for part in parts.split(", ") {
        match part.strip_prefix("cpu").and_then(|part| part.split_once('=')) {
            Some((cpu, value)) => {
                text::number(cpu);
                sum += text::number(value);
            }
            None => check::fail("part", "cpuN=value", part),
        }
    }
    check::equal(format_args!("sum of {name}"), sum, text::number(total));
    sum
}
