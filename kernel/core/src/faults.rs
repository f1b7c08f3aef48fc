//! Planted faults: mistakes that the kernel makes when it is told to, so that tests can prove that they notice.
//!
//! They exist in builds with feature `planted_faults` alone; `fault=NAME` on the command line chooses one. In
//! any other build [`planted`] is false when it is compiled, and nothing of this is left.

macro_rules! faults {
    ($($variant:ident = $name:literal, $effect:literal;)*
     @kernel_threads { $($thread_variant:ident = $thread_name:literal, $thread_effect:literal;)* }) => {
        /// A mistake.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $(#[doc = $effect] $variant,)*
            $(#[doc = $thread_effect] $thread_variant,)*
        }

        /// Every fault with its name and what it does.
        #[cfg(feature = "planted_faults")]
        const ALL: &[(Fault, &str, &str)] = &[
            $((Fault::$variant, $name, $effect),)*
            $((Fault::$thread_variant, $thread_name, $thread_effect),)*
        ];
    };
}

// The names stand in trees/reference.yaml too, and a test of the host compares the two.
faults! {
    ForkSamePid = "fork_same_pid", "fork gives the parent its own number";
    ForkSharesMemory = "fork_shares_memory", "data and heap are the child's and the parent's alike";
    ForkDropsFiles = "fork_drops_files", "a child has no descriptors";
    ForkForgetsCwd = "fork_forgets_cwd", "a child works in the root directory";
    WaitpidWrongStatus = "waitpid_wrong_status", "the lowest bit of a child's exit code is wrong";
    WaitpidNeverReaps = "waitpid_never_reaps", "a child can be waited for again and again";
    WnohangBlocks = "wnohang_blocks", "WNOHANG waits";
    ExitDoesNotWake = "exit_does_not_wake", "a parent that waits already goes on waiting";
    ExitStatusLost = "exit_status_lost", "every child ends with 0, even if killed";
    ExecKeepsDescriptors = "exec_keeps_descriptors", "exec closes nothing";
    ExecKeepsSpace = "exec_keeps_space", "after an exec, no program gets its own address space back";
    ExecKeepsLock = "exec_keeps_lock", "exec goes to user space with a lock held, which the kernel must notice";
    ExecWrongArgv = "exec_wrong_argv", "a program lacks its last argument";
    ExecIgnoresXBit = "exec_ignores_x_bit", "exec takes files that nobody may execute";
    BrkIgnored = "brk_ignored", "the break never moves";
    LseekIgnored = "lseek_ignored", "lseek moves nothing";
    LseekEndIsStart = "lseek_end_is_start", "SEEK_END counts from the start";
    ReadZeros = "read_zeros", "read gives zeros";
    OpenMissingOk = "open_missing_ok", "a file that is missing is an empty one";
    StatWrongSize = "stat_wrong_size", "fstat says one byte too many";
    Ext2WrongBlock = "ext2_wrong_block", "every second block of a file reads as the one before it";
    GetdentsSkipsEntry = "getdents_skips_entry", "getdents64 leaves directories out";
    GetdentsWrongType = "getdents_wrong_type", "getdents64 calls everything a regular file";
    AccessAlwaysOk = "access_always_ok", "access says yes";
    AccessIgnoresMode = "access_ignores_mode", "access only asks whether the file is there";
    ChdirIgnored = "chdir_ignored", "chdir goes nowhere";
    GetcwdWrong = "getcwd_wrong", "getcwd says /";
    DupAliasesZero = "dup_aliases_zero", "dup duplicates descriptor 0";
    Dup2Ignored = "dup2_ignored", "dup2 does nothing";
    CloseIgnored = "close_ignored", "close does nothing";
    PipeLosesByte = "pipe_loses_byte", "each read from a pipe loses a byte";
    PipeNotAtomic = "pipe_not_atomic", "writers to a pipe mix their bytes";
    PipeNoEof = "pipe_no_eof", "a pipe without writers does not end";
    PipeEofEarly = "pipe_eof_early", "an empty pipe ends";
    ClockGoesBack = "clock_goes_back", "the clock runs backwards in every millisecond";
    ClockCoarse = "clock_coarse", "the clock moves every 10 ms";
    RegistersLost = "registers_lost", "a register changes when a program is preempted";
    FpNotSaved = "fp_not_saved", "vector registers are not put back at a switch";

    // No user program meets these, so they are not among those that the suites must catch; the stress run of
    // the kernel threads must.
    @kernel_threads {
        ParkLosesWakeup = "park_loses_wakeup", "an unpark or stop that comes while a thread goes to park is lost";
    }
}

#[cfg(feature = "planted_faults")]
mod chosen {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::{ALL, Fault};
    use crate::command_line::value_of;
    use crate::kprintln;

    /// The fault's number, counted from 1; 0 is none.
    static CHOSEN: AtomicUsize = AtomicUsize::new(0);

    /// Plants the fault that the command line names. An unknown one is no fault: the tests pass, and whoever
    /// counts on one that fails finds out.
    pub fn choose(command_line: &str) {
        let Some(wanted) = value_of(command_line, "fault") else { return };
        let Some((fault, name, effect)) = ALL.iter().find(|(_, name, _)| *name == wanted) else {
            kprintln!("command line: fault={wanted}: unknown, ignored");
            return;
        };
        kprintln!("planted fault {name}: {effect}");
        CHOSEN.store(*fault as usize + 1, Ordering::Relaxed);
    }

    pub fn planted(fault: Fault) -> bool {
        CHOSEN.load(Ordering::Relaxed) == fault as usize + 1
    }
}

#[cfg(feature = "planted_faults")]
pub use chosen::{choose, planted};

#[cfg(not(feature = "planted_faults"))]
pub const fn choose(_command_line: &str) {}

/// Whether the kernel is to make this mistake.
#[cfg(not(feature = "planted_faults"))]
pub const fn planted(_fault: Fault) -> bool {
    false
}
