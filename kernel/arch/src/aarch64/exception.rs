//! Exceptions on purpose, for tests of the way they take.
//!
//! Each is raised by a function without a stack frame, so that [`TrapFrame::return_from_leaf`] can end it as if
//! the instruction had done nothing.
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

/// What kernel code of this architecture can raise. Division by zero is none: it gives 0 here, and Rust panics
/// before it comes to that. A misaligned stack pointer is none either: taking it would need the stack.
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

/// Executes an instruction that does not exist.
#[unsafe(naked)]
pub extern "C" fn undefined() {
    naked_asm!("udf #0", "ret")
}

#[unsafe(naked)]
extern "C" fn breakpoint() {
    naked_asm!("brk #1", "ret")
}

/// Reads kernel memory that is not mapped: 128 TiB into the kernel half, behind all memory there can be.
#[unsafe(naked)]
pub extern "C" fn read_unmapped() {
    naked_asm!("mov x0, #0xffff800000000000", "ldr x1, [x0]", "ret")
}

/// Reads a word of kernel memory, whether it is there or not.
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

/// Should it succeed, it writes what stands there already.
#[unsafe(naked)]
extern "C" fn write_code() {
    naked_asm!("adr x0, .", "ldr w1, [x0]", "str w1, [x0]", "ret")
}

/// Jumps to its own stack.
#[unsafe(naked)]
extern "C" fn execute_data() {
    naked_asm!("mov x0, sp", "br x0")
}

/// Reads where programs are, of which none runs.
#[unsafe(naked)]
extern "C" fn read_user() {
    naked_asm!("mov x0, #0x41000000", "ldr x1, [x0]", "ret")
}

/// An exclusive access must be aligned even where others need not.
#[unsafe(naked)]
extern "C" fn misaligned_access() {
    naked_asm!("add x0, sp, #1", "ldxr x1, [x0]", "ret")
}

#[unsafe(naked)]
extern "C" fn misaligned_code() {
    naked_asm!("adr x0, .", "add x0, x0, #2", "br x0")
}

/// Raises an exception that has no way to a handler, nor has the exception which that raises: the CPU faults for
/// ever, on an address where nothing is mapped.
pub fn unhandled() -> ! {
    VBAR_EL1.set(0xffff_8000_0000_0000);
    barrier::isb(barrier::SY);
    undefined();
    cpu::halt()
}
