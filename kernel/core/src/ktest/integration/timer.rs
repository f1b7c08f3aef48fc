//! The timer: counter, ticks, timeouts, real-time clock and preemption.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use parity_arch::{rtc, timer};

use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ended, ensure, spawn, tests};
use crate::thread::scheduler::idle_counts;
use crate::time::{of_counts, since_boot, since_boot_ms, since_epoch, tick};

/// Ticks during which the clock is observed.
const WINDOW: u64 = 5;
/// Ticks during which the timer is observed.
const WATCHED: u64 = 50;
/// Number of work periods between waits, and their length in timer periods.
const TURNS: u64 = 5;
const WORK: u64 = 10;
const HOUR: i64 = 3600; // seconds
/// 2020-01-01 and 2100-01-01, seconds since 1970.
const YEARS: core::ops::Range<i64> = 1_577_836_800..4_102_444_800;

/// Times after the boot at which the clock must be correct: a minute, five, an hour, a day, a year, in
/// seconds.
const AGES: [u64; 5] = [60, 300, 3600, 24 * 3600, 365 * 24 * 3600];

tests! { "boot_tests", "timer": clock, tick_rate, delay, idle, calendar, preempts }

/// The kernel's clock advances, never goes back, and agrees with the counter.
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
    for seconds in AGES {
        let counts = timer::frequency() * seconds + timer::frequency() / 4 * 3;
        let time = of_counts(counts);
        let three_quarters = (749_999_990..=750_000_000).contains(&time.nanoseconds);
        ensure!(
            time.seconds.cast_unsigned() == seconds && three_quarters,
            "{counts} counts are {time:?} instead of {seconds} s and three quarters"
        );
    }
    Ok(format!("{frequency} Hz"))
}

/// The timer has the requested rate, and each tick counts once. The host decides when a tick is handled, so
/// distances between ticks prove nothing, but the timer's own counter does. Among many readings, one sees
/// most of a period, and among many ticks, one is seen before the next.
fn tick_rate(fixture: &mut Fixture) -> Outcome {
    let period = timer::frequency() / u64::from(fixture.tick_hz);
    let (mut longest, mut smallest) = (0, u64::MAX);
    for _ in 0..WATCHED {
        let before = tick::now();
        while tick::now() == before {
            longest = longest.max(timer::remaining());
        }
        smallest = smallest.min(tick::now() - before);
    }
    // The frequencies are integers, so one count may be missing.
    let fits = period / 2..=period + 1;
    ensure!(fits.contains(&longest), "up to {longest} counts are left to a tick, a period is {period}");
    ensure!(smallest == 1, "every tick counts as {smallest}");
    Ok(format!("{} Hz", fixture.tick_hz))
}

/// A wait ends at the right time: at once, after an event, or at its timeout.
fn delay(_: &mut Fixture) -> Outcome {
    let mut looks = 0;
    let already = || {
        looks += 1;
        true
    };
    ensure!(tick::wait_until(PATIENCE, already), "a condition that was already true was not seen");
    ensure!(looks == 1, "a condition that was already true was checked {looks} times");
    let start = tick::now();
    ensure!(!tick::wait_until(10, || false), "a condition that is never true was seen");
    let waited = tick::now() - start;
    ensure!(waited >= 10, "10 ticks were over after {waited}");
    let start = tick::now();
    ensure!(tick::wait_until(PATIENCE, || tick::now() >= start + 3), "3 ticks do not come in {PATIENCE}");
    Ok(String::new())
}

/// Only waiting counts as idle, not the work of a thread that an interrupt woke from the wait.
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

/// With a real-time clock the kernel knows the date; without one, time starts in 1970.
fn calendar(_: &mut Fixture) -> Outcome {
    let (before, known, after) = (since_epoch().seconds, rtc::unix_seconds(), since_epoch().seconds);
    let Some(known) = known.map(u64::cast_signed) else {
        let since_boot = since_boot().seconds;
        ensure!(before <= since_boot, "without a calendar clock it is {before} s after 1970");
        return Ok("no calendar clock".into());
    };
    ensure!(YEARS.contains(&known), "the clock says {known} s after 1970");
    // The kernel read it at boot. It continues while the host suspends the guest, and the host may adjust it.
    let fits = before - HOUR..=after + HOUR;
    ensure!(fits.contains(&known), "the kernel says {before} s to {after} s, the clock {known} s");
    Ok(format!("{known} s after 1970"))
}

/// A thread that never yields does not keep others from running.
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
