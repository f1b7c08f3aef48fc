//! `/proc/uptime` says how long the kernel runs and how long it had nothing to do.
//!
//! Checks: two times with two decimals; the first agrees with `get_time`, the second is no longer; both never
//! go back.
#![no_std]
#![no_main]

mod text;

use ulib::{Args, check, time};

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
