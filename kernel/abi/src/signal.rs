//! Signals.

use crate::plain::plain;

pub const SIGHUP: u8 = 1;
pub const SIGINT: u8 = 2;
pub const SIGQUIT: u8 = 3;
pub const SIGILL: u8 = 4;
pub const SIGTRAP: u8 = 5;
pub const SIGABRT: u8 = 6;
pub const SIGBUS: u8 = 7;
pub const SIGFPE: u8 = 8;
pub const SIGKILL: u8 = 9;
pub const SIGUSR1: u8 = 10;
pub const SIGSEGV: u8 = 11;
pub const SIGUSR2: u8 = 12;
pub const SIGPIPE: u8 = 13;
pub const SIGALRM: u8 = 14;
pub const SIGTERM: u8 = 15;
pub const SIGSTKFLT: u8 = 16;
pub const SIGCHLD: u8 = 17;
pub const SIGCONT: u8 = 18;
pub const SIGSTOP: u8 = 19;
pub const SIGTSTP: u8 = 20;
pub const SIGTTIN: u8 = 21;
pub const SIGTTOU: u8 = 22;
pub const SIGURG: u8 = 23;
pub const SIGXCPU: u8 = 24;
pub const SIGXFSZ: u8 = 25;
pub const SIGVTALRM: u8 = 26;
pub const SIGPROF: u8 = 27;
pub const SIGWINCH: u8 = 28;
pub const SIGIO: u8 = 29;
pub const SIGPWR: u8 = 30;
pub const SIGSYS: u8 = 31;
/// Highest signal number; the lowest is 1.
pub const NSIG: u8 = 64;

/// `handler` of [`SigAction`]: the signal's default action.
pub const SIG_DFL: u64 = 0;
/// `handler` of [`SigAction`]: ignore the signal.
pub const SIG_IGN: u64 = 1;

pub const SIG_BLOCK: u32 = 0;
pub const SIG_UNBLOCK: u32 = 1;
pub const SIG_SETMASK: u32 = 2;

/// Size in bytes of a signal mask, the last argument of calls that take one.
pub const SIGSET_BYTES: usize = 8;

pub const SA_NOCLDSTOP: u64 = 0x0000_0001;
pub const SA_NOCLDWAIT: u64 = 0x0000_0002;
pub const SA_SIGINFO: u64 = 0x0000_0004;
pub const SA_RESTORER: u64 = 0x0400_0000;
pub const SA_ONSTACK: u64 = 0x0800_0000;
pub const SA_RESTART: u64 = 0x1000_0000;
pub const SA_NODEFER: u64 = 0x4000_0000;
pub const SA_RESETHAND: u64 = 0x8000_0000;

/// Action of a process for a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SigAction {
    /// Address of the handler, or [`SIG_DFL`], [`SIG_IGN`].
    pub handler: u64,
    /// Signals blocked while the handler runs; bit n-1 is signal n.
    pub mask: u64,
    pub flags: u64,
    /// Address of the code that calls `sigreturn` ([`SA_RESTORER`]).
    pub restorer: u64,
}

/// `flags` of [`StackT`]: the thread runs on this stack.
pub const SS_ONSTACK: i32 = 1;
/// `flags` of [`StackT`]: there is no alternate stack.
pub const SS_DISABLE: i32 = 2;
/// Smallest alternate stack in bytes.
pub const MINSIGSTKSZ: u64 = 2048;

/// Alternate stack for signal handlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct StackT {
    pub sp: u64,
    pub flags: i32,
    pub pad: u32,
    /// Size in bytes.
    pub size: u64,
}

plain! {
    SigAction { u64, u64, u64, u64 } = 32;
    StackT { u64, i32, u32, u64 } = 24;
}
