//! Dumps of the trace rings on the console: on a panic, and on request of the host. Takes no lock; its lines
//! may interleave with other output.
//!
//! The host requests a dump by typing Ctrl-T (like BSD's status key), an optional number n, and a letter: `l`
//! the latest n events of each processor, `p` the events of processor n, `a` all events and the counters, `c`
//! the counters.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering};

use parity_arch::console::console_write;

use super::{BUFFERS, text};

/// Number of events per processor in a dump of the latest events.
const LATEST: u64 = 32;
const REQUEST: u8 = 0x14;

/// 1 while a dump is being written.
#[unsafe(export_name = "TRACE_DUMP_IN_PROGRESS")]
static IN_PROGRESS: AtomicU64 = AtomicU64::new(0);
/// Number of events that the processor dumped last had written.
#[unsafe(export_name = "TRACE_LAST_DUMPED_EVENT")]
static LAST_DUMPED: AtomicU64 = AtomicU64::new(0);
#[unsafe(export_name = "TRACE_DUMP_COUNT")]
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The number typed so far after [`REQUEST`], or one of the two constants below.
static ASKED: AtomicU64 = AtomicU64::new(NOTHING);
const NOTHING: u64 = u64::MAX;
const NO_NUMBER: u64 = u64::MAX - 1;
/// Upper limit of the number, against overflow.
const MOST: u64 = 1 << 32;

struct Port;

impl Write for Port {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console_write(text.as_bytes());
        Ok(())
    }
}

/// Only one dump at a time: a second one meanwhile is skipped.
fn dump(write: impl FnOnce(&mut Port) -> fmt::Result) {
    if cfg!(feature = "untraced") || IN_PROGRESS.swap(1, Ordering::Acquire) != 0 {
        return;
    }
    // The port never fails.
    let _ = write(&mut Port);
    let last = BUFFERS.iter().rev().map(|ring| ring.indices().end).find(|end| *end > 0);
    LAST_DUMPED.store(last.unwrap_or(0), Ordering::Relaxed);
    COUNT.fetch_add(1, Ordering::Relaxed);
    IN_PROGRESS.store(0, Ordering::Release);
}

/// Dumps all events and the counters.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump() {
    dump(|port| text::rings(port, u64::MAX).and_then(|()| text::counter_values(port)));
}

/// Dumps the last `count` events of each processor.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump_latest(count: u64) {
    dump(|port| text::rings(port, count));
}

/// Dumps the events of one processor.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump_cpu(cpu: u64) {
    let Some(ring) = BUFFERS.get(cpu as usize) else { return };
    dump(|port| text::one_ring(port, cpu as usize, ring, u64::MAX));
}

/// Dumps the counters.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump_counters() {
    dump(text::counter_values);
}

/// Dump on a panic. An interrupted dump does not continue.
pub fn in_panic() {
    IN_PROGRESS.store(0, Ordering::Relaxed);
    trace_dump_latest(LATEST);
    trace_dump_counters();
}

/// Handles a typed byte if it is part of a dump request; returns whether it was.
pub fn typed(byte: u8) -> bool {
    let asked = ASKED.swap(if byte == REQUEST { NO_NUMBER } else { NOTHING }, Ordering::Relaxed);
    if byte == REQUEST || asked == NOTHING {
        return byte == REQUEST;
    }
    let number = (asked != NO_NUMBER).then_some(asked);
    match byte {
        b'0'..=b'9' => {
            let digits = number.unwrap_or(0) * 10 + u64::from(byte - b'0');
            ASKED.store(digits.min(MOST), Ordering::Relaxed);
        }
        b'a' => trace_dump(),
        b'l' => trace_dump_latest(number.unwrap_or(LATEST)),
        b'p' => trace_dump_cpu(number.unwrap_or(0)),
        b'c' => trace_dump_counters(),
        _ => {}
    }
    true
}
