//! The scheduler: preemptive round-robin, one run queue, an idle thread per processor.
//!
//! A thread leaves its processor in `switch_from`, and whoever runs next completes the departure in
//! `finish_switch`: only then is the old stack free for another processor, or for good.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::sync::Arc;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use parity_abi::Errno;
use parity_arch::{cpu, timer};

use super::thread::State;
use super::{Thread, probes};
use crate::faults::{Fault, planted};
use crate::mm::AddressSpace;
use crate::sync::wait_queue::{Blocking, Link, Sleeper, register_blocking};
use crate::sync::{IrqGuard, MAX_CPUS, PerCpu, SpinLock, irq, spin_lock};
use crate::{trace, vitals};

/// How long a thread may run while others wait. Under stress it may lose the processor at any tick, so that more
/// orders of events are seen.
const TIME_SLICE_MS: u32 = if cfg!(feature = "kthread_stress_test") { 1 } else { 50 };

/// What the scheduler knows about one processor. The pointers own a reference of their `Arc`.
struct Cpu {
    current: AtomicPtr<Thread>,
    idle: AtomicPtr<Thread>,
    /// Who ran before the current thread and is not yet off its stack.
    previous: AtomicPtr<Thread>,
    ticks_left: AtomicU32,
    need_switch: AtomicBool,
    /// The clock when it began to wait for something to do, 0 if it does not wait.
    idle_since: AtomicU64,
}

static CPUS: PerCpu<Cpu> = PerCpu::new(
    [const {
        Cpu {
            current: AtomicPtr::new(ptr::null_mut()),
            idle: AtomicPtr::new(ptr::null_mut()),
            previous: AtomicPtr::new(ptr::null_mut()),
            ticks_left: AtomicU32::new(0),
            need_switch: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
        }
    }; MAX_CPUS],
);

static RUN_QUEUE: SpinLock<VecDeque<Arc<Thread>>> = SpinLock::new(VecDeque::new());

/// Counts of the clock in which a processor waited for something to do.
static IDLE_COUNTS: AtomicU64 = AtomicU64::new(0);

static TICKS_PER_SLICE: AtomicU32 = AtomicU32::new(1);

/// How the running thread gives the processor away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Departure {
    /// It goes on later, whatever it was about to do.
    Yield,
    /// It sleeps unless somebody woke it meanwhile.
    Sleep,
    /// It never comes back.
    Exit,
}

/// Makes the boot code the idle thread of this processor. Called once per processor, before any thread runs.
pub fn init(tick_hz: u32) {
    TICKS_PER_SLICE.store((tick_hz * TIME_SLICE_MS / 1000).max(1), Ordering::Relaxed);
    let idle = Thread::idle(Arc::new(format!("idle/{}", cpu::cpu_id())));
    vitals::this_cpu().run(idle.id, idle.record);
    vitals::this_cpu().idles_in(idle.id);
    vitals::ticks_per_second(tick_hz);
    let cpu = CPUS.this();
    cpu.idle.store(Arc::into_raw(idle.clone()).cast_mut(), Ordering::Relaxed);
    cpu.current.store(Arc::into_raw(idle).cast_mut(), Ordering::Relaxed);
    register_blocking(&SCHEDULER);
    trace::register(&probes::PROVIDER, &[&probes::CTX_SWITCH_TOTAL]);
}

/// The running thread.
///
/// # Panics
/// Before [`init`].
pub fn current() -> Arc<Thread> {
    let _irq = IrqGuard::new();
    let current = CPUS.this().current.load(Ordering::Relaxed);
    assert!(!current.is_null(), "no thread runs yet");
    // SAFETY: `current` came from `Arc::into_raw` and its reference lives as long as the thread runs here.
    unsafe {
        Arc::increment_strong_count(current);
        Arc::from_raw(current)
    }
}

/// Makes room in the run queue for all of `threads`, so that waking one needs no memory.
///
/// # Errors
/// ENOMEM.
pub(super) fn make_room(threads: usize) -> Result<(), Errno> {
    let mut queue = RUN_QUEUE.lock();
    let missing = threads.saturating_sub(queue.len());
    queue.try_reserve(missing).map_err(|_| Errno::ENOMEM)
}

