//! Threads, which the scheduler runs on processors.

use alloc::string::String;
use alloc::sync::Arc;
use core::any::Any;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};

use parity_abi::Errno;
use parity_arch::{Context, FpState, VirtAddr};

use super::scheduler;
use super::stack::KernelStack;
use crate::faults::{Fault, planted};
use crate::mm::admission::Reservation;
use crate::sync::IrqGuard;
use crate::sync::wait_queue::Link;
use crate::vitals::{Life, Record};

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// Number of threads without idle threads.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The owner of a thread: a process, seen from this layer.
pub trait Owner: Any + Send + Sync {
    /// Its number.
    fn pid(&self) -> u32;
    /// Activates the owner's address space on the current processor. Interrupts are masked.
    fn activate(&self);
}

/// State of a thread, changed only under the run queue's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// In the run queue.
    Ready,
    /// On a processor, or about to move to the run queue.
    Running,
    /// Running, and about to sleep: a wake-up only cancels the sleep.
    PreparingToSleep,
    /// Sleeping, referenced only by a wait queue; or not started yet.
    Blocked,
    /// Ended.
    Exited,
}

/// Memory of a thread besides its own block.
struct Body {
    stack: KernelStack,
    _calls: Reservation,
}

impl Body {
    fn new() -> Result<Self, Errno> {
        let (stack, calls) = (KernelStack::new()?, Reservation::for_calls()?);
        let body = Self { stack, _calls: calls };
        let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
        scheduler::make_room(count).map(|()| body)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A thread with its kernel stack.
pub struct Thread {
    pub id: u32,
    /// Shared, so that a fork copies no string.
    pub name: Arc<String>,
    /// `None` for a kernel thread, which never enters user space.
    pub owner: Option<Arc<dyn Owner>>,
    /// `None` for the boot stack, which is never freed.
    body: Option<Body>,
    pub(super) link: Link,
    state: AtomicU8,
    /// Vitals record; `None` if the table was full.
    pub(super) record: Option<&'static Record>,
    /// Whether a processor still runs on the stack; meanwhile no other one may run the thread.
    pub(super) on_cpu: AtomicBool,
    pub(super) context: UnsafeCell<Context>,
    fp: UnsafeCell<FpState>,
}

// SAFETY: only the processor that runs the thread or switches to or from it accesses `context` and `fp`, and
// `on_cpu` restricts this to one processor; all other fields are atomic or immutable.
unsafe impl Sync for Thread {}
// SAFETY: no part of a thread is bound to a processor.
unsafe impl Send for Thread {}

impl Thread {
    /// A thread that runs `entry(arg)` once it is started.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new(
        name: Arc<String>,
        owner: Option<Arc<dyn Owner>>,
        fp: FpState,
        entry: extern "C" fn(usize) -> !,
        arg: usize,
    ) -> Result<Arc<Self>, Errno> {
        let body = Body::new()?;
        let context = Context::new(body.stack.top(), entry, arg);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let pid = owner.as_ref().map_or(0, |owner| owner.pid());
        let record = Record::take(Life::Sleeping, id, pid, &name, Some(&body.stack.location()));
        Ok(Arc::new(Self {
            id,
            name,
            owner,
            body: Some(body),
            link: Link::default(),
            record,
            state: AtomicU8::new(State::Blocked as u8),
            on_cpu: AtomicBool::new(false),
            context: UnsafeCell::new(context),
            fp: UnsafeCell::new(fp),
        }))
    }

    /// The thread of the running boot code, which becomes this processor's idle thread.
    pub(super) fn idle(name: Arc<String>) -> Arc<Self> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let record = Record::take(Life::Running, id, 0, &name, None);
        Arc::new(Self {
            id,
            name,
            owner: None,
            body: None,
            link: Link::default(),
            record,
            state: AtomicU8::new(State::Running as u8),
            on_cpu: AtomicBool::new(true),
            context: UnsafeCell::new(Context::empty()),
            fp: UnsafeCell::new(FpState::new()),
        })
    }

    /// Sets the minimum number of further threads, so that a test need not create as many.
    pub fn number_from(number: u32) {
        NEXT_ID.fetch_max(number, Ordering::Relaxed);
    }

    /// End (exclusive) of the kernel stack.
    ///
    /// # Panics
    /// For the idle thread, which has no kernel stack of its own.
    pub fn stack_top(&self) -> VirtAddr {
        match &self.body {
            Some(body) => body.stack.top(),
            None => panic!("thread {} has no stack of its own", self.name),
        }
    }

    /// Whether it waits for an event.
    pub fn is_asleep(&self) -> bool {
        self.state() == State::Blocked
    }

    pub(super) fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Ready,
            1 => State::Running,
            2 => State::PreparingToSleep,
            3 => State::Blocked,
            _ => State::Exited,
        }
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Relaxed);
        if let Some(record) = self.record {
            record.set_life(match state {
                State::Ready => Life::Ready,
                State::Running => Life::Running,
                State::PreparingToSleep => Life::PreparingToSleep,
                State::Blocked => Life::Sleeping,
                State::Exited => Life::Ended,
            });
        }
    }

    /// Sets the number of its process's parent, for vitals.
    pub fn set_parent(&self, pid: u32) {
        if let Some(record) = self.record {
            record.set_parent(pid);
        }
    }

    /// Sets the name after an exec.
    pub fn rename(&self, name: &str) {
        if let Some(record) = self.record {
            record.set_name(name);
        }
    }

    /// Saves the processor's floating-point registers in the thread, on a switch away from it.
    pub(super) fn save_fp(&self) {
        if self.owner.is_some() {
            // SAFETY: this processor runs the thread and interrupts are masked, so there is no other access.
            unsafe { (*self.fp.get()).save() };
        }
    }

    /// Loads the thread's floating-point registers, on a switch to it.
    pub(super) fn restore_fp(&self) {
        if self.owner.is_some() && !planted(Fault::FpNotSaved) {
            // SAFETY: this processor is about to run the thread and interrupts are masked.
            unsafe { (*self.fp.get()).restore() };
        }
    }

    /// A copy of the floating-point registers of this thread, which must be the running one: for fork.
    pub fn copy_fp(&self) -> FpState {
        let _irq = IrqGuard::new();
        self.save_fp();
        // SAFETY: as in `save_fp`.
        unsafe { (*self.fp.get()).clone() }
    }

    /// Resets the floating-point registers of this thread, which must be the running one: for exec.
    pub fn reset_fp(&self) {
        let _irq = IrqGuard::new();
        // SAFETY: as in `save_fp`.
        unsafe { *self.fp.get() = FpState::new() };
        self.restore_fp();
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(record) = self.record {
            record.release();
        }
    }
}
