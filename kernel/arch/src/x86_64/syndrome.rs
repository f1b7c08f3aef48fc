//! Decodes exception number and error code into a portable fault.

use x86_64::registers::control::Cr2;

use crate::{Access, Fault, FaultKind, TrapFrame, VirtAddr};

/// Exceptions that the kernel cannot return from: the kernel stack has overflowed, or the machine is broken.
/// They run on the emergency stack.
pub const FATAL: [u8; 3] = [NON_MASKABLE, DOUBLE_FAULT, MACHINE_CHECK];

const DIVIDE_ERROR: u8 = 0;
const DEBUG: u8 = 1;
const NON_MASKABLE: u8 = 2;
const BREAKPOINT: u8 = 3;
const INVALID_OPCODE: u8 = 6;
const NOT_AVAILABLE: u8 = 7;
const DOUBLE_FAULT: u8 = 8;
const PAGE_FAULT: u8 = 14;
const X87_ERROR: u8 = 16;
const ALIGNMENT: u8 = 17;
const MACHINE_CHECK: u8 = 18;
const SSE_ERROR: u8 = 19;

/// In the error code of a page fault: the page is mapped.
const MAPPED: u64 = 1 << 0;
const WRITE: u64 = 1 << 1;
const FETCH: u64 = 1 << 4;

/// Decodes the exception in `frame`. Must run before another exception. #GP has no kind of its own, because
/// the CPU does not report its cause (a privileged instruction, a non-canonical address).
pub fn fault(frame: &TrapFrame) -> Fault {
    let (vector, error) = (frame.vector(), frame.error());
    let mut address = frame.pc();
    let kind = match vector {
        // A second fault during the delivery of the first: the stack had no room for the frame.
        DOUBLE_FAULT => {
            address = frame.sp();
            FaultKind::StackOverflow
        }
        DIVIDE_ERROR | X87_ERROR | SSE_ERROR => FaultKind::Arithmetic,
        DEBUG | BREAKPOINT => FaultKind::Breakpoint,
        INVALID_OPCODE | NOT_AVAILABLE => FaultKind::IllegalInstruction,
        ALIGNMENT => FaultKind::Alignment,
        PAGE_FAULT => {
            address = VirtAddr(Cr2::read_raw());
            let access = match error {
                error if error & FETCH != 0 => Access::Execute,
                error if error & WRITE != 0 => Access::Write,
                _ => Access::Read,
            };
            FaultKind::Page { access, mapped: error & MAPPED != 0 }
        }
        _ => FaultKind::Unknown,
    };
    let from_user = frame.from_user() && !FATAL.contains(&vector);
    Fault { kind, address, from_user, syndrome: u64::from(vector) << 32 | error }
}