/// Lets a new thread run.
pub fn start(thread: Arc<Thread>) {
    thread.wake();
}

/// Lets the others run first.
pub fn yield_now() {
    switch_from(Departure::Yield);
}

/// Ends the running thread. Nothing on its stack is dropped: the caller must hold nothing.
pub fn exit() -> ! {
    switch_from(Departure::Exit);
    unreachable!("an exited thread was run again")
}

/// The timer's tick on this processor.
pub fn tick() {
    let cpu = CPUS.this();
    let left = cpu.ticks_left.load(Ordering::Relaxed).saturating_sub(1);
    cpu.ticks_left.store(left, Ordering::Relaxed);
    if left == 0 {
        cpu.need_switch.store(true, Ordering::Relaxed);
    }
}

/// The end of every trap, with interrupts masked: the place where a thread is preempted. Whether it was.
pub fn preempt() -> bool {
    let due = CPUS.this().need_switch.load(Ordering::Relaxed) && !planted(Fault::NeverPreempts);
    if due {
        switch_from(Departure::Yield);
    }
    due
}

/// What a processor does when there is nothing to do; the end of the boot code.
pub fn run_idle() -> ! {
    loop {
        switch_from(Departure::Yield);
        cpu::irq_disable();
        if RUN_QUEUE.lock().is_empty() {
            CPUS.this().idle_since.store(timer::now().max(1), Ordering::Relaxed);
            vitals::this_cpu().rest(true);
            cpu::wait_for_interrupt();
            vitals::this_cpu().rest(false);
            end_idle();
        }
        cpu::irq_enable();
    }
}

/// This processor waits no longer for something to do. Every interrupt says so first, as where it is taken while the
/// processor waits, other threads may run before the wait returns. Interrupts are masked.
pub fn end_idle() {
    let since = CPUS.this().idle_since.swap(0, Ordering::Relaxed);
    if since != 0 {
        IDLE_COUNTS.fetch_add(timer::now().saturating_sub(since), Ordering::Relaxed);
    }
}

/// Counts of the clock, summed over the processors, in which there was nothing to do.
pub fn idle_counts() -> u64 {
    if planted(Fault::IdleCountsWork) {
        return timer::now();
    }
    IDLE_COUNTS.load(Ordering::Relaxed)
}

/// To be called first by the entry function of every thread.
pub fn enter_new_thread() {
    finish_switch();
}

/// Gives the processor to the next thread; returns when this one gets it back.
fn switch_from(departure: Departure) {
    let _irq = IrqGuard::new();
    spin_lock::assert_none_held("giving the processor away");
    let current = current();
    let cpu = CPUS.this();
    let next = pick(&current, cpu, departure);
    cpu.need_switch.store(false, Ordering::Relaxed);
    cpu.ticks_left.store(TICKS_PER_SLICE.load(Ordering::Relaxed), Ordering::Relaxed);
    if Arc::ptr_eq(&current, &next) {
        return;
    }
    trace::fire(&probes::SWITCH_ENTRY, traced(current.id));
    while next.on_cpu.swap(true, Ordering::Acquire) {
        core::hint::spin_loop();
    }
    current.save_fp();
    next.restore_fp();
    match &next.owner {
        Some(owner) => owner.activate(),
        None => AddressSpace::deactivate(),
    }
    if let Some(record) = current.record {
        record.leave(cpu::frame_pointer());
    }
    vitals::this_cpu().run(next.id, next.record);
    let (from, to) = (current.context.get(), next.context.get());
    cpu.current.store(Arc::into_raw(next).cast_mut(), Ordering::Relaxed);
    // The reference that `current` held in the processor goes to `previous`; the local one must not stay on a
    // stack that may never be run again.
    cpu.previous.store(Arc::as_ptr(&current).cast_mut(), Ordering::Relaxed);
    drop(current);
    let guards = irq::suspend();
    // SAFETY: interrupts are masked; both contexts belong to threads kept alive by `previous` and `current`;
    // `on_cpu` says that nobody else runs on the stack of `to`.
    unsafe { parity_arch::switch(from, to) };
    irq::resume(guards);
    finish_switch();
}

