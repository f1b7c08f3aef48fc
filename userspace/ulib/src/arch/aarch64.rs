//! AArch64.

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
    // SAFETY: the kernel preserves every register except x0; the caller guarantees the rest.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") arguments[0] => result,
            in("x1") arguments[1],
            in("x2") arguments[2],
            in("x3") arguments[3],
            in("x4") arguments[4],
            in("x5") arguments[5],
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
    unsafe { asm!("strb wzr, [{}]", in(reg) address, options(nostack)) }
}

/// Executes an undefined instruction.
pub fn illegal_instruction() {
    // SAFETY: the kernel ends the program here.
    unsafe { asm!("udf #0", options(nostack)) }
}

/// Executes a privileged instruction: masks interrupts.
pub fn privileged_instruction() {
    // SAFETY: the kernel ends the program here.
    unsafe { asm!("msr daifset, #2", options(nostack)) }
}

/// Executes a breakpoint.
pub fn breakpoint() {
    // SAFETY: the kernel ends the program here.
    unsafe { asm!("brk #1", options(nostack)) }
}

/// Machine code of a function that only returns: `ret`.
pub const RETURN: [u8; 4] = 0xd65f_03c0_u32.to_le_bytes();

/// An address in the kernel half.
pub const KERNEL_ADDRESS: usize = 0xffff_0000_4020_0000;

// Frame pointer and link register are cleared, to end the chain of stack frames here.
global_asm!(
    ".global _start",
    "_start:",
    "mov x29, xzr",
    "mov x30, xzr",
    "mov x0, sp",
    "bl ulib_start",
    "brk #0",
);

/// Values of all registers that a program may use, except the stack pointer.
#[derive(Clone, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct Registers {
    /// x0 to x30.
    general: [u64; 31],
    nzcv: u64,
    fpcr: u64,
    fpsr: u64,
    /// The thread pointer, `TPIDR_EL0`.
    tls: u64,
    /// v0 to v31.
    vector: [u128; 32],
}

const NZCV: u64 = 0xf000_0000;
/// Writable rounding mode bits.
const FPCR: u64 = 0x00c0_0000;
/// Saturation and cumulative exception bits.
const FPSR: u64 = 0x0800_009f;

impl Registers {
    /// A distinct value for every register; another seed gives another value in every register.
    #[must_use]
    pub fn pattern(seed: u64) -> Self {
        // Multiplication by an odd number is injective.
        let value = |register: u64| (seed << 32 | (register + 1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            general: core::array::from_fn(|i| value(i as u64)),
            nzcv: seed << 28 & NZCV,
            fpcr: seed << 22 & FPCR,
            fpsr: seed & FPSR,
            tls: value(300),
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
                Counter::Argument => ulib_hold_x0(&mut found, spins),
                Counter::Preserved => ulib_hold_x28(&mut found, spins),
            }
        }
        expected.general[if counter == Counter::Argument { 0 } else { 28 }] = 0;
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
        let answer = found.general[0];
        (expected.general[0], expected.general[8]) = (answer, FORK);
        (answer.cast_signed(), expected.first_difference(&found))
    }

    /// Loads the values into the registers, except those of the arguments, and executes a call; returns its
    /// result.
    pub(super) fn hold_and_call(&self, number: u64, arguments: [u64; 2]) -> i64 {
        let mut values = self.clone();
        [values.general[0], values.general[1]] = arguments;
        // SAFETY: as above; the caller, which is in this crate, is responsible for the call's effects.
        unsafe { ulib_hold_fork(&mut values, number) };
        values.general[0].cast_signed()
    }

    /// The first register that still has a value of `left`, the registers of the program before exec: vector
    /// registers, their control registers, and the thread pointer. Registers that this program has changed
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
        let mut general = self.general.iter().zip(found.general).enumerate();
        let mut vector = self.vector.iter().zip(found.vector).enumerate();
        general
            .find_map(|(i, (expected, found))| changed("x", Some(i), u128::from(*expected), found.into()))
            .or_else(|| vector.find_map(|(i, (expected, found))| changed("v", Some(i), *expected, found)))
            .or_else(|| changed("nzcv", None, self.nzcv.into(), found.nzcv.into()))
            .or_else(|| changed("fpcr", None, self.fpcr.into(), found.fpcr.into()))
            .or_else(|| changed("fpsr", None, self.fpsr.into(), found.fpsr.into()))
            .or_else(|| changed("tpidr_el0", None, self.tls.into(), found.tls.into()))
    }
}

