//! The timer: the counter, the ticks, waiting for them, the calendar, and preemption.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use parity_arch::{rtc, timer};

use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ended, ensure, spawn, tests};
use crate::thread::scheduler::idle_counts;
use crate::time::{since_boot, since_boot_ms, since_epoch, tick};

/// Ticks that are measured together, and how often.
const WINDOW: u64 = 5;
const WINDOWS: u64 = 20;
/// Times of work between waits, and how long each is, in periods of the timer.
const TURNS: u64 = 5;
const WORK: u64 = 10;
/// 2020-01-01 and 2100-01-01, seconds since 1970.
const YEARS: core::ops::Range<i64> = 1_577_836_800..4_102_444_800;

tests! { "boot_tests", "timer": clock, tick_rate, delay, idle, calendar, preempts }

/// The kernel's clock goes on, never back, and as fast as the counter.
fn clock(_: &mut Fixture) -> Outcome {
    let nanoseconds = || {
        let now = since_boot();
        now.seconds * 1_000_000_000 + now.nanoseconds
    };
    let frequency = i128::from(timer::frequency());
    ensure!(
        (1_000_000..=10_000_000_000).contains(&frequency),
        "the counter counts {frequency} times a second"
    );
    let mut last = (timer::now(), nanoseconds());
    for read in 0..10_000 {
        let now = (timer::now(), nanoseconds());
        ensure!(now.0 >= last.0 && now.1 >= last.1, "counter and clock read {now:?} after {last:?} ({read})");
        last = now;
    }
    let outer = timer::now();
    let start = nanoseconds();
    let inner = timer::now();
    tick::sleep(WINDOW);
    let inner = timer::now() - inner;
    let end = nanoseconds();
    let outer = timer::now() - outer;
    let counted = |counts: u64| i128::from(counts) * 1_000_000_000 / frequency;
    let passed = i128::from(end - start);
    let bounds = counted(inner) - 1..=counted(outer) + 1;
    ensure!(bounds.contains(&passed), "{passed} ns passed, and by the counter {bounds:?}");
    for _ in 0..100 {
        let (before, milliseconds, after) = (nanoseconds(), since_boot_ms().cast_signed(), nanoseconds());
        let bounds = before / 1_000_000..=after / 1_000_000;
        ensure!(bounds.contains(&milliseconds), "{milliseconds} ms since the boot instead of {bounds:?}");
    }
    Ok(format!("{frequency} Hz"))
}

/// Ticks never come faster than they should; how much slower is for the host to say, which need not let the machine
/// run: at its best it is not far off.
fn tick_rate(fixture: &mut Fixture) -> Outcome {
    let period = timer::frequency() / u64::from(fixture.tick_hz);
    let mut best = u64::MAX;
    for _ in 0..WINDOWS {
        let start = timer::now();
        tick::sleep(WINDOW);
        let took = timer::now() - start;
        ensure!(took >= (WINDOW - 1) * period, "{WINDOW} ticks took {took} counts, a period is {period}");
        best = best.min(took);
    }
    let limit = 3 * WINDOW * period;
    ensure!(best <= limit, "{WINDOW} ticks took {best} counts at best, a period is {period}");
    Ok(format!("{} Hz", fixture.tick_hz))
}

/// Waiting ends when it should: at once, when something has happened, and when the time is over.
fn delay(_: &mut Fixture) -> Outcome {
    let start = tick::now();
    ensure!(tick::wait_until(PATIENCE, || true), "what is so already was waited for in vain");
    ensure!(tick::now() - start < PATIENCE, "what is so already was waited for");
    let start = tick::now();
    ensure!(!tick::wait_until(10, || false), "what never is so has been seen");
    let waited = tick::now() - start;
    ensure!(waited >= 10, "10 ticks were over after {waited}");
    let start = tick::now();
    ensure!(tick::wait_until(PATIENCE, || tick::now() >= start + 3), "3 ticks do not come in {PATIENCE}");
    Ok(String::new())
}

/// Only waiting for something to do is idle, not the work of a thread that an interrupt woke from its wait.
fn idle(fixture: &mut Fixture) -> Outcome {
    let period = timer::frequency() / u64::from(fixture.tick_hz);
    let (start, idle_before, mut worked) = (timer::now(), idle_counts(), 0);
    for _ in 0..TURNS {
        tick::sleep(2);
        let woken = timer::now();
        while timer::now() - woken < WORK * period {
            core::hint::spin_loop();
        }
        worked += timer::now() - woken;
    }
    tick::sleep(2);
    let (idle, passed) = (idle_counts() - idle_before, timer::now() - start);
    ensure!(idle > 0, "the processor was never idle");
    ensure!(idle + worked <= passed, "{idle} counts idle and {worked} of work in {passed}");
    Ok(format!("{idle} counts idle and {worked} of work in {passed}"))
}

/// A machine with a calendar clock knows today's date; one without counts from 1970.
fn calendar(_: &mut Fixture) -> Outcome {
    let (before, known, after) = (since_epoch().seconds, rtc::unix_seconds(), since_epoch().seconds);
    let Some(known) = known.map(u64::cast_signed) else {
        let since_boot = since_boot().seconds;
        ensure!(before <= since_boot, "without a calendar clock it is {before} s after 1970");
        return Ok("no calendar clock".into());
    };
    ensure!(YEARS.contains(&known), "the clock says {known} s after 1970");
    // The kernel read it at the boot, anywhere in a second.
    ensure!(known - 2 <= before && after <= known + 2, "the kernel says {before} s, the clock {known} s");
    Ok(format!("{known} s after 1970"))
}

/// A thread that never gives the processor away does not keep the others from it.
fn preempts(_: &mut Fixture) -> Outcome {
    let (running, release) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (runs, released) = (running.clone(), release.clone());
    let spinner = spawn("spinner", move || {
        runs.store(true, Ordering::Relaxed);
        while !released.load(Ordering::Relaxed) {
            core::hint::spin_loop();
        }
        0
    })?;
    let seen = tick::wait_until(PATIENCE, || running.load(Ordering::Relaxed));
    let other = spawn("other", || 0)?;
    let other_ran = ended(&other);
    release.store(true, Ordering::Relaxed);
    ensure!(seen, "the first thread did not start");
    ensure!(other_ran, "the second thread never ran beside the first one");
    ensure!(ended(&spinner), "the first thread did not end");
    Ok(String::new())
}
