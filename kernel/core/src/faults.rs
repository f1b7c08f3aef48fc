//! Planted faults: deliberate mistakes of the kernel that prove that tests detect them.
//!
//! They exist only in builds with feature `planted_faults`; `fault=NAME` on the command line selects one. In
//! any other build [`planted`] is a constant false, and the compiler removes all of this.

macro_rules! faults {
    ($($variant:ident = $name:literal, $effect:literal;)*
     $(@$group:ident { $($more_variant:ident = $more_name:literal, $more_effect:literal;)* })*) => {
        /// A mistake.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $(#[doc = $effect] $variant,)*
            $($(#[doc = $more_effect] $more_variant,)*)*
        }

        /// Every fault with its name and effect.
        #[cfg(feature = "planted_faults")]
        const ALL: &[(Fault, &str, &str)] = &[
            $((Fault::$variant, $name, $effect),)*
            $($((Fault::$more_variant, $more_name, $more_effect),)*)*
        ];
    };
}

// trees/reference.yaml lists the names too; a test of Parity compares the lists.
faults! {
    ForkSamePid = "fork_same_pid", "fork returns the parent's own number";
    ForkSharesMemory = "fork_shares_memory", "parent and child share data and heap";
    ForkDropsFiles = "fork_drops_files", "a child has no descriptors";
    ForkForgetsCwd = "fork_forgets_cwd", "a child starts in the root directory";
    WaitpidWrongStatus = "waitpid_wrong_status", "the lowest bit of a child's exit code is flipped";
    WaitpidNeverReaps = "waitpid_never_reaps", "a child is never reaped and can be waited for again";
    WnohangBlocks = "wnohang_blocks", "WNOHANG waits";
    ExitDoesNotWake = "exit_does_not_wake", "exit does not wake a parent that already waits";
    ExitStatusLost = "exit_status_lost", "every child ends with status 0, even if killed";
    ExecKeepsDescriptors = "exec_keeps_descriptors", "exec closes no descriptor";
    ExecKeepsSpace = "exec_keeps_space", "after an exec, context switches activate no address space";
    ExecKeepsLock = "exec_keeps_lock", "exec enters user space with a spin lock held, which the kernel must detect";
    ExecWrongArgv = "exec_wrong_argv", "the last argument is missing";
    ExecIgnoresXBit = "exec_ignores_x_bit", "exec accepts files without execute permission";
    BrkIgnored = "brk_ignored", "the break never moves";
    LseekIgnored = "lseek_ignored", "lseek does not move the position";
    LseekEndIsStart = "lseek_end_is_start", "SEEK_END counts from the start";
    ReadZeros = "read_zeros", "read returns zeros";
    OpenMissingOk = "open_missing_ok", "a missing file is opened as an empty one";
    ExclusiveIgnored = "exclusive_ignored", "O_EXCL has no effect";
    LinksCountedAnew = "links_counted_anew", "the count of followed links restarts when a path enters or leaves /proc";
    BufferCheckedWhole = "buffer_checked_whole", "a buffer is refused if only its end is inaccessible";
    StatWrongSize = "stat_wrong_size", "the size in fstat is one byte too large";
    Ext2WrongBlock = "ext2_wrong_block", "every second block of a file reads as the one before it";
    GetdentsSkipsEntry = "getdents_skips_entry", "getdents64 omits directories";
    GetdentsWrongType = "getdents_wrong_type", "getdents64 reports every entry as a regular file";
    AccessAlwaysOk = "access_always_ok", "access always succeeds";
    AccessIgnoresMode = "access_ignores_mode", "access only checks that the file exists";
    ChdirIgnored = "chdir_ignored", "chdir has no effect";
    GetcwdWrong = "getcwd_wrong", "getcwd always returns /";
    DupAliasesZero = "dup_aliases_zero", "dup duplicates descriptor 0";
    Dup2Ignored = "dup2_ignored", "dup2 has no effect";
    CloseIgnored = "close_ignored", "close has no effect";
    PipeLosesByte = "pipe_loses_byte", "each read from a pipe loses a byte";
    PipeNotAtomic = "pipe_not_atomic", "concurrent writes to a pipe are interleaved";
    PipeNoEof = "pipe_no_eof", "a pipe without writers has no end of file";
    PipeEofEarly = "pipe_eof_early", "an empty pipe returns end of file";
    ClockGoesBack = "clock_goes_back", "the clock runs backwards within every millisecond";
    ClockCoarse = "clock_coarse", "the clock's resolution is 10 ms";
    RegistersLost = "registers_lost", "preemption corrupts a register of a program";
    FpNotSaved = "fp_not_saved", "a context switch does not restore vector registers";
    UnmapNoFlush = "unmap_no_flush", "munmap does not flush the TLB";
    UnmapLeaks = "unmap_leaks", "munmap does not free the frames";
    MunmapIgnored = "munmap_ignored", "munmap has no effect";
    MunmapFirstPage = "munmap_first_page", "munmap unmaps only the first page";
    BrkKeepsPages = "brk_keeps_pages", "lowering the break unmaps nothing";
    SecondMmapFails = "second_mmap_fails", "every mmap uses the same address";
    ProtReadWritable = "prot_read_writable", "PROT_READ mappings are writable";
    ProtNoneReadable = "prot_none_readable", "PROT_NONE mappings are readable";
    DataExecutable = "data_executable", "mapped memory and the heap are executable";
    FirstPageAsked = "first_page_asked", "only the first page of a buffer is checked for permissions";
    ForkDataExecutable = "fork_data_executable", "a child's data is executable";
    ForkAllWritable = "fork_all_writable", "all of a child's memory is writable";
    ForkForgetsFloor = "fork_forgets_floor", "a child's first mmap uses an address that is already mapped";
    ForkClearsCloexec = "fork_clears_cloexec", "fork clears close-on-exec";
    DupClearsCloexec = "dup_clears_cloexec", "dup clears close-on-exec of the original";
    DupCopiesCloexec = "dup_copies_cloexec", "dup copies close-on-exec";
    Dup2LeaksOld = "dup2_leaks_old", "dup2 does not close the replaced file";
    OpenForgetsCloexec = "open_forgets_cloexec", "open ignores O_CLOEXEC";
    PipeForgetsCloexec = "pipe_forgets_cloexec", "pipe2 ignores O_CLOEXEC for the write end";
    SetflLosesMode = "setfl_loses_mode", "F_SETFL clears the access mode";
    SetflIgnored = "setfl_ignored", "F_SETFL has no effect";
    ExecLeaksFp = "exec_leaks_fp", "exec does not reset vector registers";
    ExecLeaksFiles = "exec_leaks_files", "exec does not release the files that it closes";
    HeirNotWoken = "heir_not_woken", "PID 1 is not woken when it inherits an ended child";
    TablesLeak = "tables_leak", "exit does not free page tables";
    YieldIgnored = "yield_ignored", "yield has no effect";
    PipeWakesOne = "pipe_wakes_one", "a write to a pipe wakes only one waiting reader";
    PidsCut = "pids_cut", "process numbers wrap around after 255";
    ReadOneChunk = "read_one_chunk", "read returns at most 4 KiB";
    WriteOneChunk = "write_one_chunk", "write writes at most 4 KiB";
    RealtimeIsMonotonic = "realtime_is_monotonic", "CLOCK_REALTIME starts at boot";
    CacheStaysFull = "cache_stays_full", "a read that would replace a line in the block cache fails";
    Ext2FarTable = "ext2_far_table", "all indirect blocks of a file read as the first one";
    Ext2LongLink = "ext2_long_link", "symbolic links too long for the inode have a wrong target";
    Ext2FirstGroup = "ext2_first_group", "inodes of all groups are looked up in the first one";
    Ext2FirstDescriptors = "ext2_first_descriptors", "group descriptors beyond the first block read as those in it";
    Ext2OneBlockFolder = "ext2_one_block_folder", "only the first block of a directory is read";
    Ext2LinksWithoutEnd = "ext2_links_without_end", "the limit of symbolic links is not enforced";

    // User programs need not detect these, so the suites are not required to; the stress run of kernel
    // threads must.
    @kernel_threads {
        ParkLosesWakeup = "park_loses_wakeup", "an unpark or stop that arrives while a thread is about to park is lost";
    }

    // The autopsy must explain the hang of a kernel with this fault.
    @hangs {
        UserKeepsDiskLock = "user_keeps_disk_lock", "the first program enters user space with the disk's lock held";
    }

    // The programs that read /proc must detect these; suites/tracing.yaml lists the names too.
    @tracing {
        TraceStaysOn = "trace_stays_on", "tracing cannot be disabled";
        TraceCountsTwice = "trace_counts_twice", "every event is counted twice";
        TraceLosesEvents = "trace_loses_events", "every third event is dropped";
        TraceHidesProvider = "trace_hides_provider", "the events of one provider are not listed";
        TraceHidesMasks = "trace_hides_masks", "every probe is listed as disabled";
        AllMemoryFree = "all_memory_free", "/proc/meminfo reports all memory as free";
        IdleCountsWork = "idle_counts_work", "busy time counts as idle time";
        UptimeStands = "uptime_stands", "/proc/uptime always reports an uptime of 0";
        StatusOfInit = "status_of_init", "/proc/PID/status shows the first process";
        ProcHidesProcesses = "proc_hides_processes", "/proc lists no process";
        TraceResultsUnsigned = "trace_results_unsigned", "call results are traced as unsigned";
    }

    // The integration tests must detect these; suites/integration.yaml lists the names too.
    @integration {
        StageForgotten = "stage_forgotten", "the last boot stage is not recorded";
        PanicSilent = "panic_silent", "a panic powers off without a message";
        KernelFaultIgnored = "kernel_fault_ignored", "a faulting kernel function is skipped";
        KindLost = "fault_kind_lost", "every fault has kind unknown";
        OverflowUnnamed = "overflow_unnamed", "a stack overflow is reported as an ordinary fault";
        DeadlockUnseen = "deadlock_unseen", "a processor that takes a lock again waits for ever";
        HeldLockUnseen = "held_lock_unseen", "a context switch with a spin lock held is not detected";
        IrqGuardsNotNested = "irq_guards_not_nested", "dropping any guard unmasks interrupts, if no lock is held";
        ThreadStartsMasked = "thread_starts_masked", "a kernel thread starts with interrupts masked";
        DiskInterruptLost = "disk_interrupt_lost", "the disk's interrupt wakes no thread";
        TimerTicksTwice = "timer_ticks_twice", "every tick is counted twice";
        TimeoutEarly = "timeout_early", "timeouts expire after half of their ticks";
        ClockSlow = "clock_slow", "the kernel's clock runs at half speed";
        ClockFallsBack = "clock_falls_back", "every second millisecond is reported as an earlier one";
        CalendarWrong = "calendar_wrong", "the real-time clock is one day ahead";
        NeverPreempts = "never_preempts", "threads are never preempted";
        ReadyAtFront = "ready_at_front", "a woken thread enters the run queue at the front";
        NewestWoken = "newest_woken", "wake_one wakes the newest waiter";
        ParkReturns = "park_returns", "park returns at once";
        ThreadCodeLost = "thread_code_lost", "every kernel thread returns 0";
        MutexOpen = "mutex_open", "a mutex excludes no thread";
        FramesMiscounted = "frames_miscounted", "the number of frames is one too large";
        FrameGivenTwice = "frame_given_twice", "every fiftieth frame is allocated twice";
        FrameNotZeroed = "frame_not_zeroed", "zeroed frames contain other values";
        RowOverlaps = "row_overlaps", "the last frame of a contiguous allocation stays free";
        DoubleFreeUnseen = "double_free_unseen", "a double free of a frame is not detected";
        NoKernelReserve = "no_kernel_reserve", "users can allocate all memory";
        HeapLeaks = "heap_leaks", "freed heap blocks are lost";
        HeapGrowsCoarsely = "heap_grows_coarsely", "the heap grows only in large contiguous steps";
        CallsUnadmitted = "calls_unadmitted", "calls allocate their buffers without admission control";
        CacheNeverShrinks = "cache_never_shrinks", "the block cache frees nothing under memory pressure";
        NoMemoryIsIo = "no_memory_is_io", "a file read without memory fails with EIO";
        TablesStay = "tables_stay", "page tables are not freed when they become empty";
        MemoryUsedMasked = "memory_used_masked", "interrupts are masked during accesses to user memory";
        HeapIgnoresAlignment = "heap_ignores_alignment", "large alignments are ignored";
        GuardMapped = "guard_mapped", "the page below a kernel stack is mapped";
        StackLeaks = "stack_leaks", "a thread's stack is not freed";
        StackShort = "stack_short", "the lower half of a kernel stack is not mapped";
        UserStackShort = "user_stack_short", "the lowest page of a program's stack is not mapped";
        BadPointerIgnored = "bad_pointer_ignored", "a call with a bad pointer succeeds without effect";
        PermissionIgnored = "permission_ignored", "calls ignore the page permissions of user memory";
        WritableCode = "writable_code", "mmap allows writable and executable memory";
        ThreadNumbersCut = "thread_numbers_cut", "events contain only the lower 16 bits of thread numbers";
        UnknownCallOk = "unknown_call_ok", "an unknown system call returns 0";
        TerminalEnds = "terminal_ends", "a read from the terminal returns end of file if nothing was typed";
        TerminalLosesBytes = "terminal_loses_bytes", "every second typed byte is lost";
        TerminalSleeps = "terminal_sleeps", "terminal input wakes no reader";
        TerminalTakesAll = "terminal_takes_all", "editing keys are treated as letters";
        LogLinesTorn = "log_lines_torn", "the pieces of a log line are written separately";
        LogLinesRunOn = "log_lines_run_on", "log lines have no newline";
        LogLinesCut = "log_lines_cut", "log lines are cut at 1000 bytes";
        ClockOverflows = "clock_overflows", "the clock wraps around after seconds or minutes";
    }
}

#[cfg(feature = "planted_faults")]
mod chosen {
    use core::sync::atomic::{AtomicUsize, Ordering};

    use super::{ALL, Fault};
    use crate::command_line::value_of;
    use crate::kprintln;

    /// The fault that the command line names, and the active one: numbers counted from 1; 0 is none.
    static ASKED_FOR: AtomicUsize = AtomicUsize::new(0);
    static CHOSEN: AtomicUsize = AtomicUsize::new(0);

    /// Reads the fault that the command line names. An unknown name selects none: the tests pass, and a check
    /// that expects a failing one fails.
    pub fn choose(command_line: &str) {
        let Some(wanted) = value_of(command_line, "fault") else { return };
        let Some((fault, name, effect)) = ALL.iter().find(|(_, name, _)| *name == wanted) else {
            kprintln!("command line: fault={wanted}: unknown, ignored");
            return;
        };
        kprintln!("planted fault {name}: {effect}");
        ASKED_FOR.store(*fault as usize + 1, Ordering::Relaxed);
    }

    /// Activates the selected fault. Called after the boot: a kernel that does not boot says nothing about a
    /// test.
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

/// Whether the kernel must make this mistake.
#[cfg(not(feature = "planted_faults"))]
pub const fn planted(_fault: Fault) -> bool {
    false
}
