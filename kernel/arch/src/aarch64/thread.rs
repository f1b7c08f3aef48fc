//! Kernel contexts and the context switch.

use core::arch::naked_asm;
use core::mem::offset_of;

use crate::VirtAddr;

/// Saved state of a thread that does not run: callee-saved registers and stack pointer.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Context {
    /// x19 to x30; x30 is the resume address.
    callee_saved: [u64; 12],
    sp: u64,
}

impl Context {
    /// An empty context, which [`switch`] fills when it leaves the running thread.
    pub const fn empty() -> Self {
        Self { callee_saved: [0; 12], sp: 0 }
    }

    /// A context that starts with `entry(arg)` on the stack that ends (exclusive) at `stack_top`, which must
    /// be 16-byte aligned. The interrupt mask stays as in [`switch`]'s caller (masked).
    pub fn new(stack_top: VirtAddr, entry: extern "C" fn(usize) -> !, arg: usize) -> Self {
        let mut callee_saved = [0; 12];
        callee_saved[0] = entry as usize as u64;
        callee_saved[1] = arg as u64;
        callee_saved[11] = start as *const () as u64;
        Self { callee_saved, sp: stack_top.0 }
    }
}

/// First instructions of a new thread: x19 = entry function, x20 = its argument. A null frame pointer ends
/// backtraces.
#[unsafe(naked)]
unsafe extern "C" fn start() -> ! {
    naked_asm!("mov x0, x20", "blr x19", "brk #0")
}

/// Saves the running context in `prev` and resumes `next`; returns when a thread switches to `prev`.
///
/// It changes neither the address space, nor the floating-point registers, nor the interrupt mask.
///
/// # Safety
/// Interrupts are masked. Both pointers are valid. `next` was made by [`Context::new`] or saved by this
/// function, its stack is alive and no other CPU runs on it.
#[unsafe(naked)]
pub unsafe extern "C" fn switch(prev: *mut Context, next: *const Context) {
    naked_asm!(
        "stp x19, x20, [x0, #0]",
        "stp x21, x22, [x0, #16]",
        "stp x23, x24, [x0, #32]",
        "stp x25, x26, [x0, #48]",
        "stp x27, x28, [x0, #64]",
        "stp x29, x30, [x0, #80]",
        "mov x9, sp",
        "str x9, [x0, #{SP}]",
        "ldp x19, x20, [x1, #0]",
        "ldp x21, x22, [x1, #16]",
        "ldp x23, x24, [x1, #32]",
        "ldp x25, x26, [x1, #48]",
        "ldp x27, x28, [x1, #64]",
        "ldp x29, x30, [x1, #80]",
        "ldr x9, [x1, #{SP}]",
        "mov sp, x9",
        "ret",
        SP = const offset_of!(Context, sp),
    )
}
