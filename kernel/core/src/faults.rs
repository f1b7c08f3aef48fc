//! Planted faults: mistakes that the kernel makes when it is told to, so that tests can prove that they notice.
//!
//! They exist in builds with feature `planted_faults` alone; `fault=NAME` on the command line chooses one. In
//! any other build [`planted`] is false when it is compiled, and nothing of this is left.

macro_rules! faults {
    ($($variant:ident = $name:literal, $effect:literal;)*
     $(@$group:ident { $($more_variant:ident = $more_name:literal, $more_effect:literal;)* })*) => {
        /// A mistake.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $(#[doc = $effect] $variant,)*
            $($(#[doc = $more_effect] $more_variant,)*)*
        }

        /// Every fault with its name and what it does.
        #[cfg(feature = "planted_faults")]
        const ALL: &[(Fault, &str, &str)] = &[
            $((Fault::$variant, $name, $effect),)*
            $($((Fault::$more_variant, $more_name, $more_effect),)*)*
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
    ExclusiveIgnored = "exclusive_ignored", "O_EXCL changes nothing";
    LinksCountedAnew = "links_counted_anew", "a path through /proc may follow links without end";
    BufferCheckedWhole = "buffer_checked_whole", "a buffer is refused for its unused end";
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

    // No user program need meet these, so they are not among those that the suites must catch. Of the kernel threads
    // the stress run must catch them.
    @kernel_threads {
        ParkLosesWakeup = "park_loses_wakeup", "an unpark or stop that comes while a thread goes to park is lost";
    }

    // The host must say what is wrong with a kernel that hangs so.
    @hangs {
        UserKeepsDiskLock = "user_keeps_disk_lock", "the first program goes to user space with the disk's lock held";
    }

    // The programs that read /proc must catch these; suites/tracing.yaml has the names too.
    @tracing {
        TraceStaysOn = "trace_stays_on", "tracing cannot be switched off";
        TraceCountsTwice = "trace_counts_twice", "every event counts as two";
        TraceLosesEvents = "trace_loses_events", "every third event is not kept";
        TraceHidesProvider = "trace_hides_provider", "the events of one provider are not listed";
        TraceHidesMasks = "trace_hides_masks", "every probe is said to be off";
        AllMemoryFree = "all_memory_free", "/proc/meminfo says that all memory is free";
        IdleCountsWork = "idle_counts_work", "the processor is said to be idle whatever it does";
        UptimeStands = "uptime_stands", "/proc/uptime says that the machine has just been started";
        StatusOfInit = "status_of_init", "/proc/PID/status is that of the first process";
        ProcHidesProcesses = "proc_hides_processes", "/proc lists no process";
    }

    // The integration tests must catch these; suites/integration.yaml has the names too.
    @integration {
        StageForgotten = "stage_forgotten", "the last stage of the boot is not remembered";
        PanicSilent = "panic_silent", "a panic switches the machine off without a word";
        KernelFaultIgnored = "kernel_fault_ignored", "an instruction of the kernel that faults is passed over";
        KindLost = "fault_kind_lost", "every fault is an unknown one";
        OverflowUnnamed = "overflow_unnamed", "a stack overflow is a fault like others";
        DeadlockUnseen = "deadlock_unseen", "who holds a lock and asks for it waits";
        HeldLockUnseen = "held_lock_unseen", "the processor is given away whatever lock is held";
        IrqGuardsNotNested = "irq_guards_not_nested", "any guard that goes unmasks interrupts, if no lock is held";
        ThreadStartsMasked = "thread_starts_masked", "a kernel thread begins with interrupts masked";
        DiskInterruptLost = "disk_interrupt_lost", "nobody is told of the disk's interrupts";
        TimerTicksTwice = "timer_ticks_twice", "every tick counts as two";
        TimeoutEarly = "timeout_early", "who waits for so many ticks waits for half as many";
        ClockSlow = "clock_slow", "the kernel's clock runs at half its speed";
        ClockFallsBack = "clock_falls_back", "every second millisecond comes before the one before it";
        CalendarWrong = "calendar_wrong", "it is tomorrow already";
        NeverPreempts = "never_preempts", "who runs runs until he gives the processor away";
        ReadyAtFront = "ready_at_front", "who becomes ready runs before those that were ready";
        NewestWoken = "newest_woken", "a queue wakes who came last";
        ParkReturns = "park_returns", "parking ends at once";
        ThreadCodeLost = "thread_code_lost", "every kernel thread ends with 0";
        MutexOpen = "mutex_open", "a mutex lets everybody in";
        FramesMiscounted = "frames_miscounted", "there is one frame more than there is";
        FrameGivenTwice = "frame_given_twice", "every fiftieth frame is given to the next one as well";
        FrameNotZeroed = "frame_not_zeroed", "a frame of zeros is one of anything";
        RowOverlaps = "row_overlaps", "of a row of frames the last one stays free";
        DoubleFreeUnseen = "double_free_unseen", "a frame that is free already can be given back";
        NoKernelReserve = "no_kernel_reserve", "users can take all memory";
        HeapLeaks = "heap_leaks", "what is given back to the heap is lost";
        HeapIgnoresAlignment = "heap_ignores_alignment", "large alignments are not kept";
        GuardMapped = "guard_mapped", "the page below a kernel stack is mapped";
        StackLeaks = "stack_leaks", "a thread's stack stays when it ends";
        StackShort = "stack_short", "the lower half of a kernel stack is missing";
        UserStackShort = "user_stack_short", "the lowest page of a program's stack is missing";
        BadPointerIgnored = "bad_pointer_ignored", "a call with a bad pointer does nothing, and succeeds";
        PermissionIgnored = "permission_ignored", "calls read and write what the program may not";
        WritableCode = "writable_code", "mmap gives memory that can be written and executed";
        ThreadNumbersCut = "thread_numbers_cut", "events tell the lower 16 bits of a thread's number";
        UnknownCallOk = "unknown_call_ok", "a call that there is not gives 0";
        TerminalEnds = "terminal_ends", "input has ended where nothing was typed";
        TerminalLosesBytes = "terminal_loses_bytes", "every third byte that is typed is lost";
        TerminalSleeps = "terminal_sleeps", "who waits for input is not woken";
        TerminalTakesAll = "terminal_takes_all", "keys that correct or end a line are letters";
        LogLinesTorn = "log_lines_torn", "the pieces of a line are written one by one";
        LogLinesRunOn = "log_lines_run_on", "lines do not end";
        LogLinesCut = "log_lines_cut", "no line has more than 1000 bytes";
    }
}

#[cfg(feature = "planted_faults")]
mod chosen {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::{ALL, Fault};
    use crate::command_line::value_of;
    use crate::kprintln;

    /// The fault that was asked for, and the one that is made: numbers counted from 1; 0 is none.
    static ASKED_FOR: AtomicUsize = AtomicUsize::new(0);
    static CHOSEN: AtomicUsize = AtomicUsize::new(0);

    /// Reads which fault the command line names. An unknown one is no fault: the tests pass, and whoever counts on
    /// one that fails finds out.
    pub fn choose(command_line: &str) {
        let Some(wanted) = value_of(command_line, "fault") else { return };
        let Some((fault, name, effect)) = ALL.iter().find(|(_, name, _)| *name == wanted) else {
            kprintln!("command line: fault={wanted}: unknown, ignored");
            return;
        };
        kprintln!("planted fault {name}: {effect}");
        ASKED_FOR.store(*fault as usize + 1, Ordering::Relaxed);
    }

    /// Plants it. The boot is over: a kernel that does not come so far tells nothing about a test.
    pub fn begin() {
        CHOSEN.store(ASKED_FOR.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub fn planted(fault: Fault) -> bool {
        CHOSEN.load(Ordering::Relaxed) == fault as usize + 1
    }
}

#[cfg(feature = "planted_faults")]
pub use chosen::{begin, choose, planted};

#[cfg(not(feature = "planted_faults"))]
pub const fn choose(_command_line: &str) {}

#[cfg(not(feature = "planted_faults"))]
pub const fn begin() {}

/// Whether the kernel is to make this mistake.
#[cfg(not(feature = "planted_faults"))]
pub const fn planted(_fault: Fault) -> bool {
    false
}
