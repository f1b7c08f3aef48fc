//! Exceptions on purpose, for tests of the way they take.
//!
//! Each is raised by a function without a stack frame, so that [`TrapFrame::return_from_leaf`] can end it as if
//! the instruction had done nothing.
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

/// What kernel code of this architecture can raise. A misaligned access is none: it works.
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

/// Executes an instruction that does not exist.
#[unsafe(naked)]
pub extern "C" fn undefined() {
    naked_asm!("ud2", "ret")
}

#[unsafe(naked)]
extern "C" fn breakpoint() {
    naked_asm!("int3", "ret")
}

/// Reads kernel memory that is not mapped: 32 TiB into the kernel half, behind all memory there can be.
#[unsafe(naked)]
pub extern "C" fn read_unmapped() {
    naked_asm!("movabs rax, 0xffffa00000000000", "mov rax, [rax]", "ret")
}

/// Reads a word of kernel memory, whether it is there or not.
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

/// Should it succeed, it writes what stands there already.
#[unsafe(naked)]
extern "C" fn write_code() {
    naked_asm!("lea rax, [rip]", "mov ecx, [rax]", "mov [rax], ecx", "ret")
}

/// Jumps to its own stack.
#[unsafe(naked)]
extern "C" fn execute_data() {
    naked_asm!("jmp rsp")
}

/// Reads where programs are, of which none runs.
#[unsafe(naked)]
extern "C" fn read_user() {
    naked_asm!("mov eax, 0x40000000", "mov rax, [rax]", "ret")
}

#[unsafe(naked)]
extern "C" fn divide_by_zero() {
    naked_asm!("xor edx, edx", "xor ecx, ecx", "mov eax, 1", "div ecx", "ret")
}

/// The upper bits of an address must be alike.
#[unsafe(naked)]
extern "C" fn read_no_address() {
    naked_asm!("movabs rax, 0x0800000000000000", "mov rax, [rax]", "ret")
}

/// Raises an exception that has no way to a handler, nor has the exception which that raises, nor the one which
/// that does: every PC answers the third with a reset.
pub fn unhandled() -> ! {
    cpu::irq_disable();
    // SAFETY: nobody counts on coming back.
    unsafe {
        lidt(&DescriptorTablePointer { limit: 0, base: VirtAddr::zero() });
        asm!("int3", options(nostack));
    }
    cpu::halt()
}