impl Registers {
    fn first_left_over(&self, found: &Self) -> Option<Changed> {
        let same = |register, number, left: u128, found: u128| {
            (left == found && left != 0).then_some(Changed { register, number, expected: 0, found })
        };
        let mut vector = self.vector.iter().zip(found.vector).enumerate();
        vector
            .find_map(|(i, (left, found))| same("v", Some(i), *left, found))
            .or_else(|| same("fpcr", None, self.fpcr.into(), found.fpcr.into()))
            .or_else(|| same("fpsr", None, self.fpsr.into(), found.fpsr.into()))
            .or_else(|| same("tpidr_el0", None, self.tls.into(), found.tls.into()))
    }
}

unsafe extern "C" {
    /// Stores the registers that [`Registers::left_over`] checks.
    fn ulib_registers(registers: &mut Registers);
    /// [`Registers::hold`] with x0 as the counter.
    fn ulib_hold_x0(registers: &mut Registers, spins: u64);
    /// [`Registers::hold`] with x28 as the counter.
    fn ulib_hold_x28(registers: &mut Registers, spins: u64);
    /// [`Registers::hold_and_fork`].
    fn ulib_hold_fork(registers: &mut Registers, number: u64);
}

// Stack frame: x29, x30 and x19 to x28 at 0, d8 to d15 at 96, FPCR at 160, address of the block at 168, the
// second argument at 176, TPIDR_EL0 at 184.
global_asm!(
    r"
    .macro count_down counter
        ldr \counter, [sp, #176]
    1:  sub \counter, \counter, #1
        cbnz \counter, 1b
    .endm

    .macro make_call
        ldr x8, [sp, #176]
        svc #0
    .endm

    .macro hold_registers name, body:vararg
    .global \name
    \name:
        stp x29, x30, [sp, #-192]!
        stp x19, x20, [sp, #16]
        stp x21, x22, [sp, #32]
        stp x23, x24, [sp, #48]
        stp x25, x26, [sp, #64]
        stp x27, x28, [sp, #80]
        stp d8, d9, [sp, #96]
        stp d10, d11, [sp, #112]
        stp d12, d13, [sp, #128]
        stp d14, d15, [sp, #144]
        mrs x2, fpcr
        stp x2, x0, [sp, #160]
        mrs x3, tpidr_el0
        stp x1, x3, [sp, #176]

        ldr x2, [x0, #{tls}]
        msr tpidr_el0, x2
        ldr x2, [x0, #{nzcv}]
        msr nzcv, x2
        ldr x2, [x0, #{fpcr}]
        msr fpcr, x2
        ldr x2, [x0, #{fpsr}]
        msr fpsr, x2
        add x2, x0, #{vector}
        ldp q0, q1, [x2]
        ldp q2, q3, [x2, #32]
        ldp q4, q5, [x2, #64]
        ldp q6, q7, [x2, #96]
        ldp q8, q9, [x2, #128]
        ldp q10, q11, [x2, #160]
        ldp q12, q13, [x2, #192]
        ldp q14, q15, [x2, #224]
        ldp q16, q17, [x2, #256]
        ldp q18, q19, [x2, #288]
        ldp q20, q21, [x2, #320]
        ldp q22, q23, [x2, #352]
        ldp q24, q25, [x2, #384]
        ldp q26, q27, [x2, #416]
        ldp q28, q29, [x2, #448]
        ldp q30, q31, [x2, #480]
        ldp x2, x3, [x0, #16]
        ldp x4, x5, [x0, #32]
        ldp x6, x7, [x0, #48]
        ldp x8, x9, [x0, #64]
        ldp x10, x11, [x0, #80]
        ldp x12, x13, [x0, #96]
        ldp x14, x15, [x0, #112]
        ldp x16, x17, [x0, #128]
        ldp x18, x19, [x0, #144]
        ldp x20, x21, [x0, #160]
        ldp x22, x23, [x0, #176]
        ldp x24, x25, [x0, #192]
        ldp x26, x27, [x0, #208]
        ldp x28, x29, [x0, #224]
        ldr x30, [x0, #240]
        ldp x0, x1, [x0]

        \body

        stp x0, x1, [sp, #-16]!
        ldr x0, [sp, #184]
        stp x2, x3, [x0, #16]
        stp x4, x5, [x0, #32]
        stp x6, x7, [x0, #48]
        stp x8, x9, [x0, #64]
        stp x10, x11, [x0, #80]
        stp x12, x13, [x0, #96]
        stp x14, x15, [x0, #112]
        stp x16, x17, [x0, #128]
        stp x18, x19, [x0, #144]
        stp x20, x21, [x0, #160]
        stp x22, x23, [x0, #176]
        stp x24, x25, [x0, #192]
        stp x26, x27, [x0, #208]
        stp x28, x29, [x0, #224]
        str x30, [x0, #240]
        ldp x2, x3, [sp], #16
        stp x2, x3, [x0]
        add x2, x0, #{vector}
        stp q0, q1, [x2]
        stp q2, q3, [x2, #32]
        stp q4, q5, [x2, #64]
        stp q6, q7, [x2, #96]
        stp q8, q9, [x2, #128]
        stp q10, q11, [x2, #160]
        stp q12, q13, [x2, #192]
        stp q14, q15, [x2, #224]
        stp q16, q17, [x2, #256]
        stp q18, q19, [x2, #288]
        stp q20, q21, [x2, #320]
        stp q22, q23, [x2, #352]
        stp q24, q25, [x2, #384]
        stp q26, q27, [x2, #416]
        stp q28, q29, [x2, #448]
        stp q30, q31, [x2, #480]
        mrs x2, nzcv
        str x2, [x0, #{nzcv}]
        mrs x2, fpcr
        str x2, [x0, #{fpcr}]
        mrs x2, fpsr
        str x2, [x0, #{fpsr}]
        mrs x2, tpidr_el0
        str x2, [x0, #{tls}]

        ldr x2, [sp, #160]
        msr fpcr, x2
        ldr x2, [sp, #184]
        msr tpidr_el0, x2
        ldp d14, d15, [sp, #144]
        ldp d12, d13, [sp, #128]
        ldp d10, d11, [sp, #112]
        ldp d8, d9, [sp, #96]
        ldp x27, x28, [sp, #80]
        ldp x25, x26, [sp, #64]
        ldp x23, x24, [sp, #48]
        ldp x21, x22, [sp, #32]
        ldp x19, x20, [sp, #16]
        ldp x29, x30, [sp], #192
        ret
    .endm
    .global ulib_registers
    ulib_registers:
        add x2, x0, #{vector}
        stp q0, q1, [x2]
        stp q2, q3, [x2, #32]
        stp q4, q5, [x2, #64]
        stp q6, q7, [x2, #96]
        stp q8, q9, [x2, #128]
        stp q10, q11, [x2, #160]
        stp q12, q13, [x2, #192]
        stp q14, q15, [x2, #224]
        stp q16, q17, [x2, #256]
        stp q18, q19, [x2, #288]
        stp q20, q21, [x2, #320]
        stp q22, q23, [x2, #352]
        stp q24, q25, [x2, #384]
        stp q26, q27, [x2, #416]
        stp q28, q29, [x2, #448]
        stp q30, q31, [x2, #480]
        mrs x2, fpcr
        str x2, [x0, #{fpcr}]
        mrs x2, fpsr
        str x2, [x0, #{fpsr}]
        mrs x2, tpidr_el0
        str x2, [x0, #{tls}]
        ret

    hold_registers ulib_hold_x0, count_down x0
    hold_registers ulib_hold_x28, count_down x28
    hold_registers ulib_hold_fork, make_call
    ",
    nzcv = const offset_of!(Registers, nzcv),
    fpcr = const offset_of!(Registers, fpcr),
    fpsr = const offset_of!(Registers, fpsr),
    tls = const offset_of!(Registers, tls),
    vector = const offset_of!(Registers, vector),
);
