//! The monotonic clock advances, with a fine resolution.
//!
//! Checks: times never decrease; nanoseconds stay below a second; the smallest observed step is above 0 and
//! below a millisecond; not all times are whole milliseconds; the clock agrees with `get_time`, also after a
//! wait and in a child; unknown clocks give EINVAL; bad addresses give EFAULT. The real-time clock is after
//! 2020 and advances exactly like the monotonic one. There are no upper bounds on elapsed time, because the
//! host may be slow.
#![no_std]
#![no_main]

use ulib::abi::syscall::CLOCK_GETTIME;
use ulib::abi::time::{CLOCK_MONOTONIC, CLOCK_REALTIME, NSEC_PER_SEC};
use ulib::arch::KERNEL_ADDRESS;
use ulib::child::Child;
use ulib::time::{clock, milliseconds, nanoseconds};
use ulib::{Args, Errno, check};

ulib::test!(main);

const NSEC_PER_MSEC: i64 = 1_000_000;
const YEAR_NS: i64 = 365 * 24 * 3600 * NSEC_PER_SEC;
const SAMPLES: usize = 20_000;

fn main(_: &Args) {
    steps();
    agrees_with_get_time();
    goes_on_in_a_child();
    calendar();
    wrong_arguments();
}

/// Both clocks advance at the same rate, from different origins.
fn calendar() {
    let calendar_now = || nanoseconds(check::ok("clock_gettime", clock(CLOCK_REALTIME)));
    let (before, first, after) = (now(), calendar_now(), now());
    check::at_least("nanoseconds since 1970", first, 50 * YEAR_NS);
    for _ in 0..1000 {
        let (inner_before, later, inner_after) = (now(), calendar_now(), now());
        check::at_least("time of the calendar that has passed", later - first, inner_before - after);
        check::at_least("time that has passed", inner_after - before, later - first);
        let time = check::ok("clock_gettime", clock(CLOCK_REALTIME));
        check::less("nanoseconds", time.nanoseconds, NSEC_PER_SEC);
        check::at_least("nanoseconds", time.nanoseconds, 0);
    }
}

/// The monotonic clock in nanoseconds.
#[track_caller]
fn now() -> i64 {
    let time = check::ok("clock_gettime", clock(CLOCK_MONOTONIC));
    check::at_least("seconds", time.seconds, 0);
    check::at_least("nanoseconds", time.nanoseconds, 0);
    check::less("nanoseconds", time.nanoseconds, NSEC_PER_SEC);
    nanoseconds(time)
}

fn steps() {
    let mut last = now();
    let (mut smallest, mut between_milliseconds) = (i64::MAX, 0);
    for _ in 0..SAMPLES {
        let time = now();
        check::at_least("time after the last", time, last);
        if time > last {
            smallest = smallest.min(time - last);
        }
        between_milliseconds += usize::from(time % NSEC_PER_MSEC != 0);
        last = time;
    }
    check::less("smallest step in nanoseconds", smallest, NSEC_PER_MSEC);
    check::at_least("smallest step in nanoseconds", smallest, 1);
    check::at_least("times between whole milliseconds", between_milliseconds, 1);
}

/// A time of the clock is between the milliseconds read before and after it.
#[track_caller]
fn agrees() -> i64 {
    let before = milliseconds();
    let time = now();
    let after = milliseconds();
    let milliseconds = (time / NSEC_PER_MSEC).cast_unsigned();
    check::at_least("clock_gettime after get_time", milliseconds, before);
    check::at_least("get_time after clock_gettime", after, milliseconds);
    time
}

fn agrees_with_get_time() {
    const WAIT_MS: u64 = 20;
    for _ in 0..100 {
        agrees();
    }
    let (start, start_ms) = (agrees(), milliseconds());
    while milliseconds() - start_ms < WAIT_MS {}
    // The wait began after `start`, at a whole millisecond or up to one after it.
    check::at_least(
        "clock_gettime after a wait",
        agrees() - start,
        (WAIT_MS - 1).cast_signed() * NSEC_PER_MSEC,
    );
}

fn goes_on_in_a_child() {
    let before = now();
    let child = Child::start(|| {
        check::at_least("time in a child", agrees(), before);
        0
    });
    child.exits("child that reads the clock", 0);
    check::at_least("time after a child", now(), before);
}

fn wrong_arguments() {
    for unknown in [99, 1000, u32::MAX] {
        check::error(format_args!("clock {unknown}"), clock(unknown), Errno::EINVAL);
    }
    for address in [0, 8, KERNEL_ADDRESS, usize::MAX - 7, main as fn(&Args) as usize] {
        // SAFETY: the kernel must refuse the address.
        let answer = unsafe { ulib::call(CLOCK_GETTIME, [CLOCK_MONOTONIC.into(), address as u64]) };
        check::error(format_args!("clock_gettime to {address:#x}"), answer, Errno::EFAULT);
    }
}
