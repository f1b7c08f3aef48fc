//! Header of the vitals: addresses and layout.

use core::mem::offset_of;
use core::panic::Location;
use core::sync::atomic::{AtomicU32, AtomicU64};

use parity_abi::trace::Address;
use parity_abi::vitals::{
    CPUS, DESCRIPTORS, HELD, Header, LIVES, MAGIC, NAME_BYTES, PROCESSES as PROCESSES_MAX,
    THREADS as THREADS_MAX, VERSION, WAITS,
};

use super::descriptors::{PROCESSES, PipeEnds};
use super::{Cpu, Lock, PROCESSORS, Record, THREADS};

const EXAMPLE: &Location<'static> = Location::caller();

/// Addresses, offsets and sizes of all vitals.
#[unsafe(no_mangle)]
pub(super) static VITALS_HEADER: Header = Header {
    magic: MAGIC,
    version: VERSION,
    header_bytes: size_of::<Header>() as u32,
    threads: THREADS_MAX as u32,
    thread_bytes: size_of::<Record>() as u32,
    cpus: CPUS as u32,
    cpu_bytes: size_of::<Cpu>() as u32,
    name_bytes: NAME_BYTES as u32,
    held: HELD as u32,
    held_bytes: size_of::<Lock>() as u32,
    life_at: offset_of!(Record, life) as u32,
    cpu_at: offset_of!(Record, cpu) as u32,
    id_at: offset_of!(Record, id) as u32,
    pid_at: offset_of!(Record, pid) as u32,
    parent_at: offset_of!(Record, parent) as u32,
    name_at: offset_of!(Record, name) as u32,
    frame_at: offset_of!(Record, frame) as u32,
    stack_at: offset_of!(Record, stack) as u32,
    stack_end_at: offset_of!(Record, stack_end) as u32,
    stack_physical_at: offset_of!(Record, stack_physical) as u32,
    wait_at: offset_of!(Record, wait) as u32,
    wait_on_at: offset_of!(Record, wait_on) as u32,
    wait_site_at: offset_of!(Record, wait_site) as u32,
    wait_until_at: offset_of!(Record, wait_until) as u32,
    wait_by_at: offset_of!(Record, wait_by) as u32,
    unparked_at: offset_of!(Record, unparked) as u32,
    ran_at: offset_of!(Record, ran) as u32,
    held_count_at: offset_of!(Record, locks.count) as u32,
    held_at: offset_of!(Record, locks.locks) as u32,
    cpu_thread_at: offset_of!(Cpu, thread) as u32,
    cpu_idle_at: offset_of!(Cpu, idle) as u32,
    cpu_resting_at: offset_of!(Cpu, resting) as u32,
    cpu_masked_at: offset_of!(Cpu, masked) as u32,
    cpu_wants_at: offset_of!(Cpu, wants) as u32,
    cpu_wants_site_at: offset_of!(Cpu, wants_site) as u32,
    cpu_held_count_at: offset_of!(Cpu, locks.count) as u32,
    cpu_held_at: offset_of!(Cpu, locks.locks) as u32,
    lock_at: offset_of!(Lock, address) as u32,
    lock_site_at: offset_of!(Lock, site) as u32,
    lock_thread_at: offset_of!(Lock, thread) as u32,
    processes: PROCESSES_MAX as u32,
    process_bytes: size_of::<PipeEnds>() as u32,
    process_pid_at: offset_of!(PipeEnds, pid) as u32,
    process_more_at: offset_of!(PipeEnds, more) as u32,
    process_ends_at: offset_of!(PipeEnds, waits) as u32,
    descriptors: DESCRIPTORS as u32,
    example_line: EXAMPLE.line(),
    example_column: EXAMPLE.column(),
    unlisted: AtomicU32::new(0),
    ready: AtomicU32::new(0),
    tick_hz: AtomicU32::new(0),
    ticks: AtomicU64::new(0),
    threads_address: Address((&raw const THREADS).cast()),
    cpus_address: Address((&raw const PROCESSORS).cast()),
    processes_address: Address((&raw const PROCESSES).cast()),
    example: Address(core::ptr::from_ref(EXAMPLE).cast()),
    example_file: Address(EXAMPLE.file().as_ptr().cast()),
    example_file_bytes: EXAMPLE.file().len() as u64,
    lives: Address(LIVES.as_ptr().cast()),
    lives_bytes: LIVES.len() as u64,
    waits: Address(WAITS.as_ptr().cast()),
    waits_bytes: WAITS.len() as u64,
};
