//! What there is to trace: probes in the code, grouped by provider; counters of what probes see.

use core::sync::atomic::{AtomicU64, Ordering};

use parity_abi::trace::{CPUS, Payload};

/// Text that a reader from outside finds: address and length.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Text {
    start: *const u8,
    bytes: usize,
}

// SAFETY: made from a `&'static str` alone, which anybody may read.
unsafe impl Sync for Text {}
// SAFETY: as above.
unsafe impl Send for Text {}

impl Text {
    pub const fn new(text: &'static str) -> Self {
        Self { start: text.as_ptr(), bytes: text.len() }
    }

    pub const fn as_str(&self) -> &'static str {
        // SAFETY: the two halves of a `&'static str`.
        unsafe { core::str::from_utf8_unchecked(core::slice::from_raw_parts(self.start, self.bytes)) }
    }
}

/// A place in the code that can give an event.
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

/// Probes that belong together, each of which can be switched.
#[repr(C)]
pub struct Provider {
    enabled: AtomicU64,
    /// The mask while tracing is on and nobody chose another.
    default: u64,
    pub name: Text,
    probes: *const &'static Probe,
    probe_count: usize,
    pub id: u8,
}

// SAFETY: `probes` and `probe_count` are a `&'static` slice's; the mask is atomic; all else never changes.
unsafe impl Sync for Provider {}

impl Provider {
    /// A provider whose probes `default` are on from the start. A probe's bit is its place in `probes`.
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
        // SAFETY: the two halves of a `&'static` slice.
        unsafe { core::slice::from_raw_parts(self.probes, self.probe_count) }
    }

    /// The bits of the probes that are on.
    #[inline(always)]
    pub fn enabled(&self) -> u64 {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Switches its probes; bits of no probe are ignored.
    pub fn enable(&self, mask: u64) {
        self.enabled.store(mask & ((1 << self.probe_count) - 1), Ordering::Relaxed);
    }

    /// Switches its probes all off, or to what is on from the start.
    pub fn switch(&self, on: bool) {
        self.enable(if on { self.default } else { 0 });
    }
}

/// One processor's part of a counter, alone on its line.
#[repr(C, align(64))]
struct Part(AtomicU64);

/// A count of events, a part for each processor.
#[repr(C, align(64))]
pub struct Counter {
    pub name: Text,
    pub text: Text,
    /// How flags of events name it, from 1.
    pub number: u8,
    parts: [Part; CPUS],
}

impl Counter {
    pub const fn new(number: u8, name: &'static str, text: &'static str) -> Self {
        assert!(number > 0);
        let parts = [const { Part(AtomicU64::new(0)) }; CPUS];
        Self { name: Text::new(name), text: Text::new(text), number, parts }
    }

    /// Counts one event of processor `cpu`, which is the only one to call this for its part.
    pub fn count(&self, cpu: usize) {
        if let Some(Part(part)) = self.parts.get(cpu) {
            part.store(part.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// What each processor counted.
    pub fn values(&self) -> impl Iterator<Item = u64> {
        self.parts.iter().map(|Part(part)| part.load(Ordering::Relaxed))
    }
}

/// Places within the structures, for the header.
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
