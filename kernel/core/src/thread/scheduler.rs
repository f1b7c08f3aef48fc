//! The scheduler: preemptive round-robin, one run queue, an idle thread per processor.
//!
//! A thread leaves its processor in `switch_from`, and the next thread completes the switch in
//! `finish_switch`: only then may another processor use or free the old stack.

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

/// Time slice in milliseconds while other threads are ready. The stress test uses a short one, so that it
/// sees more interleavings.
const TIME_SLICE_MS: u32 = if cfg!(feature = "kthread_stress_test") { 1 } else { 50 };

/// Scheduler state of a processor. Each pointer owns a reference of its `Arc`.
struct Cpu {
    current: AtomicPtr<Thread>,
    idle: AtomicPtr<Thread>,
    /// The thread that ran before the current one, while the processor may still be on its stack.
    previous: AtomicPtr<Thread>,
    ticks_left: AtomicU32,
    need_switch: AtomicBool,
    /// Clock value when it became idle, 0 if it is not idle.
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

/// Total idle time of all processors, in clock counts.
static IDLE_COUNTS: AtomicU64 = AtomicU64::new(0);

static TICKS_PER_SLICE: AtomicU32 = AtomicU32::new(1);

/// Why the running thread gives up the processor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SwitchReason {
    /// It stays runnable.
    Yield,
    /// It sleeps, unless it was woken meanwhile.
    Sleep,
    /// It has ended.
    Exit,
}

/// Makes the boot code the idle thread of this processor. Called once per processor, before any thread runs.
pub fn init(tick_hz: u32) {
    TICKS_PER_SLICE.store((tick_hz * TIME_SLICE_MS / 1000).max(1), Ordering::Relaxed);
    let idle = Thread::idle(Arc::new(format!("idle/{}", cpu::cpu_id())));
    vitals::this_cpu().set_running(idle.id, idle.record);
    vitals::this_cpu().set_idle_thread(idle.id);
    vitals::set_tick_rate(tick_hz);
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

/// Reserves space for `threads` in the run queue, so that waking a thread needs no memory.
///
/// # Errors
/// ENOMEM.
pub(super) fn make_room(threads: usize) -> Result<(), Errno> {
    let mut queue = RUN_QUEUE.lock();
    let missing = threads.saturating_sub(queue.len());
    queue.try_reserve(missing).map_err(|_| Errno::ENOMEM)
}

/// Makes a new thread runnable.
pub fn start(thread: Arc<Thread>) {
    thread.wake();
}

/// Yields the processor to other ready threads.
pub fn yield_now() {
    switch_from(SwitchReason::Yield);
}

/// Ends the running thread. Nothing on its stack is dropped, so the caller must hold nothing that needs
/// dropping.
pub fn exit() -> ! {
    switch_from(SwitchReason::Exit);
    unreachable!("an exited thread ran again")
}

/// Handles the timer tick on this processor.
pub fn tick() {
    let cpu = CPUS.this();
    let left = cpu.ticks_left.load(Ordering::Relaxed).saturating_sub(1);
    cpu.ticks_left.store(left, Ordering::Relaxed);
    if left == 0 {
        cpu.need_switch.store(true, Ordering::Relaxed);
    }
}

/// Preempts the running thread if its time slice is over; returns whether it did. Called at the end of every
/// trap, with interrupts masked.
pub fn preempt() -> bool {
    let due = CPUS.this().need_switch.load(Ordering::Relaxed) && !planted(Fault::NeverPreempts);
    if due {
        switch_from(SwitchReason::Yield);
    }
    due
}

/// The idle loop; the end of the boot code.
pub fn run_idle() -> ! {
    loop {
        switch_from(SwitchReason::Yield);
        cpu::irq_disable();
        if RUN_QUEUE.lock().is_empty() {
            CPUS.this().idle_since.store(timer::now().max(1), Ordering::Relaxed);
            vitals::this_cpu().set_resting(true);
            cpu::wait_for_interrupt();
            vitals::this_cpu().set_resting(false);
            end_idle();
        }
        cpu::irq_enable();
    }
}

/// Ends this processor's idle time. Every interrupt handler calls it first: if the interrupt ended the wait,
/// other threads may run before the wait returns. Interrupts must be masked.
pub fn end_idle() {
    let since = CPUS.this().idle_since.swap(0, Ordering::Relaxed);
    if since != 0 {
        IDLE_COUNTS.fetch_add(timer::now().saturating_sub(since), Ordering::Relaxed);
    }
}

/// Total idle time of all processors, in clock counts.
pub fn idle_counts() -> u64 {
    if planted(Fault::IdleCountsWork) {
        return timer::now();
    }
    IDLE_COUNTS.load(Ordering::Relaxed)
}

/// Must be the first call in the entry function of every thread.
pub fn enter_new_thread() {
    finish_switch();
}

/// Switches to the next thread; returns when this thread runs again.
fn switch_from(reason: SwitchReason) {
    let _irq = IrqGuard::new();
    spin_lock::assert_none_held("giving the processor away");
    let current = current();
    let cpu = CPUS.this();
    let next = pick(&current, cpu, reason);
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
        record.save_frame(cpu::frame_pointer());
    }
    vitals::this_cpu().set_running(next.id, next.record);
    let (from, to) = (current.context.get(), next.context.get());
    cpu.current.store(Arc::into_raw(next).cast_mut(), Ordering::Relaxed);
    // `previous` takes over the reference of `current` in the processor. Drop the local one: this stack may
    // never run again.
    cpu.previous.store(Arc::as_ptr(&current).cast_mut(), Ordering::Relaxed);
    drop(current);
    let guards = irq::suspend();
    // SAFETY: interrupts are masked; `previous` and `current` keep both threads alive; `on_cpu` guarantees
    // that no other processor runs on the stack of `to`.
    unsafe { parity_arch::switch(from, to) };
    irq::resume(guards);
    finish_switch();
}

