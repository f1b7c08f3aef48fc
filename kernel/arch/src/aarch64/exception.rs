//! Deliberate exceptions, for tests of exception handling.
//!
//! Each is raised by a function without a stack frame, so that [`TrapFrame::return_from_leaf`] can return
//! from it as if the instruction had no effect.
//!
//! [`TrapFrame::return_from_leaf`]: crate::TrapFrame::return_from_leaf

use core::arch::naked_asm;

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{VBAR_EL1, Writeable};

use super::cpu;
use crate::{Access, Exception, FaultKind};

const fn page(access: Access, mapped: bool) -> FaultKind {
    FaultKind::Page { access, mapped }
}

/// Exceptions that kernel code of this architecture can raise. Not division by zero: the CPU returns 0, and
/// Rust panics before the instruction. Not a misaligned stack pointer: its handler would need the stack.
pub const ALL: &[Exception] = &[
    Exception { name: "undefined_instruction", kind: FaultKind::IllegalInstruction, raise: undefined },
    Exception { name: "breakpoint", kind: FaultKind::Breakpoint, raise: breakpoint },
    Exception { name: "read_unmapped", kind: page(Access::Read, false), raise: read_unmapped },
    Exception { name: "write_unmapped", kind: page(Access::Write, false), raise: write_unmapped },
    Exception { name: "execute_unmapped", kind: page(Access::Execute, false), raise: execute_unmapped },
    Exception { name: "write_code", kind: page(Access::Write, true), raise: write_code },
    Exception { name: "execute_data", kind: page(Access::Execute, true), raise: execute_data },
    Exception { name: "read_user_address", kind: page(Access::Read, false), raise: read_user },
    Exception { name: "misaligned_access", kind: FaultKind::Alignment, raise: misaligned_access },
    Exception { name: "misaligned_code", kind: FaultKind::Alignment, raise: misaligned_code },
];

/// Executes an undefined instruction.
#[unsafe(naked)]
pub extern "C" fn undefined() {
    naked_asm!("udf #0", "ret")
}

#[unsafe(naked)]
extern "C" fn breakpoint() {
    naked_asm!("brk #1", "ret")
}

/// Reads unmapped kernel memory: 128 TiB into the kernel half, above all possible RAM.
#[unsafe(naked)]
pub extern "C" fn read_unmapped() {
    naked_asm!("mov x0, #0xffff800000000000", "ldr x1, [x0]", "ret")
}

/// Reads a word of kernel memory, mapped or not.
#[unsafe(naked)]
pub extern "C" fn read_at(address: usize) {
    naked_asm!("ldr x1, [x0]", "ret")
}

#[unsafe(naked)]
extern "C" fn write_unmapped() {
    naked_asm!("mov x0, #0xffff800000000000", "str xzr, [x0]", "ret")
}

#[unsafe(naked)]
extern "C" fn execute_unmapped() {
    naked_asm!("mov x0, #0xffff800000000000", "br x0")
}

/// Writes the value that is already there, in case the write succeeds.
#[unsafe(naked)]
extern "C" fn write_code() {
    naked_asm!("adr x0, .", "ldr w1, [x0]", "str w1, [x0]", "ret")
}

/// Jumps to its own stack.
#[unsafe(naked)]
extern "C" fn execute_data() {
    naked_asm!("mov x0, sp", "br x0")
}

/// Reads the address where programs are linked, while no program runs.
#[unsafe(naked)]
extern "C" fn read_user() {
    naked_asm!("mov x0, #0x41000000", "ldr x1, [x0]", "ret")
}

/// An exclusive access must be aligned, even where other accesses need not be.
#[unsafe(naked)]
extern "C" fn misaligned_access() {
    naked_asm!("add x0, sp, #1", "ldxr x1, [x0]", "ret")
}

#[unsafe(naked)]
extern "C" fn misaligned_code() {
    naked_asm!("adr x0, .", "add x0, x0, #2", "br x0")
}

/// Raises an exception with unmapped vectors: taking it faults again, and the CPU repeats that for ever.
pub fn unhandled() -> ! {
    VBAR_EL1.set(0xffff_8000_0000_0000);
    barrier::isb(barrier::SY);
    undefined();
    cpu::halt()
}
