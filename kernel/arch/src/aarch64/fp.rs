//! Floating-point and vector registers of user threads. The kernel itself never uses them.

use core::arch::naked_asm;
use core::mem::offset_of;

/// The 32 vector registers with control and status.
#[derive(Clone)]
#[repr(C, align(16))]
pub struct FpState {
    vectors: [u128; 32],
    control: u64,
    status: u64,
}

impl FpState {
    /// The state of a new program: all zero, default rounding, no exceptions enabled.
    pub const fn new() -> Self {
        Self { vectors: [0; 32], control: 0, status: 0 }
    }

    /// Saves the CPU's registers here. Call it before a switch away from a user thread.
    pub fn save(&mut self) {
        // SAFETY: the function writes the state's fields and nothing else.
        unsafe { save(self) }
    }

    /// Loads the CPU's registers from here. Call it when a user thread gets the CPU.
    pub fn restore(&self) {
        // SAFETY: the kernel's target does not use these registers, so no value of the kernel is lost.
        unsafe { restore(self) }
    }
}

impl Default for FpState {
    fn default() -> Self {
        Self::new()
    }
}

#[unsafe(naked)]
unsafe extern "C" fn save(state: *mut FpState) {
    naked_asm!(
        ".arch_extension fp",
        ".arch_extension simd",
        "stp q0, q1, [x0, #0]",
        "stp q2, q3, [x0, #32]",
        "stp q4, q5, [x0, #64]",
        "stp q6, q7, [x0, #96]",
        "stp q8, q9, [x0, #128]",
        "stp q10, q11, [x0, #160]",
        "stp q12, q13, [x0, #192]",
        "stp q14, q15, [x0, #224]",
        "stp q16, q17, [x0, #256]",
        "stp q18, q19, [x0, #288]",
        "stp q20, q21, [x0, #320]",
        "stp q22, q23, [x0, #352]",
        "stp q24, q25, [x0, #384]",
        "stp q26, q27, [x0, #416]",
        "stp q28, q29, [x0, #448]",
        "stp q30, q31, [x0, #480]",
        "mrs x1, fpcr",
        "mrs x2, fpsr",
        "str x1, [x0, #{CONTROL}]",
        "str x2, [x0, #{STATUS}]",
        "ret",
        CONTROL = const offset_of!(FpState, control),
        STATUS = const offset_of!(FpState, status),
    )
}

#[unsafe(naked)]
unsafe extern "C" fn restore(state: *const FpState) {
    naked_asm!(
        ".arch_extension fp",
        ".arch_extension simd",
        "ldp q0, q1, [x0, #0]",
        "ldp q2, q3, [x0, #32]",
        "ldp q4, q5, [x0, #64]",
        "ldp q6, q7, [x0, #96]",
        "ldp q8, q9, [x0, #128]",
        "ldp q10, q11, [x0, #160]",
        "ldp q12, q13, [x0, #192]",
        "ldp q14, q15, [x0, #224]",
        "ldp q16, q17, [x0, #256]",
        "ldp q18, q19, [x0, #288]",
        "ldp q20, q21, [x0, #320]",
        "ldp q22, q23, [x0, #352]",
        "ldp q24, q25, [x0, #384]",
        "ldp q26, q27, [x0, #416]",
        "ldp q28, q29, [x0, #448]",
        "ldp q30, q31, [x0, #480]",
        "ldr x1, [x0, #{CONTROL}]",
        "ldr x2, [x0, #{STATUS}]",
        "msr fpcr, x1",
        "msr fpsr, x2",
        "ret",
        CONTROL = const offset_of!(FpState, control),
        STATUS = const offset_of!(FpState, status),
    )
}
