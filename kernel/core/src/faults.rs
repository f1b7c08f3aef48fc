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
    UnmapNoFlush = "unmap_no_flush", "the processor goes on using pages that were unmapped";
    UnmapLeaks = "unmap_leaks", "memory that is unmapped is lost";
    MunmapIgnored = "munmap_ignored", "munmap unmaps nothing";
    MunmapFirstPage = "munmap_first_page", "munmap unmaps one page";
    BrkKeepsPages = "brk_keeps_pages", "a lowered break leaves its pages mapped";
    SecondMmapFails = "second_mmap_fails", "every mmap asks for the same place";
    ProtReadWritable = "prot_read_writable", "memory mapped for reading can be written";
    ProtNoneReadable = "prot_none_readable", "memory mapped for nothing can be read";
    DataExecutable = "data_executable", "mapped memory and the heap can be executed";
    FirstPageAsked = "first_page_asked", "only the first page of a buffer is asked for its permissions";
    ForkDataExecutable = "fork_data_executable", "a child can execute its data";
    ForkAllWritable = "fork_all_writable", "a child can write to all of its memory";
    ForkForgetsFloor = "fork_forgets_floor", "a child's first mmap asks for a place that is in use";
    ForkClearsCloexec = "fork_clears_cloexec", "a child's descriptors outlast exec";
    DupClearsCloexec = "dup_clears_cloexec", "a descriptor that was duplicated outlasts exec";
    DupCopiesCloexec = "dup_copies_cloexec", "a copy is closed on exec if the original is";
    Dup2LeaksOld = "dup2_leaks_old", "what dup2 replaces stays open";
    OpenForgetsCloexec = "open_forgets_cloexec", "O_CLOEXEC means nothing to open";
    PipeForgetsCloexec = "pipe_forgets_cloexec", "O_CLOEXEC means nothing to pipe2 for the writing end";
    SetflLosesMode = "setfl_loses_mode", "F_SETFL takes the access mode away";
    SetflIgnored = "setfl_ignored", "F_SETFL changes nothing";
    ExecLeaksFp = "exec_leaks_fp", "a new program finds the old one's vector registers";
    ExecLeaksFiles = "exec_leaks_files", "what exec closes stays open";
    HeirNotWoken = "heir_not_woken", "PID 1 is not woken for a child that had ended when it was inherited";
    TablesLeak = "tables_leak", "a process's page tables stay when it ends";
    YieldIgnored = "yield_ignored", "who yields goes on";
    PipeWakesOne = "pipe_wakes_one", "of those who wait for a pipe's bytes, one is woken";
    PidsCut = "pids_cut", "process numbers begin anew after 255";
    ReadOneChunk = "read_one_chunk", "read gives 16 KiB at most";
    WriteOneChunk = "write_one_chunk", "write takes 16 KiB at most";
    RealtimeIsMonotonic = "realtime_is_monotonic", "CLOCK_REALTIME begins with the boot";
    CacheStaysFull = "cache_stays_full", "what does not fit into the block cache cannot be read";
    Ext2FarTable = "ext2_far_table", "a file's second and further tables of blocks are its first";
    Ext2LongLink = "ext2_long_link", "symbolic links whose target does not fit into the inode lead elsewhere";
    Ext2FirstGroup = "ext2_first_group", "inodes of later groups are looked up in the first one";
    Ext2FirstDescriptors = "ext2_first_descriptors", "groups described behind the first block are those before";
    Ext2OneBlockFolder = "ext2_one_block_folder", "a directory ends with its first block";
    Ext2LinksWithoutEnd = "ext2_links_without_end", "symbolic links are followed for ever";

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
        TraceResultsUnsigned = "trace_results_unsigned", "what a call gives is traced without its sign";
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
        HeapGrowsCoarsely = "heap_grows_coarsely", "the heap grows by so many frames in a row or not at all";
        CallsUnadmitted = "calls_unadmitted", "calls keep what they move in blocks of the heap that cannot be refused";
        CacheNeverShrinks = "cache_never_shrinks", "the disk's cache gives nothing back";
        NoMemoryIsIo = "no_memory_is_io", "a file that cannot be read for want of memory has an error of the disk";
        TablesStay = "tables_stay", "page tables stay when the pages go";
        MemoryUsedMasked = "memory_used_masked", "interrupts are masked while a program's memory is used";
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
        ClockOverflows = "clock_overflows", "the clock begins anew after some seconds or minutes";
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
