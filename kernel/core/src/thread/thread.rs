//! A thread: something the scheduler can give a processor to.

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
use crate::mm::admission::Promise;
use crate::sync::IrqGuard;
use crate::sync::wait_queue::Link;
use crate::vitals::{Life, Record};

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// Threads that there are, idle ones not counted.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whoever a thread works for: a process, seen from below.
pub trait Owner: Any + Send + Sync {
    /// Its number.
    fn pid(&self) -> u32;
    /// Makes the owner's address space the running processor's. Interrupts are masked.
    fn activate(&self);
}

/// Where a thread is in its life. Changed under the lock of the run queue only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// In the run queue.
    Ready,
    /// On a processor, or about to leave it for the run queue.
    Running,
    /// Running, but about to sleep: a wake-up now only cancels that.
    Announced,
    /// Sleeping, known to a wait queue only; or not started yet.
    Blocked,
    /// Left for good.
    Exited,
}

/// What a thread takes of memory beside its own block.
struct Body {
    stack: KernelStack,
    _calls: Promise,
}

impl Body {
    fn new() -> Result<Self, Errno> {
        let (stack, calls) = (KernelStack::new()?, Promise::for_calls()?);
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
    /// Shared, so that a fork copies none.
    pub name: Arc<String>,
    /// `None`: a thread of the kernel itself, which never goes to user space.
    pub owner: Option<Arc<dyn Owner>>,
    /// `None`: the boot stack, which outlives everything.
    body: Option<Body>,
    pub(super) link: Link,
    state: AtomicU8,
    /// What others are told of it; there may have been no room for that.
    pub(super) record: Option<&'static Record>,
    /// Whether a processor still runs on the stack; another one must not take the thread before.
    pub(super) on_cpu: AtomicBool,
    pub(super) context: UnsafeCell<Context>,
    fp: UnsafeCell<FpState>,
}

// SAFETY: `context` and `fp` are touched only by the processor that runs the thread or is switching to or from
// it, which `on_cpu` keeps to one at a time; everything else is atomic or never changes.
unsafe impl Sync for Thread {}
// SAFETY: nothing in a thread belongs to one processor.
unsafe impl Send for Thread {}

impl Thread {
    /// A thread that will run `entry(arg)` once it is started.
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
        let record = Record::take(Life::Sleeping, id, pid, &name, Some(&body.stack.whereabouts()));
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

    /// The thread that runs already: the boot code, which becomes this processor's idle thread.
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

    /// Gives the threads to come at least this number: a test need not start as many.
    pub fn number_from(number: u32) {
        NEXT_ID.fetch_max(number, Ordering::Relaxed);
    }

    /// End (exclusive) of the kernel stack.
    ///
    /// # Panics
    /// For the idle thread, which never needs it.
    pub fn stack_top(&self) -> VirtAddr {
        match &self.body {
            Some(body) => body.stack.top(),
            None => panic!("thread {} has no stack of its own", self.name),
        }
    }

    /// Whether it waits for something.
    pub fn is_asleep(&self) -> bool {
        self.state() == State::Blocked
    }

    pub(super) fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Ready,
            1 => State::Running,
            2 => State::Announced,
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
                State::Announced => Life::Dozing,
                State::Blocked => Life::Sleeping,
                State::Exited => Life::Ended,
            });
        }
    }

    /// Number of its process's parent, for others to know.
    pub fn set_parent(&self, pid: u32) {
        if let Some(record) = self.record {
            record.set_parent(pid);
        }
    }

    /// It runs another program now.
    pub fn rename(&self, name: &str) {
        if let Some(record) = self.record {
            record.set_name(name);
        }
    }

    /// Takes the processor's floating-point registers into the thread: it is being switched away from.
    pub(super) fn save_fp(&self) {
        if self.owner.is_some() {
            // SAFETY: this processor runs the thread and interrupts are masked, so nobody else looks.
            unsafe { (*self.fp.get()).save() };
        }
    }

    /// Gives the processor the thread's floating-point registers: it is being switched to.
    pub(super) fn restore_fp(&self) {
        if self.owner.is_some() && !planted(Fault::FpNotSaved) {
            // SAFETY: this processor is about to run the thread and interrupts are masked.
            unsafe { (*self.fp.get()).restore() };
        }
    }

    /// A copy of the floating-point registers of the running thread, which must be this one: for fork.
    pub fn copy_fp(&self) -> FpState {
        let _irq = IrqGuard::new();
        self.save_fp();
        // SAFETY: as in `save_fp`.
        unsafe { (*self.fp.get()).clone() }
    }

    /// Fresh floating-point registers for the running thread, which must be this one: for exec.
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
            record.give_back();
        }
    }
}
