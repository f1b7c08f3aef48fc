//! Kernel threads: work of the kernel that runs beside everything else, parks when there is nothing to do, is
//! asked to stop, and leaves a code to whoever joins it.

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

/// The kernel threads that have not ended, by the number of their thread.
static RUNNING: SpinLock<BTreeMap<u32, Arc<Kthread>>> = SpinLock::new(BTreeMap::new());

/// A stop came second: the thread has ended, or was asked to stop before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyStopped;

/// Why [`park`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    Unparked,
    /// The thread shall stop; every [`Kthread::unpark`] from before was told first.
    Stopped,
}

/// A kernel thread as others see it.
pub struct Kthread {
    control: SpinLock<Control>,
    /// Where the thread itself waits to be unparked or stopped.
    parking: WaitQueue,
    /// Where others wait for its end.
    joiners: WaitQueue,
    /// Number of the thread, and what others are told of it.
    id: u32,
    record: Option<&'static Record>,
}

#[derive(Default)]
struct Control {
    stop: bool,
    /// An unpark that no park has used up. It may come before the park, and waits for it.
    unparked: bool,
    parked: bool,
    code: Option<i32>,
}

impl Control {
    /// What ends a park, if it is there.
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
    /// Asks the thread to stop: `should_stop` says so from now on, and parking ends.
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

    /// Ends the thread's park, or the next one if it does not park now. Several before one park are one.
    pub fn unpark(&self) {
        {
            let mut control = self.control.lock();
            control.unparked = true;
            self.note_unparked(vitals::current_thread());
        }
        self.parking.wake_all();
    }

    /// Waits for the thread's end; its code. May be asked again and by many, but not by the thread itself.
    pub fn join(&self) -> i32 {
        self.joiners.wait_by(self.id, || self.control.lock().code)
    }

    /// What ends a park, if it is there.
    fn take_wake(&self) -> Option<Wake> {
        let wake = self.control.lock().take_wake();
        if wake.is_some() {
            self.note_unparked(0);
        }
        wake
    }

    /// Who has unparked it, for others to know; 0: that is used up.
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

/// Starts a kernel thread that does `work`, whose result is its exit code.
///
/// # Errors
/// ENOMEM.
pub fn run(name: &str, work: impl FnOnce() -> i32 + Send + 'static) -> Result<Arc<Kthread>, Errno> {
    // Boxed twice: a pointer to a closure of unknown type does not fit into the one word a thread is given.
    let work: *mut Work = Box::into_raw(Box::new(Box::new(work)));
    let thread =
        Thread::new(Arc::new(name.to_string()), None, FpState::new(), enter, work.expose_provenance())
            .inspect_err(|_| {
                // SAFETY: made by `into_raw` above; the thread that would have taken it does not exist.
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

/// First code of a kernel thread.
extern "C" fn enter(work: usize) -> ! {
    scheduler::enter_new_thread();
    if !planted(Fault::ThreadStartsMasked) {
        cpu::irq_enable();
    }
    // SAFETY: `run` made it by `into_raw` and handed it to this thread alone.
    let work = *unsafe { Box::from_raw(core::ptr::with_exposed_provenance_mut::<Work>(work)) };
    exit(work())
}

/// Ends the running kernel thread. Nothing on its stack is dropped: the caller must hold nothing.
///
/// # Panics
/// Outside a kernel thread.
pub fn exit(code: i32) -> ! {
    let id = scheduler::current().id;
    let Some(me) = RUNNING.lock().remove(&id) else { panic!("thread {id} is no kernel thread, but exits") };
    me.control.lock().code = Some(if planted(Fault::ThreadCodeLost) { 0 } else { code });
    me.joiners.wake_all();
    drop(me);
    scheduler::exit()
}

/// Whether the running kernel thread was asked to stop; never outside one.
pub fn should_stop() -> bool {
    current().is_some_and(|me| me.control.lock().stop)
}

/// Sleeps until the running kernel thread is unparked or asked to stop, which may have happened already.
///
/// # Panics
/// Outside a kernel thread, which nobody could unpark.
pub fn park() -> Wake {
    let Some(me) = current() else { panic!("a thread that is no kernel thread parks") };
    if planted(Fault::ParkReturns) {
        scheduler::yield_now();
        return Wake::Unparked;
    }
    me.control.lock().parked = true;
    if planted(Fault::ParkLosesWakeup) {
        return park_without_second_look(&me);
    }
    // The queue looks again after this thread has queued up: what comes between the flag and the sleep counts.
    me.parking.wait_until(|| me.take_wake())
}

/// The planted fault: whatever comes between looking and sleeping changes nothing.
fn park_without_second_look(me: &Kthread) -> Wake {
    if let Some(wake) = me.take_wake() {
        return wake;
    }
    scheduler::yield_now();
    // The queue looks before it takes the thread in, and again before the thread sleeps.
    let mut blind_looks = 2;
    me.parking.wait_until(|| {
        if blind_looks > 0 {
            blind_looks -= 1;
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
