//! `/proc/uptime` reports the time since boot and the idle time.
//!
//! Checks: two times with two decimals; the first agrees with `get_time`, the second is not larger; both
//! never decrease; work between waits for the disk does not count as idle.
#![no_std]
#![no_main]

mod text;

use ulib::abi::fs::O_RDONLY;
use ulib::{Args, check, fs, io, time};

ulib::test!(main);

fn main(_: &Args) {
    let mut last = (0, 0);
    for _ in 0..20 {
        let before = time::milliseconds() / 10;
        let (up, idle) = read();
        let after = time::milliseconds() / 10;
        check::at_least("time up in hundredths", up, before);
        check::at_least("time now in hundredths", after, up);
        check::at_least("time up", up, idle);
        check::at_least("time up after the last", up, last.0);
        check::at_least("idle time after the last", idle, last.1);
        last = (up, idle);
    }
    work_is_not_idle();
}

/// Programs that were not read before are read from the disk, with work in between.
fn work_is_not_idle() {
    const WORK_MS: u64 = 50;
    let (before, mut worked) = (read(), 0);
    for path in [c"/bin/sh", c"/bin/ls", c"/bin/wc", c"/bin/cat", c"/bin/head", c"/bin/tail", c"/bin/echo"] {
        let fd = check::ok("open", fs::open(path, O_RDONLY, 0));
        check::ok("read", io::read_full(fd, &mut [0; 4096]));
        check::ok("close", io::close(fd));
        let start = time::milliseconds();
        while time::milliseconds() < start + WORK_MS {}
        worked += time::milliseconds() - start;
    }
    let after = read();
    // Each of the four times is rounded down to hundredths.
    let (up, idle) = (after.0 - before.0 + 2, after.1 - before.1);
    check::at_least("time up: idle time and work in hundredths", up, idle + worked / 10);
}

/// Both times in hundredths of a second.
fn read() -> (u64, u64) {
    let text = text::read(c"/proc/uptime");
    let mut times = text.trim_end().split(' ').map(|time| match time.split_once('.') {
        Some((seconds, hundredths)) if hundredths.len() == 2 => {
            100 * text::number(seconds) + text::number(hundredths)
        }
        _ => check::fail("time", "seconds.hundredths", time),
    });
    match (times.next(), times.next(), times.next()) {
        (Some(up), Some(idle), None) => (up, idle),
        _ => check::fail("content", "two times", text),
    }
}
