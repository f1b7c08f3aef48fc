//! `/proc/trace/events` lists all event types.
//!
//! Checks: every line is `0xTTTT NAME - text`; no type and no name occurs twice; the event types that readers
//! rely on are listed.
#![no_std]
#![no_main]

mod text;

use ulib::{Args, check};

ulib::test!(main);

const KNOWN: [(&str, &str); 17] = [
    ("CTX_SWITCH_ENTRY", "0x0001"),
    ("CTX_SWITCH_EXIT", "0x0002"),
    ("IRQ_ENTRY", "0x0100"),
    ("IRQ_EXIT", "0x0101"),
    ("TIMER_TICK", "0x0102"),
    ("SCHED_PICK", "0x0200"),
    ("SYSCALL_ENTRY", "0x0300"),
    ("SYSCALL_EXIT", "0x0301"),
    ("PAGE_FAULT", "0x0400"),
    ("LOCK_ACQUIRE", "0x0500"),
    ("LOCK_RELEASE", "0x0501"),
    ("LOCK_CONTEND", "0x0502"),
    ("PROCESS_START", "0x0600"),
    ("PROCESS_EXEC", "0x0601"),
    ("PROCESS_END", "0x0602"),
    ("BLOCK_START", "0x0700"),
    ("BLOCK_END", "0x0701"),
];

fn main(_: &Args) {
    let events = text::read(c"/proc/trace/events");
    for line in events.lines() {
        let (kind, name, what) = parts(line);
        check::equal(format_args!("length of the type in {line:?}"), kind.len(), "0xTTTT".len());
        text::number(kind);
        check::equal("letters of a name", name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'_')), true);
        check::at_least("length of a text", what.len(), 1);
        let twice = events.lines().filter(|other| parts(other).0 == kind || parts(other).1 == name).count();
        check::equal(format_args!("lines with type or name of {line:?}"), twice, 1);
    }
    for (name, kind) in KNOWN {
        let found = events.lines().map(parts).find(|(_, found, _)| *found == name).map(|(kind, _, _)| kind);
        check::equal(format_args!("type of {name}"), found, Some(kind));
    }
}

#[track_caller]
fn parts(line: &str) -> (&str, &str, &str) {
    let parts = line.split_once(" - ").and_then(|(head, what)| Some((head.split_once(' ')?, what)));
    match parts {
        Some(((kind, name), what)) => (kind, name, what),
        None => check::fail("line", "0xTTTT NAME - text", line),
    }
}
