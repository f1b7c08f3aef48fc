//! Traps: the trap frame, the dispatcher, the return to user code.

use core::arch::global_asm;
use core::fmt;
use core::mem::offset_of;

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{VBAR_EL1, Writeable};
use parity_abi::syscall::AARCH64_ALIASES;

use super::syndrome::{self, Cause};
use super::{cpu, intc, power, timer};
use crate::handler::registered;
use crate::{Handler, VirtAddr};

/// All registers of the interrupted code, user or kernel.
#[derive(Clone)]
#[repr(C, align(16))]
pub struct TrapFrame {
    x: [u64; 31],
    sp: u64,
    pc: u64,
    status: u64,
    tls: u64,
    /// Padding: the stack pointer must be a multiple of 16 bytes.
    reserved: u64,
    /// Frame record (frame pointer, return address) that continues the kernel's call chain through a trap.
    link: [u64; 2],
}

/// Kinds of vectors, as the assembly passes them to [`dispatch`].
const SYNCHRONOUS: u64 = 0;
const INTERRUPT: u64 = 1;
const OTHER: u64 = 2;
const OVERFLOW: u64 = 3;

/// Size in bytes of the emergency stack, which reports stack overflows. One suffices: only one CPU reports.
pub(super) const EMERGENCY_STACK_SIZE: usize = 16 * 1024;

global_asm!(
    include_str!("vectors.S"),
    SIZE = const size_of::<TrapFrame>(),
    SP = const offset_of!(TrapFrame, sp),
    PC = const offset_of!(TrapFrame, pc),
    TLS = const offset_of!(TrapFrame, tls),
    LINK = const offset_of!(TrapFrame, link),
    SYNCHRONOUS = const SYNCHRONOUS,
    INTERRUPT = const INTERRUPT,
    OTHER = const OTHER,
    OVERFLOW = const OVERFLOW,
    dispatch = sym dispatch,
);

impl TrapFrame {
    /// Frame of a new program that starts at `entry` with stack pointer `sp`: all other registers zero,
    /// interrupts enabled.
    pub const fn new_user(entry: VirtAddr, sp: VirtAddr) -> Self {
        Self { x: [0; 31], sp: sp.0, pc: entry.0, status: 0, tls: 0, reserved: 0, link: [0; 2] }
    }

    /// Number of the system call; translates the accepted Linux AArch64 numbers.
    pub fn syscall_number(&self) -> u64 {
        let number = self.x[8];
        AARCH64_ALIASES.iter().find(|(alias, _)| *alias == number).map_or(number, |(_, known)| *known)
    }

    /// Argument `index` (0 to 5) of the system call.
    ///
    /// # Panics
    /// When `index` is above 5.
    pub const fn syscall_arg(&self, index: usize) -> u64 {
        assert!(index < 6, "system calls have six arguments");
        self.x[index]
    }

    /// Sets the system call's result.
    pub const fn set_return(&mut self, value: i64) {
        self.x[0] = value.cast_unsigned();
    }

    /// Address of the instruction at which the interrupted code continues.
    pub const fn pc(&self) -> VirtAddr {
        VirtAddr(self.pc)
    }

    /// The interrupted code's stack pointer (of the user program, or of the kernel).
    pub const fn sp(&self) -> VirtAddr {
        VirtAddr(self.sp)
    }

    /// The interrupted code's frame pointer, for backtraces.
    pub const fn frame_pointer(&self) -> VirtAddr {
        VirtAddr(self.x[29])
    }

    /// Makes the interrupted function, which must have no stack frame, return to its caller.
    pub const fn return_from_leaf(&mut self) {
        self.pc = self.x[30];
    }

    /// Corrupts a register that the interrupted code may be using: for a planted fault.
    pub const fn corrupt_register(&mut self) {
        self.x[16] ^= 1 << 40;
    }

    /// Whether user code was interrupted.
    pub const fn from_user(&self) -> bool {
        self.status & 0xF == 0
    }
}

/// All registers, four to a line.
impl fmt::Display for TrapFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, " pc {:016x}  sp {:016x} spsr {:08x}", self.pc, self.sp, self.status)?;
        for (number, value) in self.x.iter().enumerate() {
            let end = if number % 4 == 3 || number == 30 { '\n' } else { ' ' };
            write!(f, "x{number:<2} {value:016x}{end}")?;
        }
        Ok(())
    }
}

/// Installs the trap vectors on this CPU.
pub(super) fn init() {
    unsafe extern "C" {
        static trap_vectors: u8;
    }
    VBAR_EL1.set((&raw const trap_vectors).addr() as u64);
    barrier::isb(barrier::SY);
}

/// Handles every trap, with interrupts masked, on the kernel stack of the interrupted thread or on the
/// emergency stack.
extern "C" fn dispatch(frame: &mut TrapFrame, reason: u64) {
    let handler = registered();
    match reason {
        SYNCHRONOUS => match syndrome::synchronous(frame) {
            Cause::Syscall => (handler.syscall)(frame),
            Cause::Fault(fault) => (handler.fault)(fault, frame),
        },
        INTERRUPT => interrupts(handler),
        OVERFLOW => {
            (handler.fault)(syndrome::stack_overflow(frame), frame);
            // There is no stack to return to.
            power::power_off();
        }
        _ => (handler.fault)(syndrome::unexpected(frame), frame),
    }
    cpu::irq_disable();
    (handler.trap_exit)(frame);
}

/// Passes all pending interrupts to the handler.
fn interrupts(handler: &Handler) {
    while let Some(irq) = intc::claim() {
        if irq == timer::IRQ {
            timer::rearm();
            (handler.tick)();
        } else {
            (handler.interrupt)(irq);
        }
        intc::complete(irq);
    }
}

/// Enters user code with the registers of `frame`. The thread's next trap starts with an empty kernel stack
/// at `stack_top`.
///
/// # Safety
/// `frame` is a user frame ([`TrapFrame::from_user`]). `stack_top` is the end (exclusive, 16-byte aligned) of
/// the running thread's kernel stack, whose content is discarded: the caller holds no lock and no value that
/// must be dropped. The thread's address space is active and its floating-point state loaded. Interrupts are
/// masked, so that both remain so.
pub unsafe fn resume_user(frame: &TrapFrame, stack_top: VirtAddr) -> ! {
    unsafe extern "C" {
        fn trap_return(frame: &TrapFrame, stack_pointer: u64) -> !;
    }
    debug_assert!(frame.from_user() && stack_top.0.is_multiple_of(16));
    // SAFETY: the caller's guarantees are those that the assembly needs.
    unsafe { trap_return(frame, stack_top.0) }
}
