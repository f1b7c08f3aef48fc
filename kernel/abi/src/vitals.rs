//! Vitals: the state of every thread and processor in memory, for readers outside the kernel.
//!
//! The kernel's symbol `VITALS_HEADER` ([`Header`]) gives the addresses, offsets and sizes of all structures,
//! so a reader needs only the ELF file and no constant of this file. All integers are little endian. A reader
//! must stop the machine first; values that the kernel was changing at that moment may be torn.

use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::trace::Address;

/// Maximum number of threads in the table; further threads are only counted.
pub const THREADS: usize = 256;
/// Maximum number of processors in the table.
pub const CPUS: usize = 8;
/// Size of a thread's name in bytes, padded with zeros; a longer name is cut.
pub const NAME_BYTES: usize = 40;
/// Maximum number of recorded locks of one thread or processor; further locks are only counted.
pub const HELD: usize = 8;
/// Maximum number of processes with pipes in the table.
pub const PROCESSES: usize = THREADS;
/// Number of recorded descriptors of a process, from 0; pipes at higher descriptors are only counted.
pub const DESCRIPTORS: usize = 32;

/// State of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Life {
    /// The table entry is unused.
    Free = 0,
    Ready = 1,
    Running = 2,
    /// Running, and about to sleep.
    PreparingToSleep = 3,
    Sleeping = 4,
    /// Ended. The entry is still in use only if the thread ended with a mutex held.
    Ended = 5,
}

/// Names of [`Life`], by number.
pub const LIVES: &str = "free,ready,running,dozing,sleeping,ended";

/// Kind of event that a thread waits for.
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
    /// An unpark.
    Park = 8,
    /// The end of a kernel thread.
    Join = 9,
}

/// Names of [`Wait`], by number.
pub const WAITS: &str = "nothing,queue,mutex,child,pipe,ticks,input,disk,park,join";

/// First bytes of [`Header`].
pub const MAGIC: [u8; 8] = *b"PARVITAL";
/// Version of the header. A reader must refuse an unknown version.
pub const VERSION: u32 = 2;

/// Content of `VITALS_HEADER`: sizes and offsets in bytes, counts, and virtual addresses (8 bytes each). A
/// field is 4 bytes unless stated otherwise.
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
    /// Offsets in a thread: number of its [`Life`], processor it last ran on, its own number, its process's
    /// number (0: none), and the number of the process's parent at its start (when the parent ends, process 1
    /// becomes the parent).
    pub life_at: u32,
    pub cpu_at: u32,
    pub id_at: u32,
    pub pid_at: u32,
    pub parent_at: u32,
    pub name_at: u32,
    /// Addresses: frame pointer at its last switch from a processor (0: never), lowest address of its stack,
    /// end (exclusive) of its stack, lowest physical address of its stack (0: the stack is in the kernel
    /// image).
    pub frame_at: u32,
    pub stack_at: u32,
    pub stack_end_at: u32,
    pub stack_physical_at: u32,
    /// Number of the [`Wait`]; address of what it waits for and source location of the wait (8 bytes each);
    /// tick at which the wait times out (8 bytes; 0: never); number of the only waker: a thread for
    /// [`Wait::Join`], a process for [`Wait::Child`] (0: unknown, or several).
    pub wait_at: u32,
    pub wait_on_at: u32,
    pub wait_site_at: u32,
    pub wait_until_at: u32,
    pub wait_by_at: u32,
    /// Number of the thread that unparked it since its last park (0: none).
    pub unparked_at: u32,
    /// Tick at which it last got a processor, or was created (8 bytes).
    pub ran_at: u32,
    /// Number of mutexes it holds, and the first of them.
    pub held_count_at: u32,
    pub held_at: u32,
    /// Offsets in a processor: number of its running thread (0: none yet) and of its idle thread; whether the
    /// idle thread waits for an interrupt; nesting depth of interrupt masks; address of the spin lock it
    /// waits for (0: none) and source location of that wait (8 bytes each); number of spin locks it holds,
    /// and the first of them.
    pub cpu_thread_at: u32,
    pub cpu_idle_at: u32,
    pub cpu_resting_at: u32,
    pub cpu_masked_at: u32,
    pub cpu_wants_at: u32,
    pub cpu_wants_site_at: u32,
    pub cpu_held_count_at: u32,
    pub cpu_held_at: u32,
    /// Offsets in a held lock: its address, the source location that took it (8 bytes each), number of the
    /// thread that took it.
    pub lock_at: u32,
    pub lock_site_at: u32,
    pub lock_thread_at: u32,
    /// Processes that have had a pipe: number of entries, and size of an entry. Offsets in an entry: the
    /// process's number (0: unused), number of pipes at descriptors from [`DESCRIPTORS`] on; and for each
    /// descriptor the address that [`Wait::Pipe`] has for the waits that this descriptor can end (8 bytes; 0:
    /// none).
    pub processes: u32,
    pub process_bytes: u32,
    pub process_pid_at: u32,
    pub process_more_at: u32,
    pub process_ends_at: u32,
    pub descriptors: u32,
    /// Line and column in `example`.
    pub example_line: u32,
    pub example_column: u32,
    /// Number of threads without a table entry.
    pub unlisted: AtomicU32,
    /// Number of threads in the run queue.
    pub ready: AtomicU32,
    /// Ticks per second; 0 until the timer runs.
    pub tick_hz: AtomicU32,
    /// Timer ticks since boot.
    pub ticks: AtomicU64,
    pub threads_address: Address,
    pub cpus_address: Address,
    pub processes_address: Address,
    /// A source location as the compiler stores it. A reader derives the layout of all locations from it, by
    /// searching for the address of its file name, the name's length (or length + 1 with a terminating zero),
    /// line and column.
    pub example: Address,
    pub example_file: Address,
    pub example_file_bytes: u64,
    /// Texts: names of [`Life`] and [`Wait`] by number, separated by commas.
    pub lives: Address,
    pub lives_bytes: u64,
    pub waits: Address,
    pub waits_bytes: u64,
}

const _: () = assert!(size_of::<Header>() == 8 + 50 * 4 + 11 * 8);
