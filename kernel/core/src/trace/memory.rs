//! Trace memory, under symbols that readers outside the kernel look up; `parity_abi::trace` lists them.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parity_abi::trace::{
    Address, COUNTER_BITS, COUNTERS, CPU_AT, CPUS, DROPPED_AT, DROPPED_COUNTED_AT, EVENT_BYTES, EVENTS,
    FLAGS_AT, Header, KIND_AT, MAGIC, PAYLOAD_AT, PROVIDERS, READ_INDEX_AT, RING_BYTES, TALLIES,
    TIMESTAMP_AT, VERSION, WRITE_INDEX_AT,
};
use parity_trace::{Counter, Provider, Ring, describe_at as at};

use crate::faults::{Fault, planted};

/// The rings of all processors.
#[unsafe(export_name = "TRACE_BUFFERS")]
pub static BUFFERS: [Ring; CPUS] = [const { Ring::new() }; CPUS];

#[unsafe(export_name = "TRACE_ENABLED")]
static ENABLED: AtomicU64 = AtomicU64::new(1);

#[unsafe(export_name = "TRACE_PROVIDERS")]
static PROVIDER_TABLE: [AtomicPtr<Provider>; PROVIDERS] =
    [const { AtomicPtr::new(ptr::null_mut()) }; PROVIDERS];
#[unsafe(export_name = "TRACE_PROVIDERS_COUNT")]
static PROVIDER_COUNT: AtomicU64 = AtomicU64::new(0);

#[unsafe(export_name = "TRACE_COUNTERS")]
static COUNTER_TABLE: [AtomicPtr<Counter>; COUNTERS] = [const { AtomicPtr::new(ptr::null_mut()) }; COUNTERS];
#[unsafe(export_name = "TRACE_COUNTERS_COUNT")]
static COUNTER_COUNT: AtomicU64 = AtomicU64::new(0);

// An alias for the write index in the first ring.
core::arch::global_asm!(
    ".global TRACE_CPU0_WRITE_IDX",
    ".set TRACE_CPU0_WRITE_IDX, TRACE_BUFFERS + {at}",
    at = const WRITE_INDEX_AT,
);

/// Addresses, offsets and sizes of all trace structures.
#[unsafe(no_mangle)]
pub static TRACE_HEADER: Header = Header {
    magic: MAGIC,
    version: VERSION,
    header_bytes: size_of::<Header>() as u32,
    cpus: CPUS as u32,
    events: EVENTS as u32,
    event_bytes: EVENT_BYTES as u32,
    ring_bytes: RING_BYTES as u32,
    write_index_at: WRITE_INDEX_AT as u32,
    read_index_at: READ_INDEX_AT as u32,
    dropped_at: DROPPED_AT as u32,
    dropped_counted_at: DROPPED_COUNTED_AT as u32,
    tallies: TALLIES as u32,
    timestamp_at: TIMESTAMP_AT as u32,
    kind_at: KIND_AT as u32,
    cpu_at: CPU_AT as u32,
    flags_at: FLAGS_AT as u32,
    payload_at: PAYLOAD_AT as u32,
    counter_bits: COUNTER_BITS,
    counter_name_at: at::COUNTER_NAME,
    counter_text_at: at::COUNTER_TEXT,
    counter_number_at: at::COUNTER_NUMBER,
    counter_slots_at: at::COUNTER_SLOTS,
    counter_slot_bytes: at::COUNTER_SLOT_BYTES,
    pointer_bytes: size_of::<usize>() as u32,
    provider_enabled_at: at::PROVIDER_ENABLED,
    provider_id_at: at::PROVIDER_ID,
    provider_name_at: at::PROVIDER_NAME,
    provider_probes_at: at::PROVIDER_PROBES,
    probe_name_at: at::PROBE_NAME,
    probe_text_at: at::PROBE_TEXT,
    probe_kind_at: at::PROBE_KIND,
    probe_bit_at: at::PROBE_BIT,
    probe_payload_at: at::PROBE_PAYLOAD,
    rings: Address((&raw const BUFFERS).cast()),
    counters: Address((&raw const COUNTER_TABLE).cast()),
    counters_count: Address((&raw const COUNTER_COUNT).cast()),
    providers: Address((&raw const PROVIDER_TABLE).cast()),
    providers_count: Address((&raw const PROVIDER_COUNT).cast()),
    enabled: Address((&raw const ENABLED).cast()),
    frequency: AtomicU64::new(0),
};

/// Registers a module's probes and counters for readers. Called once per module, at boot.
///
/// # Panics
/// If the tables are full.
pub fn register(provider: &'static Provider, counters: &[&'static Counter]) {
    add(&PROVIDER_TABLE, &PROVIDER_COUNT, provider);
    for counter in counters {
        add(&COUNTER_TABLE, &COUNTER_COUNT, counter);
    }
}

fn add<T>(table: &[AtomicPtr<T>], count: &AtomicU64, entry: &'static T) {
    let index = count.load(Ordering::Relaxed);
    table[index as usize].store(ptr::from_ref(entry).cast_mut(), Ordering::Relaxed);
    count.store(index + 1, Ordering::Release);
}

/// The registered providers.
pub fn providers() -> impl Iterator<Item = &'static Provider> {
    entries(&PROVIDER_TABLE, &PROVIDER_COUNT)
}

/// The registered counters.
pub fn counters() -> impl Iterator<Item = &'static Counter> {
    entries(&COUNTER_TABLE, &COUNTER_COUNT)
}

fn entries<T>(table: &'static [AtomicPtr<T>], count: &AtomicU64) -> impl Iterator<Item = &'static T> {
    let count = count.load(Ordering::Acquire) as usize;
    // SAFETY: null, or from a `&'static` in `add`.
    table[..count].iter().filter_map(|entry| unsafe { entry.load(Ordering::Relaxed).as_ref() })
}

/// Whether tracing is enabled.
pub fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed) != 0
}

/// Disables all probes, or enables the default ones.
pub fn set_enabled(on: bool) {
    let on = on || planted(Fault::TraceStaysOn);
    ENABLED.store(on.into(), Ordering::Relaxed);
    providers().for_each(|provider| provider.switch(on));
}
