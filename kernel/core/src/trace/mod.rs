//! Tracing: events in memory, readable from outside even when the kernel no longer works.
//!
//! A module declares its probes with [`provider!`] and calls [`fire`] at each event. The event is stored in
//! the processor's ring (crate `parity-trace`) and counted as one step, with interrupts masked. A disabled
//! probe costs a load and a branch. Probes are enabled from the first instruction, except those that would
//! overwrite all other events. Nothing here takes a lock.

pub mod dump;
mod memory;
pub mod text;

pub use memory::{BUFFERS, counters, is_enabled, providers, register, set_enabled};

use core::sync::atomic::{AtomicU64, Ordering};

use parity_arch::{cpu, timer};
use parity_trace::Event;
pub use parity_trace::{Counter, Probe, Provider};

use crate::faults::{Fault, planted};

/// Declares a module's probes: a `PROVIDER` under its own symbol, and a static for each probe:
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

        /// Bits of the probes in the provider's mask.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Bit { $($probe),+ }
    };
    (@counter) => { None };
    (@counter $counter:path) => { Some(&$counter) };
}
pub(crate) use provider;

/// Publishes the clock's frequency. Called once, when it is known.
pub fn init() {
    memory::TRACE_HEADER.frequency.store(timer::frequency(), Ordering::Relaxed);
}

/// Records an event, if its probe is enabled.
#[inline(always)]
pub fn fire(probe: &'static Probe, payload: u32) {
    if !cfg!(feature = "untraced") && probe.provider.enabled() & 1 << probe.bit != 0 {
        record(probe, payload);
    }
}

/// Out of line, so that a disabled probe needs little code.
#[inline(never)]
fn record(probe: &'static Probe, payload: u32) {
    let state = cpu::irq_save();
    let cpu = cpu::cpu_id();
    if let Some(ring) = BUFFERS.get(cpu) {
        // A timestamp of 0 marks an empty slot.
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

/// Whether a planted fault drops the event.
fn faulty_loss() -> bool {
    static EVENTS: AtomicU64 = AtomicU64::new(0);
    planted(Fault::TraceLosesEvents) && EVENTS.fetch_add(1, Ordering::Relaxed) % 3 == 2
}
