//! `/proc/meminfo` reports the amount of memory.
//!
//! Checks: the two lines; less memory is free than exists; memory allocated by this program is not free.
#![no_std]
#![no_main]

mod text;

use ulib::{Args, check, memory};

ulib::test!(main);

const TAKEN: usize = 4 * 1024 * 1024;

fn main(_: &Args) {
    let (total, before) = read();
    check::less("free", before, total);
    check::ok("memory", memory::leak(TAKEN)).fill(1);
    let (same, after) = read();
    check::equal("total", same, total);
    check::at_least("taken", before - after, TAKEN as u64 / 1024);
}

fn read() -> (u64, u64) {
    let text = text::read(c"/proc/meminfo");
    check::equal("lines", text.lines().count(), 2);
    let kib =
        |start| text::number(text::value(text, start).trim_start().strip_suffix(" kB").unwrap_or_default());
    (kib("MemTotal:"), kib("MemFree:"))
}
