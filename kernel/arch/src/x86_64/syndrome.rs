//! From the number of an exception and its error code to a portable fault.

use x86_64::registers::control::Cr2;

use crate::{Access, Fault, FaultKind, TrapFrame, VirtAddr};

/// Exceptions after which nothing goes on: the kernel's stack has run over its end, or the machine is broken. They
/// have a stack of their own.
pub const HOPELESS: [u8; 3] = [NON_MASKABLE, DOUBLE_FAULT, MACHINE_CHECK];

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

/// In the error code of a page fault.
const MAPPED: u64 = 1 << 0;
const WRITE: u64 = 1 << 1;
const FETCH: u64 = 1 << 4;

/// The fault that `frame` came from. Must run before any other exception. What the CPU forbids without saying
/// why (#GP: a privileged instruction, an address that is none) has no kind of its own.
pub fn fault(frame: &TrapFrame) -> Fault {
    let (vector, error) = (frame.vector(), frame.error());
    let mut address = frame.pc();
    let kind = match vector {
        // A second fault while the CPU was about to take the first: it found no room for the frame.
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
    let from_user = frame.from_user() && !HOPELESS.contains(&vector);
    Fault { kind, address, from_user, syndrome: u64::from(vector) << 32 | error }
}
