//! Tracing: layout of the rings in memory and codes of the events, for whoever reads them from outside.
//!
//! All integers are little endian. The kernel's symbols: [`TRACE_HEADER`](Header) says where everything is and
//! how large, so that a reader needs the ELF file and no number of this file. `TRACE_BUFFERS` are [`CPUS`]
//! rings, `TRACE_PROVIDERS` and `TRACE_COUNTERS` tables of pointers with `TRACE_PROVIDERS_COUNT` and
//! `TRACE_COUNTERS_COUNT` (u64) entries in use, `TRACE_ENABLED` (u64) is 0 or 1, `TRACE_CPU0_WRITE_IDX` the
//! write index within the first ring. The three numbers of dumps on the console (u64) are
//! `TRACE_DUMP_IN_PROGRESS`, `TRACE_LAST_DUMPED_EVENT` and `TRACE_DUMP_COUNT`. `TRACE_SYSCALL_NAMES` has an entry
//! for every call: its number u64, and its name's address u64 and length u64.

use core::sync::atomic::AtomicU64;

/// Rings, and slots of a counter: processors that the layout has room for.
pub const CPUS: usize = 16;
/// Events of one ring; a power of two.
pub const EVENTS: usize = 1024;
/// Providers that can register.
pub const PROVIDERS: usize = 16;
/// Counters that can register.
pub const COUNTERS: usize = 64;
/// Bytes that one processor's part of a counter, or of the rings, does not share with another's.
pub const LINE_BYTES: usize = 64;

/// Bytes of an event, which is aligned to as many.
pub const EVENT_BYTES: usize = 16;
/// Byte within an event of its timestamp, u64; 0: there is no event.
pub const TIMESTAMP_AT: usize = 0;
/// Byte of its type, u16.
pub const KIND_AT: usize = 8;
/// Byte of its processor's number, u8.
pub const CPU_AT: usize = 10;
/// Byte of its flags, u8; see [`COUNTER_BITS`].
pub const FLAGS_AT: usize = 11;
/// Byte of its payload, u32.
pub const PAYLOAD_AT: usize = 12;
/// Byte within a ring of its write index: how many events were ever written. Event i lies in slot i % [`EVENTS`].
pub const WRITE_INDEX_AT: usize = EVENTS * EVENT_BYTES;
/// Byte of the read index: number of the oldest event that is still there.
pub const READ_INDEX_AT: usize = WRITE_INDEX_AT + 8;
/// Byte of the count of events that newer ones took the place of.
pub const DROPPED_AT: usize = READ_INDEX_AT + 8;
/// Byte of as many u64 as [`TALLIES`]: of the dropped events, those that counter 1, 2, … had counted.
pub const DROPPED_COUNTED_AT: usize = DROPPED_AT + 8;
/// Counters whose dropped events are told apart.
pub const TALLIES: usize = 5;
/// Bytes of a ring.
pub const RING_BYTES: usize = DROPPED_COUNTED_AT + 8 * TALLIES;

/// The bits of an event's flags that hold the number of the counter that counted it, 0 for none. The bits above
/// hold the lowest bits of the lap: how often the ring was full before. An event with another lap than its
/// place in the ring demands is torn.
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
/// Marks, up to 0xff03: no event of the kernel's own work.
pub const MARKER: u16 = 0xff00;

/// What an event's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Payload {
    Number = 0,
    // 1 was two threads in 16 bits each, in version 1.
    /// The lower 32 bits of an address.
    Address = 2,
    /// A result, negative if it is an error; one that is too large, such as an address, is [`i32::MAX`].
    Result = 3,
    /// A thread, by its number.
    Thread = 4,
}

/// Where something lies in the kernel's memory.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Address(pub *const ());

// SAFETY: it is a number for whoever reads memory from outside; nothing follows it in here.
unsafe impl Sync for Address {}
// SAFETY: as above.
unsafe impl Send for Address {}

/// First bytes of the header.
pub const MAGIC: [u8; 8] = *b"PARTRACE";
/// Version of the header and of what it describes. A reader refuses one that it does not know.
pub const VERSION: u32 = 2;

/// What `TRACE_HEADER` says: sizes and places in bytes, counts, and virtual addresses (8 bytes each).
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
    /// Within a ring.
    pub write_index_at: u32,
    pub read_index_at: u32,
    pub dropped_at: u32,
    pub dropped_counted_at: u32,
    pub tallies: u32,
    /// Within an event.
    pub timestamp_at: u32,
    pub kind_at: u32,
    pub cpu_at: u32,
    pub flags_at: u32,
    pub payload_at: u32,
    pub counter_bits: u32,
    /// Within a counter. Names and texts are an address u64 and a length u64, in bytes of UTF-8.
    pub counter_name_at: u32,
    pub counter_text_at: u32,
    pub counter_number_at: u32,
    pub counter_slots_at: u32,
    pub counter_slot_bytes: u32,
    /// Of an address.
    pub pointer_bytes: u32,
    /// Within a provider. Its probes are an address u64, of a table of addresses, and a count u64.
    pub provider_enabled_at: u32,
    pub provider_id_at: u32,
    pub provider_name_at: u32,
    pub provider_probes_at: u32,
    /// Within a probe.
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
    /// Counts of the timestamps per second; 0 before the kernel has asked the machine.
    pub frequency: AtomicU64,
}

const _: () = assert!(RING_BYTES.is_multiple_of(LINE_BYTES) && RING_BYTES == 16448);
const _: () = assert!(size_of::<Header>() == 8 + 32 * 4 + 7 * 8);
