//! Vitals: the state of every thread and processor in memory, which an outside reader can still read when the
//! kernel no longer works (`parity_abi::vitals`). Updates are plain stores, without locks or allocation.

mod descriptors;
mod header;

use core::panic::Location;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use parity_abi::vitals::{CPUS, HELD, NAME_BYTES, THREADS as THREADS_MAX};
pub use parity_abi::vitals::{Life, Wait};
use parity_arch::{PhysAddr, VirtAddr, cpu};

pub use descriptors::Descriptors;
use header::VITALS_HEADER;

/// A source location in memory.
pub type Site = AtomicPtr<Location<'static>>;

const NOWHERE: *mut Location<'static> = core::ptr::null_mut();

/// A held lock.
#[repr(C)]
struct Lock {
    address: AtomicU64,
    site: Site,
    thread: AtomicU32,
}

/// Held locks of a thread or processor, in the order of acquisition.
#[repr(C)]
pub struct Locks {
    count: AtomicU32,
    locks: [Lock; HELD],
}

impl Locks {
    const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            locks: [const {
                Lock { address: AtomicU64::new(0), site: Site::new(NOWHERE), thread: AtomicU32::new(0) }
            }; HELD],
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Source location that took the last lock; `None` if the lock is not recorded.
    pub fn last_site(&self) -> Option<&'static Location<'static>> {
        let count = self.count.load(Ordering::Relaxed) as usize;
        let last = self.locks.get(count.checked_sub(1)?)?;
        // SAFETY: null, or made from a `&'static Location`, which nothing ever writes.
        unsafe { last.site.load(Ordering::Relaxed).as_ref() }
    }

    /// Records a further lock of this thread or processor. No other writer may be active.
    pub fn add(&self, address: u64, site: &'static Location<'static>, thread: u32) {
        let count = self.count.load(Ordering::Relaxed);
        if let Some(lock) = self.locks.get(count as usize) {
            lock.address.store(address, Ordering::Relaxed);
            lock.site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
            lock.thread.store(thread, Ordering::Relaxed);
        }
        self.count.store(count + 1, Ordering::Relaxed);
    }