/// Decides who runs next and where the running thread goes.
fn pick(current: &Arc<Thread>, cpu: &Cpu, departure: Departure) -> Arc<Thread> {
    let mut queue = RUN_QUEUE.lock();
    let is_idle = ptr::eq(Arc::as_ptr(current), cpu.idle.load(Ordering::Relaxed));
    let stays = match departure {
        Departure::Yield => true,
        Departure::Sleep if current.state() == State::Announced => {
            current.set_state(State::Blocked);
            false
        }
        Departure::Sleep => true,
        Departure::Exit => {
            current.set_state(State::Exited);
            false
        }
    };
    if stays && !is_idle {
        current.set_state(State::Ready);
        queue.push_back(current.clone());
    }
    let next = queue.pop_front().unwrap_or_else(|| idle_of(cpu));
    next.set_state(State::Running);
    vitals::queued(queue.len());
    if !(is_idle && Arc::ptr_eq(&next, current)) {
        trace::fire(&probes::PICK, next.id);
    }
    next
}

/// A thread's number as events tell it, but for a planted fault.
fn traced(thread: u32) -> u32 {
    if planted(Fault::ThreadNumbersCut) { thread & 0xffff } else { thread }
}

fn idle_of(cpu: &Cpu) -> Arc<Thread> {
    let idle = cpu.idle.load(Ordering::Relaxed);
    // SAFETY: made by `Arc::into_raw` in `init` and never given back.
    unsafe {
        Arc::increment_strong_count(idle);
        Arc::from_raw(idle)
    }
}

/// Completes the departure of whoever ran before, on the new thread's stack.
fn finish_switch() {
    let previous = CPUS.this().previous.swap(ptr::null_mut(), Ordering::Relaxed);
    assert!(!previous.is_null(), "a switch came from nowhere");
    // SAFETY: the reference that `current` of this processor held until `switch_from` moved it to `previous`.
    let previous = unsafe { Arc::from_raw(previous) };
    trace::fire(&probes::SWITCH_EXIT, traced(vitals::current_thread()));
    previous.on_cpu.store(false, Ordering::Release);
}

impl Sleeper for Thread {
    fn link(&self) -> &Link {
        &self.link
    }

    fn wake(self: Arc<Self>) {
        let mut queue = RUN_QUEUE.lock();
        match self.state() {
            State::Announced => self.set_state(State::Running),
            State::Blocked => {
                self.set_state(State::Ready);
                if planted(Fault::ReadyAtFront) {
                    queue.push_front(self);
                } else {
                    queue.push_back(self);
                }
                vitals::queued(queue.len());
                let cpu = CPUS.this();
                if ptr::eq(cpu.current.load(Ordering::Relaxed), cpu.idle.load(Ordering::Relaxed)) {
                    cpu.need_switch.store(true, Ordering::Relaxed);
                }
            }
            State::Ready | State::Running | State::Exited => {}
        }
    }
}

/// What canaries do with the run queue, and no scheduler must: forgets who is in it.
#[cfg(feature = "canaries")]
pub fn forget_ready() {
    core::mem::take(&mut *RUN_QUEUE.lock()).into_iter().for_each(core::mem::forget);
}

struct Scheduler;

static SCHEDULER: Scheduler = Scheduler;

impl Blocking for Scheduler {
    fn prepare(&self) -> Arc<dyn Sleeper> {
        let current = current();
        let _queue = RUN_QUEUE.lock();
        current.set_state(State::Announced);
        current.clone()
    }

    fn sleep(&self) {
        switch_from(Departure::Sleep);
    }

    fn cancel(&self) {
        let current = current();
        let _queue = RUN_QUEUE.lock();
        current.set_state(State::Running);
    }
}
