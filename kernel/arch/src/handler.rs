//! The interface upwards: functions that the architecture calls on a trap.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::{Fault, TrapFrame};

/// The kernel's trap handlers.
///
/// All of them run on the kernel stack of the interrupted thread (except for a
/// [`FaultKind::StackOverflow`](crate::FaultKind::StackOverflow)), with interrupts masked. `frame` holds the
/// interrupted registers; changes to it take effect when the trap returns. `syscall` and `fault` may unmask
/// interrupts and switch threads; they need not mask interrupts again before they return.
#[derive(Clone, Copy)]
pub struct Handler {
    /// A system call of a user program. The program counter in `frame` is already after the call.
    pub syscall: fn(frame: &mut TrapFrame),
    /// A fault of a user program or (see [`Fault::from_user`]) of the kernel. Returning retries the
    /// instruction.
    pub fault: fn(fault: Fault, frame: &mut TrapFrame),
    /// A device interrupt. The handler must clear the device's request, and must neither unmask interrupts
    /// nor switch threads: the interrupt is still active at the controller.
    pub interrupt: fn(irq: u32),
    /// The periodic tick of this CPU, already re-armed. Same restrictions as `interrupt`.
    pub tick: fn(),
    /// Called at the end of every trap; interrupts are masked and none is active at the controller. It may
    /// preempt the thread: switch threads (and return later), or not return at all.
    pub trap_exit: fn(frame: &mut TrapFrame),
}

static HANDLER: AtomicPtr<Handler> = AtomicPtr::new(ptr::null_mut());

/// Registers the kernel's handlers. Call it once, before interrupts are enabled or user code runs.
pub fn register(handler: &'static Handler) {
    HANDLER.store(ptr::from_ref(handler).cast_mut(), Ordering::Release);
}

/// The registered handler.
///
/// # Panics
/// When a trap arrives before [`register`].
pub(crate) fn registered() -> &'static Handler {
    let handler = HANDLER.load(Ordering::Acquire);
    // SAFETY: the pointer is null or comes from a `&'static Handler` in `register`.
    unsafe { handler.as_ref() }.expect("a trap arrived before a handler was registered")
}
