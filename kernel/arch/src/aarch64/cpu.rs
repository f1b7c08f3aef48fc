//! This CPU: interrupts, identity, per-CPU pointer.

use core::arch::asm;

use aarch64_cpu::registers::{DAIF, MPIDR_EL1, Readable, TPIDR_EL1, Writeable};

/// Whether interrupts were masked, for [`irq_restore`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct IrqState {
    masked: bool,
}

// The masking functions are written out, not taken from `aarch64-cpu`: its register accesses tell the
// compiler that they touch no memory, so that it might move accesses out of a critical section.

/// Masks interrupts and says what was before.
pub fn irq_save() -> IrqState {
    let state = IrqState { masked: !irq_enabled() };
    irq_disable();
    state
}

/// Puts back what [`irq_save`] returned.
pub fn irq_restore(state: IrqState) {
    if !state.masked {
        irq_enable();
    }
}

/// Lets this CPU take interrupts.
pub fn irq_enable() {
    // SAFETY: traps are set up before `kernel_main` runs.
    unsafe { asm!("msr daifclr, #2", options(nostack)) };
}

/// Masks interrupts.
pub fn irq_disable() {
    // SAFETY: it only delays interrupts.
    unsafe { asm!("msr daifset, #2", options(nostack)) };
}

/// Whether this CPU takes interrupts.
pub fn irq_enabled() -> bool {
    !DAIF.is_set(DAIF::I)
}

/// Sleeps until an interrupt is pending. With masked interrupts as well: an idle loop masks them, looks for work,
/// calls this, and unmasks, so that no wake-up gets lost between looking and sleeping. Whether interrupts that
/// are masked are taken meanwhile is up to the architecture (here they are not).
pub fn wait_for_interrupt() {
    // SAFETY: it only waits; as a memory barrier for the compiler it keeps idle loops reading afresh.
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
/// thread may be on another CPU by the time it uses it.
pub fn cpu_pointer() -> *mut () {
    core::ptr::with_exposed_provenance_mut(TPIDR_EL1.get() as usize)
}

/// The caller's frame pointer: the start of a chain of (previous frame pointer, return address) pairs that
/// ends with null. It goes through traps in the kernel.
#[inline(always)]
pub fn frame_pointer() -> *const usize {
    let pointer: usize;
    // SAFETY: reading a register has no effect.
    unsafe { asm!("mov {}, x29", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    core::ptr::with_exposed_provenance(pointer)
}

/// Stops this CPU for good, interrupts masked.
pub fn halt() -> ! {
    irq_disable();
    loop {
        wait_for_interrupt();
    }
}
