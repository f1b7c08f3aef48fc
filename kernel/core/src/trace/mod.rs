//! Tracing: what happens where, kept in memory for whoever asks, also when nothing else works any more.
//!
//! A room names its probes with [`provider!`] and calls [`fire`] where something happens. An event goes into the
//! ring of the processor (crate `parity-trace`) and is counted, as one step: interrupts are masked meanwhile. A
//! probe that is off costs a load and a branch. All is on from the first instruction, but for probes that would
//! leave room for nothing else. Nothing here takes a lock.

pub mod dump;
mod memory;
pub mod text;

pub use memory::{BUFFERS, counters, is_enabled, providers, register, set_enabled};

use core::sync::atomic::{AtomicU64, Ordering};

use parity_arch::{cpu, timer};
use parity_trace::Event;
pub use parity_trace::{Counter, Probe, Provider};

use crate::faults::{Fault, planted};

/// Describes a room's probes, as `PROVIDER` under a symbol of its own, and one static for each probe:
///
///     provider! {
///         "DEMO_PROVIDER" = 0x0f "demo", on: 0b1;
///         FIRST = 0x0f00 "DEMO_FIRST" (Number) counted by TOTAL, "a demonstration begins";
///     }
macro_rules! provider {
    ($symbol:literal = $id:literal $name:literal, on: $on:expr;
     $($probe:ident = $kind:path, $probe_name:literal ($payload:ident) $(counted by $counter:path)?, $text:literal;)+) => {
        #[unsafe(export_name = $symbol)]
        pub static PROVIDER: $crate::trace::Provider =
            $crate::trace::Provider::new($id, $name, &[$(&$probe),+], $on);

        $(
            pub static $probe: $crate::trace::Probe = $crate::trace::Probe {
                name: ::parity_trace::Text::new($probe_name),
                text: ::parity_trace::Text::new($text),
                provider: &PROVIDER,
                counter: $crate::trace::provider!(@counter $($counter)?),
                kind: $kind,
                bit: Bit::$probe as u8,
                payload: ::parity_abi::trace::Payload::$payload,
            };
        )+

        /// The probes' bits in the provider's mask.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Bit { $($probe),+ }
    };
    (@counter) => { None };
    (@counter $counter:path) => { Some(&$counter) };
}
pub(crate) use provider;

/// Tells readers how fast the clock runs. Called once, when it is known.
pub fn init() {
    memory::TRACE_HEADER.frequency.store(timer::frequency(), Ordering::Relaxed);
}

/// Something happened.
#[inline(always)]
pub fn fire(probe: &'static Probe, payload: u32) {
    if !cfg!(feature = "untraced") && probe.provider.enabled() & 1 << probe.bit != 0 {
        record(probe, payload);
    }
}

/// Out of line, so that a probe that is off is small.
#[inline(never)]
fn record(probe: &'static Probe, payload: u32) {
    let state = cpu::irq_save();
    let cpu = cpu::cpu_id();
    if let Some(ring) = BUFFERS.get(cpu) {
        // A clock that has not moved since the machine's start would look like no event.
        let timestamp = timer::now().max(1);
        let counter = probe.counter.map_or(0, |counter| counter.number);
        if !faulty_loss() {
            ring.write(Event { timestamp, kind: probe.kind, cpu: cpu as u8, counter, payload });
        }
        if let Some(counter) = probe.counter {
            counter.count(cpu);
            if planted(Fault::TraceCountsTwice) {
                counter.count(cpu);
            }
        }
    }
    cpu::irq_restore(state);
}

/// Whether a planted fault takes the event.
fn faulty_loss() -> bool {
    static EVENTS: AtomicU64 = AtomicU64::new(0);
    planted(Fault::TraceLosesEvents) && EVENTS.fetch_add(1, Ordering::Relaxed) % 3 == 2
}
