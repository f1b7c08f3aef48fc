//! Descriptions for readers of a trace: probes in the code, grouped by provider, and counters of their events.

use core::sync::atomic::{AtomicU64, Ordering};

use parity_abi::trace::{CPUS, Payload};

/// Text that a reader outside the kernel can find: address and length.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Text {
    start: *const u8,
    bytes: usize,
}

// SAFETY: it is made only from a `&'static str`, which every thread may read.
unsafe impl Sync for Text {}
// SAFETY: as above.
unsafe impl Send for Text {}

impl Text {
    pub const fn new(text: &'static str) -> Self {
        Self { start: text.as_ptr(), bytes: text.len() }
    }

    pub const fn as_str(&self) -> &'static str {
        // SAFETY: address and length come from a `&'static str`.
        unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(self.start, self.bytes)) }
    }
}

/// A place in the code that can produce an event.
#[repr(C)]
pub struct Probe {
    pub name: Text,
    pub text: Text,
    pub provider: &'static Provider,
    /// Counts the probe's events.
    pub counter: Option<&'static Counter>,
    /// Type of its events.
    pub kind: u16,
    /// Its bit in the provider's mask.
    pub bit: u8,
    pub payload: Payload,
}

/// A group of probes; each can be switched on and off.
#[repr(C)]
pub struct Provider {
    enabled: AtomicU64,
    /// The mask that switching tracing on sets.
    default: u64,
    pub name: Text,
    probes: *const &'static Probe,
    probe_count: usize,
    pub id: u8,
}

// SAFETY: `probes` and `probe_count` come from a `&'static` slice; the mask is atomic; the other fields never change.
unsafe impl Sync for Provider {}

impl Provider {
    /// A provider; the mask `default` says which probes are on from the start. A probe's bit is its index in `probes`.
    pub const fn new(id: u8, name: &'static str, probes: &'static [&'static Probe], default: u64) -> Self {
        let default = default & ((1 << probes.len()) - 1);
        Self {
            enabled: AtomicU64::new(default),
            default,
            name: Text::new(name),
            probes: probes.as_ptr(),
            probe_count: probes.len(),
            id,
        }
    }

    pub const fn probes(&self) -> &'static [&'static Probe] {
        // SAFETY: address and length come from a `&'static` slice.
        unsafe { core::slice::from_raw_parts(self.probes, self.probe_count) }
    }

    /// The bits of the probes that are on.
    #[inline(always)]
    pub fn enabled(&self) -> u64 {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Sets the mask of the probes that are on; it ignores bits without a probe.
    pub fn enable(&self, mask: u64) {
        self.enabled.store(mask & ((1 << self.probe_count) - 1), Ordering::Relaxed);
    }

    /// Switches all probes off, or on those of the default mask.
    pub fn switch(&self, on: bool) {
        self.enable(if on { self.default } else { 0 });
    }
}

/// One processor's part of a counter, in a cache line of its own.
#[repr(C, align(64))]
struct Part(AtomicU64);

/// A count of events, with a part for each processor.
#[repr(C, align(64))]
pub struct Counter {
    pub name: Text,
    pub text: Text,
    /// Its number in the flags of events, from 1.
    pub number: u8,
    parts: [Part; CPUS],
}

impl Counter {
    pub const fn new(number: u8, name: &'static str, text: &'static str) -> Self {
        assert!(number > 0);
        let parts = [const { Part(AtomicU64::new(0)) }; CPUS];
        Self { name: Text::new(name), text: Text::new(text), number, parts }
    }

    /// Counts one event of processor `cpu`. Only that processor may call this for `cpu`.
    pub fn count(&self, cpu: usize) {
        if let Some(Part(part)) = self.parts.get(cpu) {
            part.store(part.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// The count of each processor.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.parts.iter().map(|Part(part)| part.load(Ordering::Relaxed))
    }
}

/// Offsets of fields in the structures, for the header of the trace memory.
pub mod at {
    use core::mem::offset_of;

    use super::{Counter, Part, Probe, Provider};

    pub const COUNTER_NAME: u32 = offset_of!(Counter, name) as u32;
    pub const COUNTER_TEXT: u32 = offset_of!(Counter, text) as u32;
    pub const COUNTER_NUMBER: u32 = offset_of!(Counter, number) as u32;
    pub const COUNTER_SLOTS: u32 = offset_of!(Counter, parts) as u32;
    pub const COUNTER_SLOT_BYTES: u32 = size_of::<Part>() as u32;
    pub const PROVIDER_ENABLED: u32 = offset_of!(Provider, enabled) as u32;
    pub const PROVIDER_ID: u32 = offset_of!(Provider, id) as u32;
    pub const PROVIDER_NAME: u32 = offset_of!(Provider, name) as u32;
    pub const PROVIDER_PROBES: u32 = offset_of!(Provider, probes) as u32;
    pub const PROBE_NAME: u32 = offset_of!(Probe, name) as u32;
    pub const PROBE_TEXT: u32 = offset_of!(Probe, text) as u32;
    pub const PROBE_KIND: u32 = offset_of!(Probe, kind) as u32;
    pub const PROBE_BIT: u32 = offset_of!(Probe, bit) as u32;
    pub const PROBE_PAYLOAD: u32 = offset_of!(Probe, payload) as u32;
}
