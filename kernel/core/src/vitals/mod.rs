//! Vital signs: what every thread and processor is doing, written down where a reader from outside finds it when
//! nothing works any more (`parity_abi::vitals`). Written with plain stores, no lock and no memory asked for.

mod descriptors;
mod header;

use core::panic::Location;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use parity_abi::vitals::{CPUS, HELD, NAME_BYTES, THREADS as THREADS_MAX};
pub use parity_abi::vitals::{Life, Wait};
use parity_arch::{PhysAddr, VirtAddr, cpu};

pub use descriptors::Descriptors;
use header::VITALS_HEADER;

/// A place in the source, as it is kept in memory.
pub type Site = AtomicPtr<Location<'static>>;

const NOWHERE: *mut Location<'static> = core::ptr::null_mut();

/// A lock that somebody holds.
#[repr(C)]
struct Lock {
    address: AtomicU64,
    site: Site,
    thread: AtomicU32,
}

/// The locks that somebody holds, the one taken last behind the others.
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

    /// Where the last one was taken, as far as there was room for it.
    pub fn last_site(&self) -> Option<&'static Location<'static>> {
        let count = self.count.load(Ordering::Relaxed) as usize;
        let last = self.locks.get(count.checked_sub(1)?)?;
        // SAFETY: null, or made from a `&'static Location`, which nothing ever writes.
        unsafe { last.site.load(Ordering::Relaxed).as_ref() }
    }

    /// Whoever holds these has taken one more. Nobody else may write here meanwhile.
    pub fn add(&self, address: u64, site: &'static Location<'static>, thread: u32) {
        let count = self.count.load(Ordering::Relaxed);
        if let Some(lock) = self.locks.get(count as usize) {
            lock.address.store(address, Ordering::Relaxed);
            lock.site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
            lock.thread.store(thread, Ordering::Relaxed);
        }
        self.count.store(count + 1, Ordering::Relaxed);
    }

    /// It was given back; others were perhaps taken after it. As [`Self::add`].
    pub fn remove(&self, address: u64) {
        let count = self.count.load(Ordering::Relaxed) as usize;
        let known = &self.locks[..count.min(HELD)];
        let found = known.iter().rposition(|lock| lock.address.load(Ordering::Relaxed) == address);
        if found.is_none() && count <= HELD {
            return; // somebody else has taken it
        }
        for (place, next) in known.iter().zip(known.iter().skip(1)).skip(found.unwrap_or(HELD)) {
            place.address.store(next.address.load(Ordering::Relaxed), Ordering::Relaxed);
            place.site.store(next.site.load(Ordering::Relaxed), Ordering::Relaxed);
            place.thread.store(next.thread.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.count.store(count as u32 - 1, Ordering::Relaxed);
    }
}

/// What a processor is doing. It alone writes here, interrupts masked.
#[repr(C)]
pub struct Cpu {
    /// Number of the thread that runs, 0 while booting.
    thread: AtomicU32,
    /// Number of the thread that runs when there is nothing to do.
    idle: AtomicU32,
    /// Whether that waits for an interrupt.
    resting: AtomicU32,
    /// Place of its record, counted from 1; 0 if it has none.
    record: AtomicU32,
    /// How often interrupts are masked, and whether they were enabled before.
    pub masked: AtomicU32,
    pub enabled_before: AtomicBool,
    /// The spin lock it waits for.
    wants: AtomicU64,
    wants_site: Site,
    /// Spin locks.
    pub locks: Locks,
}

impl Cpu {
    /// Number of the thread that runs, 0 while booting.
    pub fn thread(&self) -> u32 {
        self.thread.load(Ordering::Relaxed)
    }

    /// Another thread runs from now on.
    pub fn run(&self, thread: u32, record: Option<&'static Record>) {
        let place = record.map_or(0, |record| {
            (core::ptr::from_ref(record).addr() - THREADS.as_ptr().addr()) / size_of::<Record>() + 1
        });
        self.record.store(place as u32, Ordering::Relaxed);
        self.thread.store(thread, Ordering::Relaxed);
        if let Some(record) = record {
            record.ran.store(VITALS_HEADER.ticks.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// This thread runs when there is nothing to do.
    pub fn idles_in(&self, thread: u32) {
        self.idle.store(thread, Ordering::Relaxed);
    }

    /// The thread that runs when there is nothing to do waits for an interrupt, or does so no longer.
    pub fn rest(&self, resting: bool) {
        self.resting.store(resting.into(), Ordering::Relaxed);
    }

    /// It waits for a spin lock.
    pub fn want(&self, address: u64, site: &'static Location<'static>) {
        self.wants_site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
        self.wants.store(address, Ordering::Relaxed);
    }

    /// It waits no longer.
    pub fn got(&self) {
        self.wants.store(0, Ordering::Relaxed);
    }
}

/// What a thread is doing.
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
    /// Mutexes.
    locks: Locks,
}

/// A stack: its lowest address, its end (exclusive) and where it lies in physical memory.
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

    /// A record for a thread; `None` when all are taken. `stack`: `None` for one within the kernel's own memory.
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

    /// The thread is no more. One that has ended with a mutex stays: whoever waits for it waits for ever.
    pub fn give_back(&self) {
        let life = if self.locks.is_empty() { Life::Free } else { Life::Ended };
        self.set_life(life);
    }

    pub fn set_life(&self, life: Life) {
        self.life.store(life as u32, Ordering::Relaxed);
    }

    /// Number of its process's parent.
    pub fn set_parent(&self, pid: u32) {
        self.parent.store(pid, Ordering::Relaxed);
    }

    /// The thread of this number was unparked by another, or (0) has used that up. No effect if the record is
    /// another thread's by now.
    pub fn set_unparked(&self, thread: u32, by: u32) {
        if self.id.load(Ordering::Relaxed) == thread {
            self.unparked.store(by, Ordering::Relaxed);
        }
    }

    /// As much of the name as fits.
    pub fn set_name(&self, name: &str) {
        let bytes = name.bytes().chain(core::iter::repeat(0));
        for (place, byte) in self.name.iter().zip(bytes) {
            place.store(byte, Ordering::Relaxed);
        }
    }

    /// It is about to leave this processor; `frame` is the frame pointer to go on from.
    pub fn leave(&self, frame: *const usize) {
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

/// This processor. Only its own as long as interrupts are masked.
#[inline(always)]
pub fn this_cpu() -> &'static Cpu {
    &PROCESSORS[cpu::cpu_id()]
}

/// Does something with the running thread's record, if it has one.
fn with_current(work: impl FnOnce(&Record, u32)) {
    let state = cpu::irq_save();
    let cpu = this_cpu();
    let place = cpu.record.load(Ordering::Relaxed) as usize;
    if let Some(record) = place.checked_sub(1).and_then(|place| THREADS.get(place)) {
        work(record, cpu.thread());
    }
    cpu::irq_restore(state);
}

/// Number of the running thread, 0 while booting.
pub fn current_thread() -> u32 {
    let state = cpu::irq_save();
    let thread = this_cpu().thread();
    cpu::irq_restore(state);
    thread
}

/// The running thread is going to wait for something at this address; `by` is who alone can end that, 0 if it is
/// not known.
pub fn wait_begin(wait: Wait, on: u64, by: u32, site: &'static Location<'static>) {
    with_current(|record, _| record.wait_begin(wait, on, by, site));
}

/// Its wait will end with this tick, if not before; 0: it need not end.
pub fn wait_until(tick: u64) {
    with_current(|record, _| record.wait_until.store(tick, Ordering::Relaxed));
}

/// It waits no longer.
pub fn wait_end() {
    with_current(|record, _| record.wait_end());
}

/// The running thread has taken a mutex.
pub fn mutex_taken(address: u64, site: &'static Location<'static>) {
    with_current(|record, thread| record.locks.add(address, site, thread));
}

/// It has given it back.
pub fn mutex_given(address: u64) {
    with_current(|record, _| record.locks.remove(address));
}

/// As many ticks were counted since boot.
pub fn ticked(ticks: u64) {
    VITALS_HEADER.ticks.store(ticks, Ordering::Relaxed);
}

/// As many ticks come per second.
pub fn ticks_per_second(ticks: u32) {
    VITALS_HEADER.tick_hz.store(ticks, Ordering::Relaxed);
}

/// As many threads are in the run queue.
pub fn queued(threads: usize) {
    VITALS_HEADER.ready.store(threads as u32, Ordering::Relaxed);
}
