//! Vital signs: what every thread and processor is doing, for whoever reads the memory from outside.
//!
//! The kernel's symbol `VITALS_HEADER` ([`Header`]) says where everything is and how large, so that a reader needs
//! the ELF file and no number of this file. All integers are little endian. Whoever reads stops the machine
//! before; what was being changed just then may be torn.

use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::trace::Address;

/// Threads that there is room for; those beyond are counted, not told.
pub const THREADS: usize = 256;
/// Processors that there is room for.
pub const CPUS: usize = 8;
/// Bytes of a thread's name, zeros behind it; a longer one is cut.
pub const NAME_BYTES: usize = 40;
/// Locks of one thread, or of one processor, that there is room for; those beyond are counted.
pub const HELD: usize = 8;
/// Processes with pipes that there is room for.
pub const PROCESSES: usize = THREADS;
/// Descriptors of a process, from 0 on, that there is room for; those beyond are counted.
pub const DESCRIPTORS: usize = 32;

/// Where a thread is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Life {
    /// There is no thread here.
    Free = 0,
    Ready = 1,
    Running = 2,
    /// Running, but about to sleep.
    Dozing = 3,
    Sleeping = 4,
    /// It has ended, with a lock held if it is still here.
    Ended = 5,
}

/// What [`Life`] is called, by number.
pub const LIVES: &str = "free,ready,running,dozing,sleeping,ended";

/// What a thread sleeps on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Wait {
    Nothing = 0,
    Queue = 1,
    Mutex = 2,
    Child = 3,
    Pipe = 4,
    Ticks = 5,
    Input = 6,
    Disk = 7,
    /// To be unparked.
    Park = 8,
    /// A kernel thread to end.
    Join = 9,
}

/// What [`Wait`] is called, by number.
pub const WAITS: &str = "nothing,queue,mutex,child,pipe,ticks,input,disk,park,join";

/// First bytes of the header.
pub const MAGIC: [u8; 8] = *b"PARVITAL";
/// Version of the header. A reader refuses another.
pub const VERSION: u32 = 2;

/// What `VITALS_HEADER` says: sizes and places in bytes, counts, and virtual addresses (8 bytes each). A field is
/// 4 bytes where nothing else is said.
#[derive(Debug)]
#[repr(C)]
pub struct Header {
    pub magic: [u8; 8],
    pub version: u32,
    pub header_bytes: u32,
    pub threads: u32,
    pub thread_bytes: u32,
    pub cpus: u32,
    pub cpu_bytes: u32,
    pub name_bytes: u32,
    pub held: u32,
    pub held_bytes: u32,
    /// Within a thread. Number of [`Life`], processor it ran on last, its own number, its process's (0: none), and
    /// its process's parent's when it began: a parent that has ended has left its children to process 1.
    pub life_at: u32,
    pub cpu_at: u32,
    pub id_at: u32,
    pub pid_at: u32,
    pub parent_at: u32,
    pub name_at: u32,
    /// Addresses: frame pointer when it last left a processor (0: never), lowest of its stack, end (exclusive) of
    /// it, and the lowest in physical memory (0: the stack is part of the kernel's own memory).
    pub frame_at: u32,
    pub stack_at: u32,
    pub stack_end_at: u32,
    pub stack_physical_at: u32,
    /// Number of [`Wait`]; address of what it waits for, and place in the source where (8 bytes each); number of
    /// the tick at which it stops waiting (8 bytes; 0: never). Who alone can end the wait (0: not known, or any):
    /// a thread's number for [`Wait::Join`], a process's for [`Wait::Child`].
    pub wait_at: u32,
    pub wait_on_at: u32,
    pub wait_site_at: u32,
    pub wait_until_at: u32,
    pub wait_by_at: u32,
    /// Number of the thread that has unparked it since it last parked (0: none).
    pub unparked_at: u32,
    /// Tick at which it last got a processor, or was made (8 bytes).
    pub ran_at: u32,
    /// How many mutexes it holds, and the first of them.
    pub held_count_at: u32,
    pub held_at: u32,
    /// Within a processor. Number of the thread that runs (0: none yet), and of the one that runs when there is
    /// nothing to do; whether that waits for an interrupt; how often interrupts are masked; the spin lock it waits for (address; 0: none) and where (8
    /// bytes each); how many it holds, and the first of them.
    pub cpu_thread_at: u32,
    pub cpu_idle_at: u32,
    pub cpu_resting_at: u32,
    pub cpu_masked_at: u32,
    pub cpu_wants_at: u32,
    pub cpu_wants_site_at: u32,
    pub cpu_held_count_at: u32,
    pub cpu_held_at: u32,
    /// Within a held lock. Its address, the place in the source where it was taken (8 bytes each), number of the
    /// thread that took it.
    pub lock_at: u32,
    pub lock_site_at: u32,
    pub lock_thread_at: u32,
    /// Processes that have had a pipe: how many there is room for, and the size of one. Within a process: its
    /// number (0: there is none), how many pipes its descriptors beyond [`DESCRIPTORS`] were given; and, for each
    /// descriptor, the address that [`Wait::Pipe`] has for the waits that it can end (8 bytes; 0: none).
    pub processes: u32,
    pub process_bytes: u32,
    pub process_pid_at: u32,
    pub process_more_at: u32,
    pub process_ends_at: u32,
    pub descriptors: u32,
    /// Line and column of `example`.
    pub example_line: u32,
    pub example_column: u32,
    /// Threads that there was no room for.
    pub unlisted: AtomicU32,
    /// Threads in the run queue.
    pub ready: AtomicU32,
    /// Ticks per second; 0 before the timer was started.
    pub tick_hz: AtomicU32,
    /// Ticks of the timer since boot.
    pub ticks: AtomicU64,
    pub threads_address: Address,
    pub cpus_address: Address,
    pub processes_address: Address,
    /// A place in the source, as the compiler keeps it: whoever finds its file's address and length (or the length
    /// and one, for a zero behind it), line and column in it can read all others.
    pub example: Address,
    pub example_file: Address,
    pub example_file_bytes: u64,
    /// Texts: names of [`Life`] and [`Wait`], by number, with commas between.
    pub lives: Address,
    pub lives_bytes: u64,
    pub waits: Address,
    pub waits_bytes: u64,
}

const _: () = assert!(size_of::<Header>() == 8 + 50 * 4 + 11 * 8);