    /// Removes a released lock, which need not be the last one. No other writer may be active.
    pub fn remove(&self, address: u64) {
        let count = self.count.load(Ordering::Relaxed) as usize;
        let known = &self.locks[..count.min(HELD)];
        let found = known.iter().rposition(|lock| lock.address.load(Ordering::Relaxed) == address);
        if found.is_none() && count <= HELD {
            return; // another thread or processor took it
        }
        for (place, next) in known.iter().zip(known.iter().skip(1)).skip(found.unwrap_or(HELD)) {
            place.address.store(next.address.load(Ordering::Relaxed), Ordering::Relaxed);
            place.site.store(next.site.load(Ordering::Relaxed), Ordering::Relaxed);
            place.thread.store(next.thread.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.count.store(count as u32 - 1, Ordering::Relaxed);
    }
}

/// State of a processor. Only this processor writes it, with interrupts masked.
#[repr(C)]
pub struct Cpu {
    /// Number of the running thread, 0 during boot.
    thread: AtomicU32,
    /// Number of the idle thread.
    idle: AtomicU32,
    /// Whether the idle thread waits for an interrupt.
    resting: AtomicU32,
    /// Index of the running thread's record plus 1; 0 if it has none.
    record: AtomicU32,
    /// Nesting depth of interrupt masks, and whether interrupts were enabled before the first.
    pub masked: AtomicU32,
    pub enabled_before: AtomicBool,
    /// The spin lock that it waits for.
    wants: AtomicU64,
    wants_site: Site,
    /// Held spin locks.
    pub locks: Locks,
}

impl Cpu {
    /// Number of the running thread, 0 during boot.
    pub fn thread(&self) -> u32 {
        self.thread.load(Ordering::Relaxed)
    }

    /// Sets the running thread.
    pub fn set_running(&self, thread: u32, record: Option<&'static Record>) {
        let place = record.map_or(0, |record| {
            (core::ptr::from_ref(record).addr() - THREADS.as_ptr().addr()) / size_of::<Record>() + 1
        });
        self.record.store(place as u32, Ordering::Relaxed);
        self.thread.store(thread, Ordering::Relaxed);
        if let Some(record) = record {
            record.ran.store(VITALS_HEADER.ticks.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Sets the idle thread.
    pub fn set_idle_thread(&self, thread: u32) {
        self.idle.store(thread, Ordering::Relaxed);
    }

    /// Sets whether the idle thread waits for an interrupt.
    pub fn set_resting(&self, resting: bool) {
        self.resting.store(resting.into(), Ordering::Relaxed);
    }

    /// Begins a wait for a spin lock.
    pub fn begin_lock_wait(&self, address: u64, site: &'static Location<'static>) {
        self.wants_site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
        self.wants.store(address, Ordering::Relaxed);
    }

    /// PipeEnds the wait for a spin lock.
    pub fn end_lock_wait(&self) {
        self.wants.store(0, Ordering::Relaxed);
    }
}

/// State of a thread.
#[repr(C)]
pub struct Record {
    life: AtomicU32,
    cpu: AtomicU32,
    id: AtomicU32,
    pid: AtomicU32,
    parent: AtomicU32,
    name: [AtomicU8; NAME_BYTES],
    frame: AtomicU64,
    stack: AtomicU64,
    stack_end: AtomicU64,
    stack_physical: AtomicU64,
    wait: AtomicU32,
    wait_on: AtomicU64,
    wait_site: Site,
    wait_until: AtomicU64,
    wait_by: AtomicU32,
    unparked: AtomicU32,
    ran: AtomicU64,
    /// Held mutexes.
    locks: Locks,
}

/// A stack: its lowest address, its end (exclusive) and its physical address.
pub struct Stack {
    pub start: VirtAddr,
    pub end: VirtAddr,
    pub physical: PhysAddr,
}

impl Record {
    const fn new() -> Self {
        Self {
            life: AtomicU32::new(Life::Free as u32),
            cpu: AtomicU32::new(0),
            id: AtomicU32::new(0),
            pid: AtomicU32::new(0),
            parent: AtomicU32::new(0),
            name: [const { AtomicU8::new(0) }; NAME_BYTES],
            frame: AtomicU64::new(0),
            stack: AtomicU64::new(0),
            stack_end: AtomicU64::new(0),
            stack_physical: AtomicU64::new(0),
            wait: AtomicU32::new(Wait::Nothing as u32),
            wait_on: AtomicU64::new(0),
            wait_site: Site::new(NOWHERE),
            wait_until: AtomicU64::new(0),
            wait_by: AtomicU32::new(0),
            unparked: AtomicU32::new(0),
            ran: AtomicU64::new(0),
            locks: Locks::new(),
        }
    }

    /// Allocates a record for a thread; `None` if all are in use. `stack` is `None` for a stack in the kernel
    /// image.
    pub fn take(life: Life, id: u32, pid: u32, name: &str, stack: Option<&Stack>) -> Option<&'static Self> {
        let free = |record: &&Self| {
            let (free, taken) = (Life::Free as u32, life as u32);
            record.life.compare_exchange(free, taken, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        let start = id as usize % THREADS_MAX;
        let Some(record) = THREADS[start..].iter().chain(&THREADS[..start]).find(free) else {
            VITALS_HEADER.unlisted.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        record.id.store(id, Ordering::Relaxed);
        record.pid.store(pid, Ordering::Relaxed);
        record.parent.store(0, Ordering::Relaxed);
        record.unparked.store(0, Ordering::Relaxed);
        record.ran.store(VITALS_HEADER.ticks.load(Ordering::Relaxed), Ordering::Relaxed);
        record.frame.store(0, Ordering::Relaxed);
        record.locks.count.store(0, Ordering::Relaxed);
        record.wait_end();
        record.set_name(name);
        let (start, end, physical) =
            stack.map_or((0, 0, 0), |stack| (stack.start.0, stack.end.0, stack.physical.0));
        record.stack.store(start, Ordering::Relaxed);
        record.stack_end.store(end, Ordering::Relaxed);
        record.stack_physical.store(physical, Ordering::Relaxed);
        Some(record)
    }

    /// Frees the record of an ended thread. If the thread still held a mutex, the record stays: threads that
    /// wait for that mutex wait for ever.
    pub fn release(&self) {
        let life = if self.locks.is_empty() { Life::Free } else { Life::Ended };
        self.set_life(life);
    }

    pub fn set_life(&self, life: Life) {
        self.life.store(life as u32, Ordering::Relaxed);
    }

    /// Sets the number of its process's parent.
    pub fn set_parent(&self, pid: u32) {
        self.parent.store(pid, Ordering::Relaxed);
    }

    /// Records that thread `by` unparked the thread of this number, or (0) that it consumed the unpark. No
    /// effect if the record now belongs to another thread.
    pub fn set_unparked(&self, thread: u32, by: u32) {
        if self.id.load(Ordering::Relaxed) == thread {
            self.unparked.store(by, Ordering::Relaxed);
        }
    }

    /// Sets the name; a longer one is cut.
    pub fn set_name(&self, name: &str) {
        let bytes = name.bytes().chain(core::iter::repeat(0));
        for (place, byte) in self.name.iter().zip(bytes) {
            place.store(byte, Ordering::Relaxed);
        }
    }

    /// Saves its processor and frame pointer before a context switch.
    pub fn save_frame(&self, frame: *const usize) {
        self.cpu.store(cpu::cpu_id() as u32, Ordering::Relaxed);
        self.frame.store(frame.addr() as u64, Ordering::Relaxed);
    }

    fn wait_begin(&self, wait: Wait, on: u64, by: u32, site: &'static Location<'static>) {
        self.wait_by.store(by, Ordering::Relaxed);
        self.wait_on.store(on, Ordering::Relaxed);
        self.wait_site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
        self.wait.store(wait as u32, Ordering::Relaxed);
    }

    fn wait_end(&self) {
        self.wait.store(Wait::Nothing as u32, Ordering::Relaxed);
        self.wait_until.store(0, Ordering::Relaxed);
    }
}

static THREADS: [Record; THREADS_MAX] = [const { Record::new() }; THREADS_MAX];

static PROCESSORS: [Cpu; CPUS] = [const {
    Cpu {
        thread: AtomicU32::new(0),
        idle: AtomicU32::new(0),
        resting: AtomicU32::new(0),
        record: AtomicU32::new(0),
        masked: AtomicU32::new(0),
        enabled_before: AtomicBool::new(false),
        wants: AtomicU64::new(0),
        wants_site: Site::new(NOWHERE),
        locks: Locks::new(),
    }
}; CPUS];

/// The current processor's state; reliable only while interrupts are masked.
#[inline(always)]
pub fn this_cpu() -> &'static Cpu {
    &PROCESSORS[cpu::cpu_id()]
}

/// Calls `work` with the running thread's record, if it has one.
fn with_current(work: impl FnOnce(&Record, u32)) {
    let state = cpu::irq_save();
    let cpu = this_cpu();
    let place = cpu.record.load(Ordering::Relaxed) as usize;
    if let Some(record) = place.checked_sub(1).and_then(|place| THREADS.get(place)) {
        work(record, cpu.thread());
    }
    cpu::irq_restore(state);
}

/// Number of the running thread, 0 during boot.
pub fn current_thread() -> u32 {
    let state = cpu::irq_save();
    let thread = this_cpu().thread();
    cpu::irq_restore(state);
    thread
}

/// Begins a wait of the running thread for an event at this address; `by` is the number of the only thread or
/// process that can end it, 0 if unknown.
pub fn wait_begin(wait: Wait, on: u64, by: u32, site: &'static Location<'static>) {
    with_current(|record, _| record.wait_begin(wait, on, by, site));
}

/// Sets the tick at which the wait times out; 0: never.
pub fn wait_until(tick: u64) {
    with_current(|record, _| record.wait_until.store(tick, Ordering::Relaxed));
}

/// PipeEnds the wait of the running thread.
pub fn wait_end() {
    with_current(|record, _| record.wait_end());
}

/// Records a mutex that the running thread acquired.
pub fn mutex_acquired(address: u64, site: &'static Location<'static>) {
    with_current(|record, thread| record.locks.add(address, site, thread));
}

/// Records that the running thread released a mutex.
pub fn mutex_released(address: u64) {
    with_current(|record, _| record.locks.remove(address));
}

/// Sets the number of ticks since boot.
pub fn set_ticks(ticks: u64) {
    VITALS_HEADER.ticks.store(ticks, Ordering::Relaxed);
}

/// Sets the tick rate in Hz.
pub fn set_tick_rate(ticks: u32) {
    VITALS_HEADER.tick_hz.store(ticks, Ordering::Relaxed);
}

/// Sets the number of threads in the run queue.
pub fn set_ready(threads: usize) {
    VITALS_HEADER.ready.store(threads as u32, Ordering::Relaxed);
}
