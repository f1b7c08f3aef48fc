//! Synchronous exceptions other than system calls.

use crate::VirtAddr;

/// What the CPU tried to do with memory.
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
        /// What was tried.
        access: Access,
        /// Whether the page is mapped, so that only its permissions forbid the access.
        mapped: bool,
    },
    /// The memory system refused a mapped access (no device there, parity error).
    Bus,
    /// The instruction does not exist, or not at this privilege.
    IllegalInstruction,
    /// An address (of data, code or stack) is not aligned as the CPU demands.
    Alignment,
    /// A breakpoint instruction, or a debug event.
    Breakpoint,
    /// The kernel ran over the end of its stack: the handler is called on a stack of its own, for messages, and
    /// must not return.
    StackOverflow,
    /// A division by zero where the CPU minds, or a floating-point exception that the program had enabled.
    Arithmetic,
    /// Anything else.
    Unknown,
}

/// A fault that can be raised on purpose, for tests of the way it takes.
#[derive(Clone, Copy, Debug)]
pub struct Exception {
    /// What is done, in short.
    pub name: &'static str,
    /// What must arrive at the handler.
    pub kind: FaultKind,
    /// Does it. It returns if the handler calls [`TrapFrame::return_from_leaf`](crate::TrapFrame::return_from_leaf)
    /// on the fault's frame, or if there was no fault.
    pub raise: extern "C" fn(),
}

/// A fault, as handed to [`Handler::fault`](crate::Handler::fault).
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// The address accessed ([`FaultKind::Page`], [`FaultKind::Bus`], [`FaultKind::Alignment`]), the stack
    /// pointer ([`FaultKind::StackOverflow`]), otherwise the address of the instruction.
    pub address: VirtAddr,
    /// Whether user code caused it; otherwise it is a bug of the kernel.
    pub from_user: bool,
    /// The CPU's own description of the exception (ESR_EL1 on aarch64; vector and error code on x86-64), for messages only.
    pub syndrome: u64,
}
