//! The rings on the console: in a panic, and when the host asks. Takes no lock; lines may mix with others'.
//!
//! The host asks by typing Ctrl-T (as BSD's terminals do for a status) and a letter: `l` the latest events, `a`
//! all, `c` the counters, a digit that processor's.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parity_arch::console::console_write;

use super::{BUFFERS, text};

/// Events of each processor that a panic shows, and a request for the latest.
const LATEST: u64 = 32;
const REQUEST: u8 = 0x14;

/// 1 while a dump is being written.
#[unsafe(export_name = "TRACE_DUMP_IN_PROGRESS")]
static IN_PROGRESS: AtomicU64 = AtomicU64::new(0);
/// How many events had been written by the processor whose ring was dumped last.
#[unsafe(export_name = "TRACE_LAST_DUMPED_EVENT")]
static LAST_DUMPED: AtomicU64 = AtomicU64::new(0);
#[unsafe(export_name = "TRACE_DUMP_COUNT")]
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Whether the byte before was [`REQUEST`].
static ASKED: AtomicBool = AtomicBool::new(false);

struct Port;

impl Write for Port {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console_write(text.as_bytes());
        Ok(())
    }
}

/// One dump at a time: a second one meanwhile is left out.
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

/// All events and the counters.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump() {
    dump(|port| text::rings(port, u64::MAX).and_then(|()| text::counter_values(port)));
}

/// The last `count` events of each processor.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump_latest(count: u64) {
    dump(|port| text::rings(port, count));
}

/// The events of one processor.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump_cpu(cpu: u64) {
    let Some(ring) = BUFFERS.get(cpu as usize) else { return };
    dump(|port| text::one_ring(port, cpu as usize, ring, u64::MAX));
}

/// The counters.
#[unsafe(no_mangle)]
pub extern "C" fn trace_dump_counters() {
    dump(text::counter_values);
}

/// What a panic leaves behind. Another dump may have been under way; it does not go on.
pub fn in_panic() {
    IN_PROGRESS.store(0, Ordering::Relaxed);
    trace_dump_latest(LATEST);
    trace_dump_counters();
}

/// Takes a byte typed on the console if it is a request's, and does what it asks. Whether it was one.
pub fn typed(byte: u8) -> bool {
    if !ASKED.swap(byte == REQUEST, Ordering::Relaxed) {
        return byte == REQUEST;
    }
    match byte {
        b'a' => trace_dump(),
        b'l' => trace_dump_latest(LATEST),
        b'c' => trace_dump_counters(),
        b'0'..=b'9' => trace_dump_cpu((byte - b'0').into()),
        _ => {}
    }
    true
}
