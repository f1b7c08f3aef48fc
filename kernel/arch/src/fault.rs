//! Synchronous exceptions other than system calls.

use crate::VirtAddr;

/// Kind of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Loading data.
    Read,
    /// Storing data.
    Write,
    /// Fetching an instruction.
    Execute,
}

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The page tables do not allow the access.
    Page {
        /// The access.
        access: Access,
        /// Whether the page is mapped, that is, only its permissions forbid the access.
        mapped: bool,
    },
    /// The bus refused an access to a mapped page (no device there, parity error).
    Bus,
    /// The instruction is undefined or not allowed at this privilege level.
    IllegalInstruction,
    /// An address (of data, code or stack) has the wrong alignment.
    Alignment,
    /// A breakpoint instruction, or a debug event.
    Breakpoint,
    /// Overflow of the kernel stack: the handler runs on the emergency stack and must not return.
    StackOverflow,
    /// A division by zero on CPUs that trap it, or a floating-point exception that the program enabled.
    Arithmetic,
    /// Anything else.
    Unknown,
}

/// A deliberate fault, for tests of exception handling.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// Short description.
    pub name: &'static str,
    /// Kind that the handler must receive.
    pub kind: FaultKind,
    /// Raises it. Returns if the handler calls
    /// [`TrapFrame::return_from_leaf`](crate::TrapFrame::return_from_leaf) on the fault's frame, or if no
    /// fault occurred.
    pub raise: extern "C" fn(),
}

/// A fault, as handed to [`Handler::fault`](crate::Handler::fault).
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Kind of the fault.
    pub kind: FaultKind,
    /// The accessed address ([`FaultKind::Page`], [`FaultKind::Bus`], [`FaultKind::Alignment`]), the stack
    /// pointer ([`FaultKind::StackOverflow`]), otherwise the address of the instruction.
    pub address: VirtAddr,
    /// Whether user code caused it; a fault of kernel code is a bug.
    pub from_user: bool,
    /// The CPU's description of the exception (ESR_EL1 on aarch64; vector and error code on x86-64), for
    /// messages only.
    pub syndrome: u64,
}
