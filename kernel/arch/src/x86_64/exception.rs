//! Deliberate exceptions, for tests of exception handling.
//!
//! Each is raised by a function without a stack frame, so that [`TrapFrame::return_from_leaf`] can return
//! from it as if the instruction had no effect.
//!
//! [`TrapFrame::return_from_leaf`]: crate::TrapFrame::return_from_leaf

use core::arch::{asm, naked_asm};

use x86_64::VirtAddr;
use x86_64::instructions::tables::lidt;
use x86_64::structures::DescriptorTablePointer;

use super::cpu;
use crate::{Access, Exception, FaultKind};

const fn page(access: Access, mapped: bool) -> FaultKind {
    FaultKind::Page { access, mapped }
}

/// Exceptions that kernel code of this architecture can raise. Not a misaligned access: the CPU allows it.
pub const ALL: &[Exception] = &[
    Exception { name: "undefined_instruction", kind: FaultKind::IllegalInstruction, raise: undefined },
    Exception { name: "breakpoint", kind: FaultKind::Breakpoint, raise: breakpoint },
    Exception { name: "read_unmapped", kind: page(Access::Read, false), raise: read_unmapped },
    Exception { name: "write_unmapped", kind: page(Access::Write, false), raise: write_unmapped },
    Exception { name: "execute_unmapped", kind: page(Access::Execute, false), raise: execute_unmapped },
    Exception { name: "write_code", kind: page(Access::Write, true), raise: write_code },
    Exception { name: "execute_data", kind: page(Access::Execute, true), raise: execute_data },
    Exception { name: "read_user_address", kind: page(Access::Read, false), raise: read_user },
    Exception { name: "divide_by_zero", kind: FaultKind::Arithmetic, raise: divide_by_zero },
    Exception { name: "read_no_address", kind: FaultKind::Unknown, raise: read_no_address },
];

/// Executes an undefined instruction.
#[unsafe(naked)]
pub extern "C" fn undefined() {
    naked_asm!("ud2", "ret")
}

#[unsafe(naked)]
extern "C" fn breakpoint() {
    naked_asm!("int3", "ret")
}

/// Reads unmapped kernel memory: 32 TiB into the kernel half, above all possible RAM.
#[unsafe(naked)]
pub extern "C" fn read_unmapped() {
    naked_asm!("movabs rax, 0xffffa00000000000", "mov rax, [rax]", "ret")
}

/// Reads a word of kernel memory, mapped or not.
#[unsafe(naked)]
pub extern "C" fn read_at(address: usize) {
    naked_asm!("mov rax, [rdi]", "ret")
}

#[unsafe(naked)]
extern "C" fn write_unmapped() {
    naked_asm!("movabs rax, 0xffffa00000000000", "mov [rax], rax", "ret")
}

#[unsafe(naked)]
extern "C" fn execute_unmapped() {
    naked_asm!("movabs rax, 0xffffa00000000000", "jmp rax")
}

/// Writes the value that is already there, in case the write succeeds.
#[unsafe(naked)]
extern "C" fn write_code() {
    naked_asm!("lea rax, [rip]", "mov ecx, [rax]", "mov [rax], ecx", "ret")
}

/// Jumps to its own stack.
#[unsafe(naked)]
extern "C" fn execute_data() {
    naked_asm!("jmp rsp")
}

/// Reads the address where programs are linked, while no program runs.
#[unsafe(naked)]
extern "C" fn read_user() {
    naked_asm!("mov eax, 0x40000000", "mov rax, [rax]", "ret")
}

#[unsafe(naked)]
extern "C" fn divide_by_zero() {
    naked_asm!("xor edx, edx", "xor ecx, ecx", "mov eax, 1", "div ecx", "ret")
}

/// The upper bits of an address must all be equal (canonical address).
#[unsafe(naked)]
extern "C" fn read_no_address() {
    naked_asm!("movabs rax, 0x0800000000000000", "mov rax, [rax]", "ret")
}

/// Raises a triple fault: an exception without a handler, whose double fault has none either. Every PC
/// resets.
pub fn unhandled() -> ! {
    cpu::irq_disable();
    // SAFETY: the function never returns, and the machine resets.
    unsafe {
        lidt(&DescriptorTablePointer { limit: 0, base: VirtAddr::zero() });
        asm!("int3", options(nostack));
    }
    cpu::halt()
}
