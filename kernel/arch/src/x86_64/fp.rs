//! Floating-point and vector registers of user threads. The kernel itself never uses them.

use core::arch::asm;

/// The x87 and SSE registers, as `fxsave` stores them.
#[derive(Clone)]
#[repr(C, align(16))]
pub struct FpState {
    x87_control: u16,
    x87_status: u16,
    x87_tags: u16,
    x87_last: [u16; 9],
    sse_control: u32,
    sse_control_mask: u32,
    registers: [u8; 480],
}

/// All exceptions masked; 64-bit precision.
const X87_CONTROL: u16 = 0x037F;
/// All exceptions masked.
const SSE_CONTROL: u32 = 0x1F80;

impl FpState {
    /// The state of a new program: all zero, default rounding, no exceptions enabled.
    pub const fn new() -> Self {
        Self {
            x87_control: X87_CONTROL,
            x87_status: 0,
            x87_tags: 0,
            x87_last: [0; 9],
            sse_control: SSE_CONTROL,
            sse_control_mask: 0,
            registers: [0; 480],
        }
    }

    /// Saves the CPU's registers here. Call it before a switch away from a user thread.
    pub fn save(&mut self) {
        const { assert!(size_of::<Self>() == 512) };
        // SAFETY: the instruction writes the 512 bytes of the aligned state and nothing else.
        unsafe { asm!("fxsave64 [{}]", in(reg) self, options(nostack, preserves_flags)) };
    }

    /// Loads the CPU's registers from here. Call it when a user thread gets the CPU.
    pub fn restore(&self) {
        // SAFETY: the kernel's target does not use these registers, so no value of the kernel is lost. The
        // state came from `new` or the CPU, so it has no invalid bit.
        unsafe { asm!("fxrstor64 [{}]", in(reg) self, options(nostack, preserves_flags, readonly)) };
    }
}

impl Default for FpState {
    fn default() -> Self {
        Self::new()
    }
}
