//! Decodes the exception syndrome register into a portable fault.

use aarch64_cpu::registers::{ESR_EL1, FAR_EL1, Readable};

use crate::{Access, Fault, FaultKind, TrapFrame, VirtAddr};

/// Cause of a synchronous exception.
pub enum Cause {
    /// A system call.
    Syscall,
    /// Anything else.
    Fault(Fault),
}

/// Decodes this CPU's syndrome of the exception in `frame`. Must run before another exception overwrites it.
pub fn synchronous(frame: &TrapFrame) -> Cause {
    use ESR_EL1::EC::Value as Class;
    let syndrome = ESR_EL1.get();
    let class = ESR_EL1.read_as_enum(ESR_EL1::EC);
    let (kind, address) = match class {
        Some(Class::SVC64) if frame.from_user() => return Cause::Syscall,
        Some(Class::DataAbortLowerEL | Class::DataAbortCurrentEL) => {
            let access = if syndrome & WRITE != 0 { Access::Write } else { Access::Read };
            (abort(syndrome, access), FAR_EL1.get())
        }
        Some(Class::InstrAbortLowerEL | Class::InstrAbortCurrentEL) => {
            (abort(syndrome, Access::Execute), FAR_EL1.get())
        }
        Some(Class::PCAlignmentFault) => (FaultKind::Alignment, FAR_EL1.get()),
        Some(Class::SPAlignmentFault) => (FaultKind::Alignment, frame.sp().0),
        Some(Class::TrappedFP64) => (FaultKind::Arithmetic, frame.pc().0),
        Some(
            Class::Brk64
            | Class::BreakpointLowerEL
            | Class::BreakpointCurrentEL
            | Class::SoftwareStepLowerEL
            | Class::SoftwareStepCurrentEL
            | Class::WatchpointLowerEL
            | Class::WatchpointCurrentEL,
        ) => (FaultKind::Breakpoint, frame.pc().0),
        Some(
            Class::Unknown
            | Class::IllegalExecutionState
            | Class::TrappedMsrMrs
            | Class::TrappedFP
            | Class::SVC64,
        ) => (FaultKind::IllegalInstruction, frame.pc().0),
        _ => (FaultKind::Unknown, frame.pc().0),
    };
    Cause::Fault(Fault { kind, address: VirtAddr(address), from_user: frame.from_user(), syndrome })
}

/// An exception that the kernel does not expect: SError, FIQ, 32-bit program.
pub fn unexpected(frame: &TrapFrame) -> Fault {
    Fault {
        kind: FaultKind::Unknown,
        address: frame.pc(),
        from_user: frame.from_user(),
        syndrome: ESR_EL1.get(),
    }
}

/// A trap of any kind for whose frame the kernel stack had no room.
pub fn stack_overflow(frame: &TrapFrame) -> Fault {
    Fault { kind: FaultKind::StackOverflow, address: frame.sp(), from_user: false, syndrome: ESR_EL1.get() }
}

/// In the syndrome of a data abort: the access was a store.
const WRITE: u64 = 1 << 6;

/// Kind of an abort by its fault status code (the two low bits are the level for the first three kinds).
fn abort(syndrome: u64, access: Access) -> FaultKind {
    match syndrome & 0x3F {
        0x00..=0x0B => FaultKind::Page { access, mapped: false },
        0x0C..=0x0F => FaultKind::Page { access, mapped: true },
        0x21 => FaultKind::Alignment,
        0x10..=0x1F => FaultKind::Bus,
        _ => FaultKind::Unknown,
    }
}
