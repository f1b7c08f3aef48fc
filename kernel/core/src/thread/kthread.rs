//! Kernel threads: they run concurrently with processes, can park and be unparked, can be asked to stop, and
//! return an exit code to the threads that join them.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;

use parity_abi::Errno;
use parity_arch::{FpState, cpu};

use super::{Thread, scheduler};
use crate::faults::{Fault, planted};
use crate::sync::{SpinLock, Wait, WaitQueue};
use crate::vitals::{self, Record};

type Work = Box<dyn FnOnce() -> i32 + Send>;

/// Running kernel threads, by thread number.
static RUNNING: SpinLock<BTreeMap<u32, Arc<Kthread>>> = SpinLock::new(BTreeMap::new());

/// Error of a second stop: the thread has ended, or was asked to stop before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyStopped;

/// Why [`park`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    Unparked,
    /// The thread must stop; every earlier [`Kthread::unpark`] was returned first.
    Stopped,
}

/// Handle of a kernel thread.
pub struct Kthread {
    control: SpinLock<Control>,
    /// Wait queue of the thread itself, while parked.
    parking: WaitQueue,
    /// Wait queue of joining threads.
    joiners: WaitQueue,
    /// Number of the thread, and its vitals record.
    id: u32,
    record: Option<&'static Record>,
}

#[derive(Default)]
struct Control {
    stop: bool,
    /// An unpark that no park has consumed. It may come before the park and then ends it at once.
    unparked: bool,
    parked: bool,
    code: Option<i32>,
}

impl Control {
    /// Consumes the event that ends a park, if there is one.
    fn take_wake(&mut self) -> Option<Wake> {
        let wake = if core::mem::take(&mut self.unparked) {
            Wake::Unparked
        } else if self.stop {
            Wake::Stopped
        } else {
            return None;
        };
        self.parked = false;
        Some(wake)
    }
}

impl Kthread {
    /// Asks the thread to stop: `should_stop` returns true from now on, and a park ends.
    ///
    /// # Errors
    /// [`AlreadyStopped`].
    pub fn stop(&self) -> Result<(), AlreadyStopped> {
        {
            let mut control = self.control.lock();
            if control.stop || control.code.is_some() {
                return Err(AlreadyStopped);
            }
            control.stop = true;
            self.note_unparked(vitals::current_thread());
        }
        self.parking.wake_all();
        Ok(())
    }

    /// Ends the thread's current park, or the next one. Several unparks before one park count as one.
    pub fn unpark(&self) {
        {
            let mut control = self.control.lock();
            control.unparked = true;
            self.note_unparked(vitals::current_thread());
        }
        self.parking.wake_all();
    }

    /// Waits for the thread's end and returns its exit code. Any number of threads may join, but not the
    /// thread itself.
    pub fn join(&self) -> i32 {
        self.joiners.wait_by(self.id, || self.control.lock().code)
    }

    /// Consumes the event that ends a park, if there is one.
    fn take_wake(&self) -> Option<Wake> {
        let wake = self.control.lock().take_wake();
        if wake.is_some() {
            self.note_unparked(0);
        }
        wake
    }

    /// Records the thread that unparked it, for the autopsy; 0: the unpark was consumed.
    fn note_unparked(&self, by: u32) {
        if let Some(record) = self.record {
            record.set_unparked(self.id, by);
        }
    }

    pub fn is_parked(&self) -> bool {
        self.control.lock().parked
    }

    pub fn has_ended(&self) -> bool {
        self.control.lock().code.is_some()
    }
}

/// Starts a kernel thread that runs `work`; the result is its exit code.
///
/// # Errors
/// ENOMEM.
pub fn run(name: &str, work: impl FnOnce() -> i32 + Send + 'static) -> Result<Arc<Kthread>, Errno> {
    // Boxed twice: a pointer to a `dyn` closure is two words, and a thread's argument is one.
    let work: *mut Work = Box::into_raw(Box::new(Box::new(work)));
    let thread =
        Thread::new(Arc::new(name.to_string()), None, FpState::new(), enter, work.expose_provenance())
            .inspect_err(|_| {
                // SAFETY: `into_raw` above made it; the thread that would own it does not exist.
                drop(unsafe { Box::from_raw(work) });
            })?;
    let kthread = Arc::new(Kthread {
        control: SpinLock::new(Control::default()),
        parking: WaitQueue::new(Wait::Park),
        joiners: WaitQueue::new(Wait::Join),
        id: thread.id,
        record: thread.record,
    });
    RUNNING.lock().insert(thread.id, kthread.clone());
    scheduler::start(thread);
    Ok(kthread)
}

/// Entry function of a kernel thread.
extern "C" fn enter(work: usize) -> ! {
    scheduler::enter_new_thread();
    if !planted(Fault::ThreadStartsMasked) {
        cpu::irq_enable();
    }
    // SAFETY: `run` made it by `into_raw` and passed it only to this thread.
    let work = *unsafe { Box::from_raw(core::ptr::with_exposed_provenance_mut::<Work>(work)) };
    exit(work())
}

/// Ends the running kernel thread. Nothing on its stack is dropped, so the caller must hold nothing that
/// needs dropping.
///
/// # Panics
/// Outside a kernel thread.
pub fn exit(code: i32) -> ! {
    let id = scheduler::current().id;
    let Some(me) = RUNNING.lock().remove(&id) else {
        panic!("thread {id} is not a kernel thread and must not exit this way")
    };
    me.control.lock().code = Some(if planted(Fault::ThreadCodeLost) { 0 } else { code });
    me.joiners.wake_all();
    drop(me);
    scheduler::exit()
}

/// Whether the running kernel thread was asked to stop; false in other threads.
pub fn should_stop() -> bool {
    current().is_some_and(|me| me.control.lock().stop)
}

/// Sleeps until the running kernel thread is unparked or asked to stop; returns at once if that has already
/// happened.
///
/// # Panics
/// Outside a kernel thread, which no other thread could unpark.
pub fn park() -> Wake {
    let Some(me) = current() else { panic!("only a kernel thread can park") };
    if planted(Fault::ParkReturns) {
        scheduler::yield_now();
        return Wake::Unparked;
    }
    me.control.lock().parked = true;
    if planted(Fault::ParkLosesWakeup) {
        return park_without_recheck(&me);
    }
    // The wait queue checks again after this thread has entered it, so no wake-up is lost.
    me.parking.wait_until(|| me.take_wake())
}

/// The planted fault: a wake-up between the check and the sleep is lost.
fn park_without_recheck(me: &Kthread) -> Wake {
    if let Some(wake) = me.take_wake() {
        return wake;
    }
    scheduler::yield_now();
    // The wait queue checks before the thread enters it, and again before the thread sleeps.
    let mut blind_checks = 2;
    me.parking.wait_until(|| {
        if blind_checks > 0 {
            blind_checks -= 1;
            return None;
        }
        me.take_wake()
    })
}

/// Number of kernel threads that have not ended.
pub fn count() -> usize {
    RUNNING.lock().len()
}

fn current() -> Option<Arc<Kthread>> {
    let id = scheduler::current().id;
    RUNNING.lock().get(&id).cloned()
}
