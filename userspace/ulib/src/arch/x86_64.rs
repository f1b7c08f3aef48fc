//! x86-64.

use core::arch::{asm, global_asm};
use core::mem::offset_of;

use super::{Changed, Counter};
use crate::abi::syscall::FORK;

/// Executes a system call.
///
/// # Safety
/// The caller is responsible for the call's effects on the program's memory and control flow.
pub unsafe fn syscall(number: u64, arguments: [u64; 6]) -> i64 {
    let result;
    // SAFETY: the kernel preserves every register except rax; the caller guarantees the rest.
    unsafe {
        asm!(
            "int 0x80",
            inlateout("rax") number => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") arguments[5],
            options(nostack),
        );
    }
    result
}

/// Stores a byte at any address.
///
/// # Safety
/// The program may write to the address, or is meant to be killed.
pub unsafe fn store_byte(address: usize) {
    // SAFETY: guaranteed by the caller.
    unsafe { asm!("mov byte ptr [{}], 0", in(reg) address, options(nostack)) }
}

/// Executes an undefined instruction.
pub fn illegal_instruction() {
    // SAFETY: the kernel ends the program here.
    unsafe { asm!("ud2", options(nostack)) }
}

/// Executes a privileged instruction: masks interrupts.
pub fn privileged_instruction() {
    // SAFETY: the kernel ends the program here.
    unsafe { asm!("cli", options(nostack)) }
}

/// Executes a breakpoint.
pub fn breakpoint() {
    // SAFETY: the kernel ends the program here.
    unsafe { asm!("int3", options(nostack)) }
}

/// Machine code of a function that only returns: `ret`.
pub const RETURN: [u8; 1] = [0xc3];

/// An address in the kernel half.
pub const KERNEL_ADDRESS: usize = 0xffff_8000_0020_0000;

// The frame pointer is cleared, to end the chain of stack frames here.
global_asm!(".global _start", "_start:", "xor ebp, ebp", "mov rdi, rsp", "call ulib_start", "ud2");

/// Values of all registers that a program may use, except the stack pointer.
#[derive(Clone, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Registers {
    /// In the order of `NAMES`.
    general: [u64; 15],
    /// The thread pointers.
    fs: u64,
    gs: u64,
    flags: u64,
    /// The MMX registers, which alias the x87 registers.
    mmx: [u64; 8],
    x87_control: u16,
    mxcsr: u32,
    /// xmm0 to xmm15.
    vector: [u128; 16],
}

const NAMES: [&str; 15] =
    ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
const RAX: usize = 0;
const RBX: usize = 1;
const RCX: usize = 2;
const RSI: usize = 4;
const RDI: usize = 5;

/// Arithmetic flags and direction flag.
const FLAGS: u64 = 0xcd5;
/// Rounding mode bits of the x87 control word, and the other bits' value.
const X87_ROUNDING: u16 = 0x0c00;
const X87_CONTROL: u16 = 0x037f;
/// Rounding mode, denormal handling and exception flags; and all exceptions masked.
const MXCSR: u32 = 0xe07f;
const MXCSR_MASKED: u32 = 0x1f80;

