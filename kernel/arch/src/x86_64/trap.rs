//! Traps: the trap frame, the dispatcher, the return to user code.

use core::arch::global_asm;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::offset_of;

use x86_64::instructions::tables::lidt;
use x86_64::structures::DescriptorTablePointer;

use super::{cpu, intc, power, syndrome};
use crate::handler::registered;
use crate::{Handler, VirtAddr};

/// All registers of the interrupted code, user or kernel. The CPU pushes those from `pc` on.
#[derive(Clone)]
#[repr(C, align(16))]
pub struct TrapFrame {
    /// Frame record (frame pointer, return address) that continues the kernel's call chain through a trap.
    link: [u64; 2],
    /// Thread pointers of user code: FS and GS bases. Undefined in a kernel frame.
    fs: u64,
    gs: u64,
    general: [u64; GENERAL],
    vector: u64,
    error: u64,
    pc: u64,
    code_segment: u64,
    flags: u64,
    sp: u64,
    stack_segment: u64,
}

/// Number of general registers without the stack pointer, and the indices of some of them.
const GENERAL: usize = 15;
const NAMES: [&str; GENERAL] =
    ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
const RAX: usize = 0;
const RBP: usize = 6;
const R11: usize = 10;
/// Indices of the system call's arguments: rdi, rsi, rdx, r10, r8, r9.
const ARGUMENTS: [usize; 6] = [5, 4, 3, 9, 7, 8];

const SYSCALL_VECTOR: u8 = 0x80;
const BREAKPOINT_VECTOR: u8 = 3;
/// First interrupt vector; lower vectors are exceptions.
const FIRST_INTERRUPT: u8 = 32;

/// Interrupts enabled, and the reserved bit that is always 1.
const USER_FLAGS: u64 = 1 << 9 | 1 << 1;

/// Size in bytes of the emergency stack, which reports stack overflows. One suffices: only one CPU reports.
pub(super) const EMERGENCY_STACK_SIZE: usize = 16 * 1024;

/// Distance in bytes between two entries of the assembly.
const ENTRY_BYTES: usize = 16;
const VECTORS: usize = 256;

global_asm!(
    include_str!("vectors.S"),
    SIZE = const size_of::<TrapFrame>(),
    LINK = const offset_of!(TrapFrame, link),
    FS = const offset_of!(TrapFrame, fs),
    GS = const offset_of!(TrapFrame, gs),
    GENERAL = const offset_of!(TrapFrame, general),
    PC = const offset_of!(TrapFrame, pc),
    CODE_SEGMENT = const offset_of!(TrapFrame, code_segment),
    TRAP_STACK = const cpu::TRAP_STACK,
    ENTRY_BYTES = const ENTRY_BYTES,
    VECTORS = const VECTORS,
    dispatch = sym dispatch,
);

impl TrapFrame {
    /// Frame of a new program that starts at `entry` with stack pointer `sp`: all other registers zero,
    /// interrupts enabled.
    pub const fn new_user(entry: VirtAddr, sp: VirtAddr) -> Self {
        Self {
            link: [0; 2],
            fs: 0,
            gs: 0,
            general: [0; GENERAL],
            vector: 0,
            error: 0,
            pc: entry.0,
            code_segment: cpu::USER_CODE as u64,
            flags: USER_FLAGS,
            sp: sp.0,
            stack_segment: cpu::USER_DATA as u64,
        }
    }

    /// Number of the system call.
    pub const fn syscall_number(&self) -> u64 {
        self.general[RAX]
    }

    /// Argument `index` (0 to 5) of the system call.
    ///
    /// # Panics
    /// When `index` is above 5.
    pub const fn syscall_arg(&self, index: usize) -> u64 {
        self.general[ARGUMENTS[index]]
    }

    /// Sets the system call's result.
    pub const fn set_return(&mut self, value: i64) {
        self.general[RAX] = value.cast_unsigned();
    }

    /// Address of the instruction at which the interrupted code continues.
    pub const fn pc(&self) -> VirtAddr {
        VirtAddr(self.pc)
    }

    /// The interrupted code's stack pointer (of the user program, or of the kernel).
    pub const fn sp(&self) -> VirtAddr {
        VirtAddr(self.sp)
    }

    /// The interrupted code's frame pointer, for backtraces.
    pub const fn frame_pointer(&self) -> VirtAddr {
        VirtAddr(self.general[RBP])
    }

    /// Makes the interrupted function, which must have no stack frame, return to its caller.
    ///
    /// # Panics
    /// When user code was interrupted.
    pub fn return_from_leaf(&mut self) {
        assert!(!self.from_user(), "only a function of the kernel can be ended");
        let top = core::ptr::with_exposed_provenance::<u64>(self.sp as usize);
        // SAFETY: the function ran on this kernel stack, whose top is its return address.
        self.pc = unsafe { top.read() };
        self.sp += size_of::<u64>() as u64;
    }