/// Selects the next thread and updates the state of the running one.
fn pick(current: &Arc<Thread>, cpu: &Cpu, reason: SwitchReason) -> Arc<Thread> {
    let mut queue = RUN_QUEUE.lock();
    let is_idle = ptr::eq(Arc::as_ptr(current), cpu.idle.load(Ordering::Relaxed));
    let stays = match reason {
        SwitchReason::Yield => true,
        SwitchReason::Sleep if current.state() == State::PreparingToSleep => {
            current.set_state(State::Blocked);
            false
        }
        SwitchReason::Sleep => true,
        SwitchReason::Exit => {
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
    vitals::set_ready(queue.len());
    if !(is_idle && Arc::ptr_eq(&next, current)) {
        trace::fire(&probes::PICK, next.id);
    }
    next
}

/// A thread's number as event payload, changed by a planted fault.
fn traced(thread: u32) -> u32 {
    if planted(Fault::ThreadNumbersCut) { thread & 0xffff } else { thread }
}

fn idle_of(cpu: &Cpu) -> Arc<Thread> {
    let idle = cpu.idle.load(Ordering::Relaxed);
    // SAFETY: made by `Arc::into_raw` in `init` and never released.
    unsafe {
        Arc::increment_strong_count(idle);
        Arc::from_raw(idle)
    }
}

/// Completes the switch from the previous thread, on the new thread's stack.
fn finish_switch() {
    let previous = CPUS.this().previous.swap(ptr::null_mut(), Ordering::Relaxed);
    assert!(!previous.is_null(), "a context switch without a previous thread");
    // SAFETY: `switch_from` moved the reference of `current` of this processor to `previous`.
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
            State::PreparingToSleep => self.set_state(State::Running),
            State::Blocked => {
                self.set_state(State::Ready);
                if planted(Fault::ReadyAtFront) {
                    queue.push_front(self);
                } else {
                    queue.push_back(self);
                }
                vitals::set_ready(queue.len());
                let cpu = CPUS.this();
                if ptr::eq(cpu.current.load(Ordering::Relaxed), cpu.idle.load(Ordering::Relaxed)) {
                    cpu.need_switch.store(true, Ordering::Relaxed);
                }
            }
            State::Ready | State::Running | State::Exited => {}
        }
    }
}

/// For a canary: drops all threads from the run queue.
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
        current.set_state(State::PreparingToSleep);
        current.clone()
    }

    fn sleep(&self) {
        switch_from(SwitchReason::Sleep);
    }

    fn cancel(&self) {
        let current = current();
        let _queue = RUN_QUEUE.lock();
        current.set_state(State::Running);
    }
}