impl Registers {
    /// A distinct value for every register; another seed gives another value in every register.
    #[must_use]
    pub fn pattern(seed: u64) -> Self {
        // Multiplication by an odd number is injective.
        let value = |register: u64| (seed << 32 | (register + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // A thread pointer must be a valid address.
        let address = |register: u64| value(register) >> 17;
        // All seed bits affect the few bits of these registers.
        let few = seed ^ seed >> 8;
        Self {
            general: core::array::from_fn(|i| value(i as u64)),
            fs: address(300),
            gs: address(301),
            flags: few << 4 & FLAGS | few & FLAGS,
            mmx: core::array::from_fn(|i| value(400 + i as u64)),
            x87_control: X87_CONTROL | (few as u16) << 10 & X87_ROUNDING,
            mxcsr: MXCSR_MASKED | (few as u32) << 13 & MXCSR | few as u32 & MXCSR,
            vector: core::array::from_fn(|i| {
                u128::from(value(100 + i as u64)) << 64 | u128::from(value(200 + i as u64))
            }),
        }
    }

    /// Loads the values into the registers, counts `spins` (at least 1) down to zero without touching any
    /// other register, and returns the first register that changed.
    #[must_use]
    pub fn hold(&self, spins: u64, counter: Counter) -> Option<Changed> {
        let mut found = self.clone();
        let mut expected = self.clone();
        // SAFETY: both functions access only the block, and preserve the callee-saved registers.
        unsafe {
            match counter {
                Counter::Argument => ulib_hold_rcx(&mut found, spins),
                Counter::Preserved => ulib_hold_rbx(&mut found, spins),
            }
        }
        expected.general[if counter == Counter::Argument { RCX } else { RBX }] = 0;
        expected.first_difference(&found)
    }

    /// Loads the values into the registers and forks. Returns twice: the call's result, and the first
    /// register that changed.
    #[must_use]
    pub fn hold_and_fork(&self) -> (i64, Option<Changed>) {
        let mut found = self.clone();
        let mut expected = self.clone();
        // SAFETY: as above; the child has its own memory.
        unsafe { ulib_hold_fork(&mut found, FORK) };
        let answer = found.general[RAX];
        expected.general[RAX] = answer;
        (answer.cast_signed(), expected.first_difference(&found))
    }

    /// Loads the values into the registers, except those of the arguments, and executes a call; returns its
    /// result.
    pub(super) fn hold_and_call(&self, number: u64, arguments: [u64; 2]) -> i64 {
        let mut values = self.clone();
        [values.general[RDI], values.general[RSI]] = arguments;
        // SAFETY: as above; the caller, which is in this crate, is responsible for the call's effects.
        unsafe { ulib_hold_fork(&mut values, number) };
        values.general[RAX].cast_signed()
    }

    /// The first register that still has a value of `left`, the registers of the program before exec: vector
    /// registers, their control registers, and the thread pointers. Registers that this program has changed
    /// since do not matter.
    #[must_use]
    pub fn left_over(left: &Self) -> Option<Changed> {
        let mut found = left.clone();
        // SAFETY: the function writes only the block.
        unsafe { ulib_registers(&mut found) };
        left.first_left_over(&found)
    }

    fn first_difference(&self, found: &Self) -> Option<Changed> {
        let changed = |register, number, expected: u128, found: u128| {
            (expected != found).then_some(Changed { register, number, expected, found })
        };
        let mut general = NAMES.iter().zip(self.general.iter().zip(found.general));
        let mut vector = self.vector.iter().zip(found.vector).enumerate();
        let mut mmx = self.mmx.iter().zip(found.mmx).enumerate();
        general
            .find_map(|(name, (expected, found))| changed(name, None, u128::from(*expected), found.into()))
            .or_else(|| vector.find_map(|(i, (expected, found))| changed("xmm", Some(i), *expected, found)))
            .or_else(|| {
                mmx.find_map(|(i, (expected, found))| {
                    changed("mm", Some(i), (*expected).into(), found.into())
                })
            })
            .or_else(|| changed("rflags", None, self.flags.into(), (found.flags & FLAGS).into()))
            .or_else(|| changed("x87 control", None, self.x87_control.into(), found.x87_control.into()))
            .or_else(|| changed("mxcsr", None, self.mxcsr.into(), found.mxcsr.into()))
            .or_else(|| changed("fs base", None, self.fs.into(), found.fs.into()))
            .or_else(|| changed("gs base", None, self.gs.into(), found.gs.into()))
    }
}

impl Registers {
    fn first_left_over(&self, found: &Self) -> Option<Changed> {
        let same = |register, number, left: u128, fresh: u128, found: u128| {
            (left == found && left != fresh).then_some(Changed { register, number, expected: fresh, found })
        };
        let mut vector = self.vector.iter().zip(found.vector).enumerate();
        let mut mmx = self.mmx.iter().zip(found.mmx).enumerate();
        vector
            .find_map(|(i, (left, found))| same("xmm", Some(i), *left, 0, found))
            .or_else(|| {
                mmx.find_map(|(i, (left, found))| same("mm", Some(i), (*left).into(), 0, found.into()))
            })
            .or_else(|| {
                let fresh = u128::from(X87_CONTROL);
                same("x87 control", None, self.x87_control.into(), fresh, found.x87_control.into())
            })
            .or_else(|| same("mxcsr", None, self.mxcsr.into(), MXCSR_MASKED.into(), found.mxcsr.into()))
            .or_else(|| same("fs base", None, self.fs.into(), 0, found.fs.into()))
            .or_else(|| same("gs base", None, self.gs.into(), 0, found.gs.into()))
    }
}

unsafe extern "C" {
    /// Stores the registers that [`Registers::left_over`] checks.
    fn ulib_registers(registers: &mut Registers);
    /// [`Registers::hold`] with rcx as the counter.
    fn ulib_hold_rcx(registers: &mut Registers, spins: u64);
    /// [`Registers::hold`] with rbx as the counter.
    fn ulib_hold_rbx(registers: &mut Registers, spins: u64);
    /// [`Registers::hold_and_fork`].
    fn ulib_hold_fork(registers: &mut Registers, number: u64);
}

// Stack frame: address of the block at 0, the second argument at 8, FS and GS bases at 16 and 24, MXCSR at
// 32, the x87 control word at 36. The loop must not change the flags, so it uses `loop` or `jrcxz`, which
// only work with rcx.
global_asm!(
    r"
    .macro count_down_rcx
        mov rcx, [rsp + 8]
    1:  loop 1b
    .endm

    .macro count_down_rbx
        mov rbx, [rsp + 8]
    1:  lea rbx, [rbx - 1]
        xchg rbx, rcx
        jrcxz 2f
        xchg rbx, rcx
        jmp 1b
    2:  xchg rbx, rcx
    .endm

    .macro make_call
        mov rax, [rsp + 8]
        int 0x80
    .endm

    .macro hold_registers name, body
    .global \name
    \name:
        push rbp
        push rbx
        push r12
        push r13
        push r14
        push r15
        sub rsp, 40
        mov [rsp], rdi
        mov [rsp + 8], rsi
        rdfsbase rax
        mov [rsp + 16], rax
        rdgsbase rax
        mov [rsp + 24], rax
        stmxcsr [rsp + 32]
        fnstcw [rsp + 36]

        mov rax, [rdi + {fs}]
        wrfsbase rax
        mov rax, [rdi + {gs}]
        wrgsbase rax
        ldmxcsr [rdi + {mxcsr}]
        fldcw [rdi + {x87_control}]
        .irp i, 0, 1, 2, 3, 4, 5, 6, 7
        movq mm\i, [rdi + {mmx} + 8 * \i]
        .endr
        .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps xmm\i, [rdi + {vector} + 16 * \i]
        .endr
        push qword ptr [rdi + {flags}]
        popfq
        mov rax, [rdi]
        mov rbx, [rdi + 8]
        mov rcx, [rdi + 16]
        mov rdx, [rdi + 24]
        mov rsi, [rdi + 32]
        mov rbp, [rdi + 48]
        .irp i, 8, 9, 10, 11, 12, 13, 14, 15
        mov r\i, [rdi + 8 * (\i - 1)]
        .endr
        mov rdi, [rdi + 40]

        \body

        xchg rdi, [rsp]
        mov [rdi], rax
        mov [rdi + 8], rbx
        mov [rdi + 16], rcx
        mov [rdi + 24], rdx
        mov [rdi + 32], rsi
        mov [rdi + 48], rbp
        .irp i, 8, 9, 10, 11, 12, 13, 14, 15
        mov [rdi + 8 * (\i - 1)], r\i
        .endr
        mov rax, [rsp]
        mov [rdi + 40], rax
        pushfq
        pop qword ptr [rdi + {flags}]
        cld
        rdfsbase rax
        mov [rdi + {fs}], rax
        rdgsbase rax
        mov [rdi + {gs}], rax
        stmxcsr [rdi + {mxcsr}]
        fnstcw [rdi + {x87_control}]
        .irp i, 0, 1, 2, 3, 4, 5, 6, 7
        movq [rdi + {mmx} + 8 * \i], mm\i
        .endr
        .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps [rdi + {vector} + 16 * \i], xmm\i
        .endr

        emms
        fldcw [rsp + 36]
        ldmxcsr [rsp + 32]
        mov rax, [rsp + 24]
        wrgsbase rax
        mov rax, [rsp + 16]
        wrfsbase rax
        add rsp, 40
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbx
        pop rbp
        ret
    .endm
    .global ulib_registers
    ulib_registers:
        rdfsbase rax
        mov [rdi + {fs}], rax
        rdgsbase rax
        mov [rdi + {gs}], rax
        stmxcsr [rdi + {mxcsr}]
        fnstcw [rdi + {x87_control}]
        .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps [rdi + {vector} + 16 * \i], xmm\i
        .endr
        .irp i, 0, 1, 2, 3, 4, 5, 6, 7
        movq [rdi + {mmx} + 8 * \i], mm\i
        .endr
        emms
        ret

    hold_registers ulib_hold_rcx, count_down_rcx
    hold_registers ulib_hold_rbx, count_down_rbx
    hold_registers ulib_hold_fork, make_call
    ",
    fs = const offset_of!(Registers, fs),
    gs = const offset_of!(Registers, gs),
    flags = const offset_of!(Registers, flags),
    mmx = const offset_of!(Registers, mmx),
    x87_control = const offset_of!(Registers, x87_control),
    mxcsr = const offset_of!(Registers, mxcsr),
    vector = const offset_of!(Registers, vector),
);