    /// Corrupts a register that the interrupted code may be using: for a planted fault.
    pub const fn corrupt_register(&mut self) {
        self.general[R11] ^= 1 << 40;
    }

    /// Whether user code was interrupted.
    pub const fn from_user(&self) -> bool {
        self.code_segment & 3 == 3
    }

    /// Number of the exception or interrupt.
    pub(super) const fn vector(&self) -> u8 {
        self.vector as u8
    }

    /// The exception's error code, 0 for exceptions without one.
    pub(super) const fn error(&self) -> u64 {
        self.error
    }
}

/// All registers, four to a line.
impl fmt::Display for TrapFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, " pc {:016x}  sp {:016x} rflags {:08x}", self.pc, self.sp, self.flags)?;
        for (number, (name, value)) in NAMES.iter().zip(self.general).enumerate() {
            let end = if number % 4 == 3 || number == GENERAL - 1 { '\n' } else { ' ' };
            write!(f, "{name:>3} {value:016x}{end}")?;
        }
        Ok(())
    }
}

/// An entry of the interrupt descriptor table: handler address, interrupts masked.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    low: u16,
    selector: u16,
    stack: u8,
    kind: u8,
    middle: u16,
    high: u32,
    reserved: u32,
}

impl Gate {
    /// Present, an interrupt gate; and the bits that allow user code to use it.
    const KIND: u8 = 0x8E;
    const FOR_USER: u8 = 3 << 5;
    const NONE: Self = Self { low: 0, selector: 0, stack: 0, kind: 0, middle: 0, high: 0, reserved: 0 };

    const fn to(address: u64) -> Self {
        let (low, middle, high) = (address as u16, (address >> 16) as u16, (address >> 32) as u32);
        Self { low, middle, high, selector: cpu::KERNEL_CODE, kind: Self::KIND, ..Self::NONE }
    }
}

struct Gates(UnsafeCell<[Gate; VECTORS]>);

// SAFETY: only `init` writes it, before the CPU reads it.
unsafe impl Sync for Gates {}

static GATES: Gates = Gates(UnsafeCell::new([Gate::NONE; VECTORS]));

/// Installs the trap gates on this CPU.
pub(super) fn init() {
    unsafe extern "C" {
        static trap_vectors: u8;
    }
    let entries = (&raw const trap_vectors).addr();
    // SAFETY: called once, before the table is in use; it is static, and its entries point to the assembly's
    // entries.
    unsafe {
        let gates = &mut *GATES.0.get();
        for (vector, gate) in gates.iter_mut().enumerate() {
            *gate = Gate::to((entries + vector * ENTRY_BYTES) as u64);
        }
        for vector in [BREAKPOINT_VECTOR, SYSCALL_VECTOR] {
            gates[usize::from(vector)].kind |= Gate::FOR_USER;
        }
        for vector in syndrome::FATAL {
            gates[usize::from(vector)].stack = cpu::EMERGENCY_STACK;
        }
        let base = x86_64::VirtAddr::new(GATES.0.get().addr() as u64);
        lidt(&DescriptorTablePointer { limit: (size_of::<Gates>() - 1) as u16, base });
    }
}

/// Handles every trap, with interrupts masked, on the kernel stack of the interrupted thread or on the
/// emergency stack.
extern "C" fn dispatch(frame: &mut TrapFrame) {
    let handler = registered();
    match frame.vector() {
        SYSCALL_VECTOR => (handler.syscall)(frame),
        vector if syndrome::FATAL.contains(&vector) => {
            (handler.fault)(syndrome::fault(frame), frame);
            // There is no stack to return to.
            power::power_off();
        }
        ..FIRST_INTERRUPT => (handler.fault)(syndrome::fault(frame), frame),
        vector => interrupt(vector, handler),
    }
    cpu::irq_disable();
    (handler.trap_exit)(frame);
}

/// Passes an interrupt to the handler.
fn interrupt(vector: u8, handler: &Handler) {
    if vector == intc::TIMER_VECTOR {
        (handler.tick)();
    } else if let Some(irq) = intc::device(vector) {
        (handler.interrupt)(irq);
    }
    intc::complete(vector);
}

/// Enters user code with the registers of `frame`. The thread's next trap starts with an empty kernel stack
/// at `stack_top`.
///
/// # Safety
/// `frame` is a user frame ([`TrapFrame::from_user`]). `stack_top` is the end (exclusive, 16-byte aligned) of
/// the running thread's kernel stack, whose content is discarded: the caller holds no lock and no value that
/// must be dropped. The thread's address space is active and its floating-point state loaded. Interrupts are
/// masked, so that both remain so.
pub unsafe fn resume_user(frame: &TrapFrame, stack_top: VirtAddr) -> ! {
    unsafe extern "C" {
        fn trap_return(frame: &TrapFrame, stack_pointer: u64) -> !;
    }
    debug_assert!(frame.from_user() && stack_top.0.is_multiple_of(16));
    // SAFETY: the caller's guarantees are those that the assembly needs.
    unsafe { trap_return(frame, stack_top.0) }
}
