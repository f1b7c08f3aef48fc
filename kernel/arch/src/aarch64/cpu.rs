//! This CPU: interrupts, identity, per-CPU pointer.

use core::arch::asm;

use aarch64_cpu::registers::{DAIF, MPIDR_EL1, Readable, TPIDR_EL1, Writeable};

/// Previous interrupt mask, for [`irq_restore`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct IrqState {
    masked: bool,
}

// The functions for the interrupt mask use inline assembly instead of `aarch64-cpu`: that crate marks its
// register accesses as `nomem`, so the compiler could move memory accesses out of a critical section.

/// Masks interrupts and returns the previous mask.
pub fn irq_save() -> IrqState {
    let state = IrqState { masked: !irq_enabled() };
    irq_disable();
    state
}

/// Restores the mask that [`irq_save`] returned.
pub fn irq_restore(state: IrqState) {
    if !state.masked {
        irq_enable();
    }
}

/// Unmasks interrupts.
pub fn irq_enable() {
    // SAFETY: the trap vectors are set up before `kernel_main` runs.
    unsafe { asm!("msr daifclr, #2", options(nostack)) };
}

/// Masks interrupts.
pub fn irq_disable() {
    // SAFETY: masking only delays interrupts.
    unsafe { asm!("msr daifset, #2", options(nostack)) };
}

/// Whether interrupts are unmasked.
pub fn irq_enabled() -> bool {
    !DAIF.is_set(DAIF::I)
}

/// Waits until an interrupt is pending, also with interrupts masked. An idle loop masks interrupts, checks
/// for work, calls this, and unmasks; so no wake-up between check and wait is lost. Whether masked interrupts
/// are handled during the wait depends on the architecture; here they are not.
pub fn wait_for_interrupt() {
    // SAFETY: the instruction only waits; as a compiler barrier it makes idle loops read memory again.
    unsafe { asm!("dsb sy", "wfi", options(nostack)) };
}

/// Number of this CPU, 0 for the first.
pub fn cpu_id() -> usize {
    MPIDR_EL1.read(MPIDR_EL1::Aff0) as usize
}

/// Sets the pointer that [`cpu_pointer`] returns on this CPU.
pub fn set_cpu_pointer(pointer: *mut ()) {
    TPIDR_EL1.set(pointer.expose_provenance() as u64);
}

/// This CPU's pointer, null until set. It survives traps and context switches; with interrupts enabled a
/// thread may have moved to another CPU before it uses the pointer.
pub fn cpu_pointer() -> *mut () {
    core::ptr::with_exposed_provenance_mut(TPIDR_EL1.get() as usize)
}

/// The caller's frame pointer: start of a chain of (previous frame pointer, return address) pairs that ends
/// with null. The chain continues through traps in the kernel.
#[inline(always)]
pub fn frame_pointer() -> *const usize {
    let pointer: usize;
    // SAFETY: reading a register has no effect.
    unsafe { asm!("mov {}, x29", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    core::ptr::with_exposed_provenance(pointer)
}

/// Stops this CPU for ever, with interrupts masked.
pub fn halt() -> ! {
    irq_disable();
    loop {
        wait_for_interrupt();
    }
}
