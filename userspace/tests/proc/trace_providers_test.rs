//! `/proc/trace/providers` lists the providers of events.
//!
//! Checks: every line is `name: id=0xNN enabled=0x` and 16 digits; the providers have their numbers; those of
//! system calls, scheduler and interrupts are enabled, with a bit for every probe.
#![no_std]
#![no_main]

mod text;

use ulib::{Args, check};

ulib::test!(main);

const PROVIDERS: [(&str, &str, u64); 7] = [
    ("sched", "0x00", 0b111),
    ("irq", "0x01", 0b111),
    ("syscall", "0x03", 0b11),
    ("mm", "0x04", 0b1),
    ("lock", "0x05", 0b100),
    ("process", "0x06", 0b111),
    ("block", "0x07", 0b11),
];

fn main(_: &Args) {
    let text = text::read(c"/proc/trace/providers");
    check::equal("lines", text.lines().count(), PROVIDERS.len());
    for (name, id, mask) in PROVIDERS {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": id="));
        let Some((found, enabled)) = line.and_then(|line| line.split_once(" enabled=")) else {
            check::fail("line", format_args!("{name}: id=0xNN enabled=0x…"), text)
        };
        check::equal(format_args!("number of {name}"), found, id);
        check::equal(format_args!("digits of {name}"), enabled.len(), "0x".len() + 16);
        check::equal(format_args!("probes of {name} that are on"), text::number(enabled), mask);
    }
}
