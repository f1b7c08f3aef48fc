//! The one way up: the functions that the architecture calls when a trap arrives.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::{Fault, TrapFrame};

/// The kernel's ends of the traps.
///
/// All of them are called on the kernel stack of the thread that was interrupted (but for a
/// [`FaultKind::StackOverflow`](crate::FaultKind::StackOverflow)), with interrupts masked.
/// `frame` holds the interrupted registers; changes to it take effect when the trap returns. `syscall` and
/// `fault` may unmask interrupts and may switch threads; they need not mask them again before returning.
#[derive(Clone, Copy)]
pub struct Handler {
    /// A system call of a user program. The program counter in `frame` is already past the call.
    pub syscall: fn(frame: &mut TrapFrame),
    /// A fault of a user program or (see [`Fault::from_user`]) of the kernel itself. Returning retries the
    /// instruction.
    pub fault: fn(fault: Fault, frame: &mut TrapFrame),
    /// A device's interrupt. It must silence the device, and must neither unmask interrupts nor switch
    /// threads: the interrupt is still active at the controller.
    pub interrupt: fn(irq: u32),
    /// The periodic tick of this CPU, already re-armed. Same limits as `interrupt`.
    pub tick: fn(),
    /// The end of every trap, after the handler above; interrupts are masked and nothing is active at the
    /// interrupt controller. This is the place to preempt: it may switch threads (and come back later), or
    /// not return at all.
    pub trap_exit: fn(frame: &mut TrapFrame),
}

static HANDLER: AtomicPtr<Handler> = AtomicPtr::new(ptr::null_mut());

/// Registers the kernel's handler; to be called once, before interrupts are enabled or user code runs.
pub fn register(handler: &'static Handler) {
    HANDLER.store(ptr::from_ref(handler).cast_mut(), Ordering::Release);
}

/// The registered handler.
///
/// # Panics
/// When a trap arrives before [`register`] was called.
pub(crate) fn registered() -> &'static Handler {
    let handler = HANDLER.load(Ordering::Acquire);
    // SAFETY: the pointer is null or comes from a `&'static Handler` in `register`.
    unsafe { handler.as_ref() }.expect("a trap arrived before a handler was registered")
}
