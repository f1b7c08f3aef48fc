//! Tracing: memory layout of the rings and codes of the events, for readers outside the kernel.
//!
//! All integers are little endian. [`TRACE_HEADER`](Header) gives the addresses, offsets and sizes of all
//! structures, so a reader needs only the ELF file and no constant of this file. The other symbols:
//! `TRACE_BUFFERS` holds [`CPUS`] rings; `TRACE_PROVIDERS` and `TRACE_COUNTERS` are tables of pointers, and
//! `TRACE_PROVIDERS_COUNT` and `TRACE_COUNTERS_COUNT` (u64) are the numbers of entries in use;
//! `TRACE_ENABLED` (u64) is 0 or 1; `TRACE_CPU0_WRITE_IDX` is the write index in the first ring.
//! `TRACE_DUMP_IN_PROGRESS`, `TRACE_LAST_DUMPED_EVENT` and `TRACE_DUMP_COUNT` (u64) describe dumps on the
//! console. `TRACE_SYSCALL_NAMES` has an entry for every call: number u64, address of the name u64, length of
//! the name u64.

use core::sync::atomic::AtomicU64;

/// Maximum number of processors: rings, and slots of each counter.
pub const CPUS: usize = 16;
/// Number of events in a ring; a power of two.
pub const EVENTS: usize = 1024;
/// Maximum number of providers.
pub const PROVIDERS: usize = 16;
/// Maximum number of counters.
pub const COUNTERS: usize = 64;
/// Cache line size in bytes: the slots and rings of different processors never share a line.
pub const LINE_BYTES: usize = 64;

/// Size and alignment of an event in bytes.
pub const EVENT_BYTES: usize = 16;
/// Offset in an event of its timestamp, u64; 0: no event.
pub const TIMESTAMP_AT: usize = 0;
/// Offset in an event of its type, u16.
pub const KIND_AT: usize = 8;
/// Offset in an event of its processor's number, u8.
pub const CPU_AT: usize = 10;
/// Offset in an event of its flags, u8; see [`COUNTER_BITS`].
pub const FLAGS_AT: usize = 11;
/// Offset in an event of its payload, u32.
pub const PAYLOAD_AT: usize = 12;
/// Offset in a ring of its write index, the number of events ever written. Event i is in slot i % [`EVENTS`].
pub const WRITE_INDEX_AT: usize = EVENTS * EVENT_BYTES;
/// Offset in a ring of its read index, the number of the oldest event still present.
pub const READ_INDEX_AT: usize = WRITE_INDEX_AT + 8;
/// Offset in a ring of the number of overwritten events.
pub const DROPPED_AT: usize = READ_INDEX_AT + 8;
/// Offset in a ring of [`TALLIES`] u64: the numbers of overwritten events that counters 1, 2, … counted.
pub const DROPPED_COUNTED_AT: usize = DROPPED_AT + 8;
/// Number of counters with a tally of overwritten events.
pub const TALLIES: usize = 5;
/// Size of a ring in bytes.
pub const RING_BYTES: usize = DROPPED_COUNTED_AT + 8 * TALLIES;

/// Number of flag bits that hold the number of the counter that counted the event, 0 for none. The higher
/// bits hold the lowest bits of the lap, the number of times that the ring was full before. An event whose
/// lap does not match its slot is torn.
pub const COUNTER_BITS: u32 = 3;

pub const CTX_SWITCH_ENTRY: u16 = 0x0001;
pub const CTX_SWITCH_EXIT: u16 = 0x0002;
pub const IRQ_ENTRY: u16 = 0x0100;
pub const IRQ_EXIT: u16 = 0x0101;
pub const TIMER_TICK: u16 = 0x0102;
pub const SCHED_PICK: u16 = 0x0200;
pub const SYSCALL_ENTRY: u16 = 0x0300;
pub const SYSCALL_EXIT: u16 = 0x0301;
pub const PAGE_FAULT: u16 = 0x0400;
pub const LOCK_ACQUIRE: u16 = 0x0500;
pub const LOCK_RELEASE: u16 = 0x0501;
pub const LOCK_CONTEND: u16 = 0x0502;
pub const PROCESS_START: u16 = 0x0600;
pub const PROCESS_EXEC: u16 = 0x0601;
pub const PROCESS_END: u16 = 0x0602;
pub const BLOCK_START: u16 = 0x0700;
pub const BLOCK_END: u16 = 0x0701;
/// First code of markers, up to 0xff03: these events do not come from the kernel itself.
pub const MARKER: u16 = 0xff00;

/// Meaning of an event's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Payload {
    Number = 0,
    // 1 was a pair of 16-bit thread numbers in version 1.
    /// The lower 32 bits of an address.
    Address = 2,
    /// A result, negative if it is an error; [`i32::MAX`] if it does not fit, such as an address.
    Result = 3,
    /// A thread's number.
    Thread = 4,
}

/// Address of an object in the kernel's memory, for readers outside the kernel.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Address(pub *const ());

// SAFETY: the kernel never dereferences the pointer.
unsafe impl Sync for Address {}
// SAFETY: as above.
unsafe impl Send for Address {}

/// First bytes of [`Header`].
pub const MAGIC: [u8; 8] = *b"PARTRACE";
/// Version of the header and of all that it describes. A reader must refuse an unknown version.
pub const VERSION: u32 = 2;

/// Content of `TRACE_HEADER`: sizes and offsets in bytes, counts, and virtual addresses (8 bytes each).
#[derive(Debug)]
#[repr(C)]
pub struct Header {
    pub magic: [u8; 8],
    pub version: u32,
    pub header_bytes: u32,
    pub cpus: u32,
    pub events: u32,
    pub event_bytes: u32,
    pub ring_bytes: u32,
    /// Offsets in a ring.
    pub write_index_at: u32,
    pub read_index_at: u32,
    pub dropped_at: u32,
    pub dropped_counted_at: u32,
    pub tallies: u32,
    /// Offsets in an event.
    pub timestamp_at: u32,
    pub kind_at: u32,
    pub cpu_at: u32,
    pub flags_at: u32,
    pub payload_at: u32,
    pub counter_bits: u32,
    /// Offsets in a counter. A name or text is an address u64 and a length u64, in bytes of UTF-8.
    pub counter_name_at: u32,
    pub counter_text_at: u32,
    pub counter_number_at: u32,
    pub counter_slots_at: u32,
    pub counter_slot_bytes: u32,
    /// Size of an address.
    pub pointer_bytes: u32,
    /// Offsets in a provider. Its probes are the address u64 of a table of addresses, and a count u64.
    pub provider_enabled_at: u32,
    pub provider_id_at: u32,
    pub provider_name_at: u32,
    pub provider_probes_at: u32,
    /// Offsets in a probe.
    pub probe_name_at: u32,
    pub probe_text_at: u32,
    pub probe_kind_at: u32,
    pub probe_bit_at: u32,
    pub probe_payload_at: u32,
    pub rings: Address,
    pub counters: Address,
    pub counters_count: Address,
    pub providers: Address,
    pub providers_count: Address,
    pub enabled: Address,
    /// Frequency of the timestamps in Hz; 0 until the kernel has read it from the machine.
    pub frequency: AtomicU64,
}

const _: () = assert!(RING_BYTES.is_multiple_of(LINE_BYTES) && RING_BYTES == 16448);
const _: () = assert!(size_of::<Header>() == 8 + 32 * 4 + 7 * 8);
