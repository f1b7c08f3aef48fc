//! The periodic tick, from the CPU's local timer, and the clock, its time stamp counter. Nothing says how fast
//! the two run: they are measured against the interval timer, whose speed every PC shares.

use core::arch::x86_64::{_mm_lfence, _rdtsc};
use core::sync::atomic::{AtomicU64, Ordering};

use parity_inventory::inventory;
use x86_64::instructions::port::Port;

use super::intc::{self, Local, MASKED, TIMER_VECTOR};

inventory!("driver", "timer: local timer, time stamp counter");

/// Number of the tick's interrupt: its vector, as the local timer has no line to the controller.
pub const IRQ: u32 = TIMER_VECTOR as u32;

/// Counts of the interval timer per second.
const INTERVAL_HZ: u64 = 1_193_182;
/// How long the counters are watched: 10 ms.
const WATCH_COUNTS: u16 = (INTERVAL_HZ / 100) as u16;
/// How often it is tried: a host that does not let us run for 55 ms spoils a try.
const TRIES: usize = 100;
/// How often the counters are read for one reading: the quickest of them counts, since in between the host may
/// have done something else.
const LOOKS: usize = 5;

/// Ports of the interval timer: counter 0, commands.
const COUNTER: u16 = 0x40;
const COMMAND: u16 = 0x43;
/// Counter 0, both bytes, one run down to zero.
const RUN_DOWN: u8 = 0x30;
/// Latch counter 0 and its status.
const LATCH: u8 = 0xC2;
/// In the status: the counter has run down.
const RUN_OUT: u8 = 1 << 7;

/// In the local timer's vector: again and again.
const PERIODIC: u32 = 1 << 17;
/// The local timer counts every 16th beat.
const DIVIDE_BY_16: u32 = 0b0011;

/// Counts per second of the clock and of the local timer.
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

/// Measures how fast clock and local timer run. Interrupts are masked and disabled at the controller.
///
/// # Panics
/// When the machine has no interval timer.
pub(super) fn calibrate() {
    let (clock, timer) = (0..TRIES).find_map(|_| measure()).expect("the interval timer does not count");
    CLOCK_HZ.store(clock, Ordering::Relaxed);
    TIMER_HZ.store(timer, Ordering::Relaxed);
}

/// Frequencies of clock and local timer, `None` if it took too long.
fn measure() -> Option<(u64, u64)> {
    intc::write(Local::Timer, MASKED | u32::from(TIMER_VECTOR));
    intc::write(Local::TimerDivider, DIVIDE_BY_16);
    intc::write(Local::TimerInitial, u32::MAX);
    // SAFETY: the ports are the interval timer's; nobody else uses its counter 0.
    unsafe {
        Port::new(COMMAND).write(RUN_DOWN);
        Port::new(COUNTER).write(0xFF_u8);
        Port::new(COUNTER).write(0xFF_u8);
    }
    let first = read();
    let mut last = first;
    while !last.run_out && first.interval.wrapping_sub(last.interval) < WATCH_COUNTS {
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

/// Reads the counters as close together as the host lets us.
fn read() -> Reading {
    let looks = (0..LOOKS).map(|_| {
        let before = now();
        // SAFETY: as above; after latching, the status comes first, then the counter's lower half.
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
    let (_, reading) = looks.min_by_key(|(took, _)| *took).expect("there are several looks");
    reading
}

/// Starts the tick on this CPU, `hz` times per second, after `intc::init`. Each tick calls
/// [`Handler::tick`](crate::Handler::tick); ticks that were missed with interrupts masked are dropped.
///
/// # Panics
/// When `hz` is 0 or above what the timer can count.
pub fn init(hz: u32) {
    let counts = TIMER_HZ.load(Ordering::Relaxed).checked_div(hz.into()).unwrap_or(0);
    let counts = u32::try_from(counts).ok().filter(|counts| *counts != 0);
    let counts = counts.unwrap_or_else(|| panic!("no timer ticks at {hz} Hz"));
    intc::write(Local::Timer, PERIODIC | u32::from(TIMER_VECTOR));
    intc::write(Local::TimerDivider, DIVIDE_BY_16);
    intc::write(Local::TimerInitial, counts);
}

/// The clock: counts up at [`frequency`] from the machine's start, never backwards.
pub fn now() -> u64 {
    // SAFETY: every CPU of this architecture has both. Without the fence it may read the counter ahead of time.
    unsafe {
        _mm_lfence();
        _rdtsc()
    }
}

/// Counts of [`now`] per second.
pub fn frequency() -> u64 {
    CLOCK_HZ.load(Ordering::Relaxed)
}

/// Counts of [`now`] until the timer's next tick, by the timer's own register: at most those between two ticks.
pub fn remaining() -> u64 {
    let counts = u64::from(intc::read(Local::TimerCurrent)) * frequency();
    counts.checked_div(TIMER_HZ.load(Ordering::Relaxed)).unwrap_or(0)
}
