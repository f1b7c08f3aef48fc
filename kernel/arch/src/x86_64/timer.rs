//! The periodic tick, from the local APIC's timer, and the clock, the time stamp counter. The CPU does not
//! report their frequencies; they are measured against the PIT, whose frequency is the same on every PC.

use core::arch::x86_64::{_mm_lfence, _rdtsc};
use core::sync::atomic::{AtomicU64, Ordering};

use parity_inventory::inventory;
use x86_64::instructions::port::Port;

use super::intc::{self, Local, MASKED, TIMER_VECTOR};

inventory!("driver", "timer: local timer, time stamp counter");

/// Number of the tick's interrupt: its vector, because the local timer has no line at the I/O APIC.
pub const IRQ: u32 = TIMER_VECTOR as u32;

/// Frequency of the PIT in Hz.
const INTERVAL_HZ: u64 = 1_193_182;
/// Length of a measurement: 10 ms.
const MEASURED_COUNTS: u16 = (INTERVAL_HZ / 100) as u16;
/// Maximum number of measurements: one fails if the host suspends the guest for 55 ms.
const TRIES: usize = 100;
/// Number of readings of the counters; the fastest one is used, because the host may interrupt the others.
const READINGS: usize = 5;

/// Ports of the PIT: counter 0, commands.
const COUNTER: u16 = 0x40;
const COMMAND: u16 = 0x43;
/// Counter 0, both bytes, one countdown to zero.
const RUN_DOWN: u8 = 0x30;
/// Latch counter 0 and its status.
const LATCH: u8 = 0xC2;
/// In the status: the countdown has ended.
const RUN_OUT: u8 = 1 << 7;

/// In the local timer's vector: periodic.
const PERIODIC: u32 = 1 << 17;
/// The local timer counts every 16th clock.
const DIVIDE_BY_16: u32 = 0b0011;

/// Frequencies of the clock and of the local timer in Hz.
static CLOCK_HZ: AtomicU64 = AtomicU64::new(0);
static TIMER_HZ: AtomicU64 = AtomicU64::new(0);

/// One reading of all counters.
#[derive(Clone, Copy)]
struct Reading {
    clock: u64,
    timer: u32,
    interval: u16,
    run_out: bool,
}

/// Measures the frequencies of clock and local timer. Interrupts must be masked and disabled at the
/// controller.
///
/// # Panics
/// When the machine has no PIT.
pub(super) fn calibrate() {
    let (clock, timer) = (0..TRIES).find_map(|_| measure()).expect("the interval timer does not count");
    CLOCK_HZ.store(clock, Ordering::Relaxed);
    TIMER_HZ.store(timer, Ordering::Relaxed);
}

/// Frequencies of clock and local timer, `None` if the measurement took too long.
fn measure() -> Option<(u64, u64)> {
    intc::write(Local::Timer, MASKED | u32::from(TIMER_VECTOR));
    intc::write(Local::TimerDivider, DIVIDE_BY_16);
    intc::write(Local::TimerInitial, u32::MAX);
    // SAFETY: the ports are the PIT's; no other code uses its counter 0.
    unsafe {
        Port::new(COMMAND).write(RUN_DOWN);
        Port::new(COUNTER).write(0xFF_u8);
        Port::new(COUNTER).write(0xFF_u8);
    }
    let first = read();
    let mut last = first;
    while !last.run_out && first.interval.wrapping_sub(last.interval) < MEASURED_COUNTS {
        last = read();
    }
    intc::write(Local::TimerInitial, 0);
    if first.run_out || last.run_out {
        return None;
    }
    let elapsed = u64::from(first.interval - last.interval);
    let clock = (last.clock - first.clock) * INTERVAL_HZ / elapsed;
    let timer = u64::from(first.timer - last.timer) * INTERVAL_HZ / elapsed;
    Some((clock, timer))
}

/// Reads all counters with the shortest delay between them.
fn read() -> Reading {
    let readings = (0..READINGS).map(|_| {
        let before = now();
        // SAFETY: as above; after the latch command, reads return the status, then the counter's lower and
        // upper byte.
        let (status, low, high) = unsafe {
            Port::new(COMMAND).write(LATCH);
            let mut counter = Port::<u8>::new(COUNTER);
            (counter.read(), counter.read(), counter.read())
        };
        let timer = intc::read(Local::TimerCurrent);
        let after = now();
        let interval = u16::from_le_bytes([low, high]);
        let run_out = status & RUN_OUT != 0;
        (after - before, Reading { clock: before.midpoint(after), timer, interval, run_out })
    });
    let (_, reading) = readings.min_by_key(|(took, _)| *took).expect("there are several readings");
    reading
}

/// Starts the tick on this CPU, `hz` times per second, after `intc::init`. Each tick calls
/// [`Handler::tick`](crate::Handler::tick); ticks missed while interrupts are masked are dropped.
///
/// # Panics
/// When `hz` is 0 or above the timer's frequency.
pub fn init(hz: u32) {
    let counts = TIMER_HZ.load(Ordering::Relaxed).checked_div(hz.into()).unwrap_or(0);
    let counts = u32::try_from(counts).ok().filter(|counts| *counts != 0);
    let counts = counts.unwrap_or_else(|| panic!("no timer ticks at {hz} Hz"));
    intc::write(Local::Timer, PERIODIC | u32::from(TIMER_VECTOR));
    intc::write(Local::TimerDivider, DIVIDE_BY_16);
    intc::write(Local::TimerInitial, counts);
}

/// Clock: counts up at [`frequency`] from power-on, never backwards.
pub fn now() -> u64 {
    // SAFETY: every x86-64 CPU has both instructions. Without the fence the CPU may read the counter early.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// Frequency of [`now`] in Hz.
pub fn frequency() -> u64 {
    CLOCK_HZ.load(Ordering::Relaxed)
}

/// Counts of [`now`] until the next tick, from the timer's register: at most one tick interval.
pub fn remaining() -> u64 {
    let counts = u64::from(intc::read(Local::TimerCurrent)) * frequency();
    counts.checked_div(TIMER_HZ.load(Ordering::Relaxed)).unwrap_or(0)
}
