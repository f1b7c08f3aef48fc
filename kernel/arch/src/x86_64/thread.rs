//! Kernel contexts and the context switch.

use core::arch::naked_asm;
use core::mem::offset_of;

use crate::VirtAddr;

/// Saved state of a thread that does not run: callee-saved registers, stack pointer, program counter.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Context {
    /// rbx, rbp, r12 to r15.
    callee_saved: [u64; 6],
    sp: u64,
    pc: u64,
}

impl Context {
    /// An empty context, which [`switch`] fills when it leaves the running thread.
    pub const fn empty() -> Self {
        Self { callee_saved: [0; 6], sp: 0, pc: 0 }
    }

    /// A context that starts with `entry(arg)` on the stack that ends (exclusive) at `stack_top`, which must
    /// be 16-byte aligned. The interrupt mask stays as in [`switch`]'s caller (masked).
    pub fn new(stack_top: VirtAddr, entry: extern "C" fn(usize) -> !, arg: usize) -> Self {
        let mut callee_saved = [0; 6];
        callee_saved[2] = entry as usize as u64;
        callee_saved[3] = arg as u64;
        Self { callee_saved, sp: stack_top.0, pc: start as *const () as u64 }
    }
}

/// First instructions of a new thread: r12 = entry function, r13 = its argument. A null frame pointer ends
/// backtraces.
#[unsafe(naked)]
unsafe extern "C" fn start() -> ! {
    naked_asm!("mov rdi, r13", "call r12", "ud2")
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
        "pop rax",
        "mov [rdi], rbx",
        "mov [rdi + 8], rbp",
        "mov [rdi + 16], r12",
        "mov [rdi + 24], r13",
        "mov [rdi + 32], r14",
        "mov [rdi + 40], r15",
        "mov [rdi + {SP}], rsp",
        "mov [rdi + {PC}], rax",
        "mov rbx, [rsi]",
        "mov rbp, [rsi + 8]",
        "mov r12, [rsi + 16]",
        "mov r13, [rsi + 24]",
        "mov r14, [rsi + 32]",
        "mov r15, [rsi + 40]",
        "mov rsp, [rsi + {SP}]",
        "jmp [rsi + {PC}]",
        SP = const offset_of!(Context, sp),
        PC = const offset_of!(Context, pc),
    )
}
