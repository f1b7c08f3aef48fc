//! `/proc/trace/buffer` shows the events.
//!
//! Checks: a header; for each processor its number of events and as many lines `cpu idx ts 0xTTTT NAME
//! payload`; consecutive indices, timestamps that never decrease; types and names as in `events`; the calls
//! of this program, in order, with their numbers and results, including an address.
#![no_std]
#![no_main]

mod text;

use ulib::abi::memory::{MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ};
use ulib::abi::syscall::{ACCESS, GET_TIME, GETPID, MMAP, YIELD};
use ulib::{Args, Errno, check, fs, process, time};

ulib::test!(main);

/// One line.
#[derive(Clone, Copy)]
struct Event {
    cpu: u64,
    index: u64,
    timestamp: u64,
    name: &'static str,
    payload: u64,
}

fn main(_: &Args) {
    let pid = process::pid();
    process::yield_now();
    check::at_least("time", time::milliseconds(), 0);
    let flags = MAP_PRIVATE | MAP_ANONYMOUS;
    // SAFETY: memory that nothing else uses.
    let address = unsafe { ulib::call(MMAP, [0, 4096, PROT_READ.into(), flags.into(), u64::MAX, 0]) };
    check::at_least("address", check::ok("mmap", address), 1 << 31);
    check::error("access", fs::access(c"/no_such_file", 0), Errno::ENOENT);
    check::equal("tracing off", text::write(c"/proc/trace/enable", "0"), Ok(1));
    let buffer = text::read(c"/proc/trace/buffer");
    let kinds = text::read(c"/proc/trace/events");
    let (mut last, mut announced, mut seen) = (None::<Event>, 0, 0);
    for (number, line) in buffer.lines().enumerate() {
        if number == 0 {
            check::equal("header", line.starts_with("# "), true);
        } else if let Some(head) = line.strip_prefix("# CPU ") {
            check::equal("events of the processor before", seen, announced);
            announced = text::number(head.split(['(', ' ']).nth(2).unwrap_or_default());
            (last, seen) = (None, 0);
        } else {
            let event = parse(line, kinds);
            if let Some(last) = last {
                check::equal("processor", event.cpu, last.cpu);
                check::equal("number", event.index, last.index + 1);
                check::at_least("timestamp", event.timestamp, last.timestamp);
            }
            (last, seen) = (Some(event), seen + 1);
        }
    }
    check::equal("events of the last processor", seen, announced);
    check::at_least("events", announced, 6);
    own_calls(buffer, kinds, pid as u64);
}

#[track_caller]
fn parse(line: &'static str, kinds: &str) -> Event {
    let mut words = line.split(' ');
    let mut next = || match words.next() {
        Some(word) => word,
        None => check::fail("line", "cpu idx ts 0xTTTT NAME payload", line),
    };
    let (cpu, index, timestamp) = (text::number(next()), text::number(next()), text::number(next()));
    let (kind, name, payload) = (next(), next(), text::number(next()));
    let listed = kinds.lines().any(|line| {
        line.strip_prefix(kind)
            .and_then(|rest| rest.strip_prefix(' ')?.strip_prefix(name)?.strip_prefix(" - "))
            .is_some()
    });
    check::equal(format_args!("{kind} {name} among the events"), listed, true);
    check::equal("rest of the line", words.next(), None);
    Event { cpu, index, timestamp, name, payload }
}

/// getpid with its result, yield, get_time, close with its error: in that order among the traced calls.
fn own_calls(buffer: &'static str, kinds: &str, pid: u64) {
    let events = buffer.lines().filter(|line| !line.starts_with('#')).map(|line| parse(line, kinds));
    let mut calls = events.filter(|event| event.name.starts_with("SYSCALL_"));
    let mut after = |name, payload| {
        if !calls.any(|event| event.name == name && payload == event.payload) {
            check::fail("calls of this program", format_args!("{name} {payload}"), "none in that order");
        }
        check::equal("found", true, true);
    };
    after("SYSCALL_ENTRY", GETPID);
    after("SYSCALL_EXIT", pid);
    after("SYSCALL_ENTRY", YIELD);
    after("SYSCALL_EXIT", 0);
    after("SYSCALL_ENTRY", GET_TIME);
    after("SYSCALL_ENTRY", MMAP);
    // Too large for an event's payload, but not an error.
    after("SYSCALL_EXIT", i32::MAX as u64);
    after("SYSCALL_ENTRY", ACCESS);
    after("SYSCALL_EXIT", u64::from((-i32::from(Errno::ENOENT.number())).cast_unsigned()));
}
