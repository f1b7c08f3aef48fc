//! This CPU: interrupts, identity, per-CPU pointer, segment and task state tables.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::offset_of;

use x86_64::VirtAddr;
use x86_64::instructions::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::instructions::{hlt, interrupts, tables};
use x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags};
use x86_64::registers::model_specific::{GsBase, KernelGsBase};
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::tss::TaskStateSegment;

/// Segment selectors, in the order in which `init` adds them to the table.
pub(super) const KERNEL_CODE: u16 = 1 << 3;
pub(super) const USER_DATA: u16 = 3 << 3 | 3;
pub(super) const USER_CODE: u16 = 4 << 3 | 3;

/// Index of the emergency stack in the interrupt stack table, as gates encode it. Traps that cannot rely on
/// the current stack use it.
pub(super) const EMERGENCY_STACK: u8 = 1;

/// Per-CPU data. In the kernel, GS points to it.
#[repr(C, align(16))]
struct Local {
    tss: TaskStateSegment,
    id: usize,
    pointer: *mut (),
    gdt: GlobalDescriptorTable,
}

struct FirstCpu(UnsafeCell<Local>);

// SAFETY: only the one running CPU uses it: first `init`, then the CPU itself and single accesses through GS.
unsafe impl Sync for FirstCpu {}

static FIRST_CPU: FirstCpu = FirstCpu(UnsafeCell::new(Local {
    tss: TaskStateSegment::new(),
    id: 0,
    pointer: core::ptr::null_mut(),
    gdt: GlobalDescriptorTable::new(),
}));

/// Offset from GS of the stack pointer that the CPU loads on a trap from user code.
pub(super) const TRAP_STACK: usize =
    offset_of!(Local, tss) + offset_of!(TaskStateSegment, privilege_stack_table);

/// First setup of this CPU: segments, protection, floating point for programs.
///
/// # Panics
/// When the CPU lacks a feature that the kernel needs.
pub(super) fn init() {
    unsafe extern "C" {
        static emergency_stack_top: u8;
    }
    let local = FIRST_CPU.0.get();
    // SAFETY: called once, before any other use of the value; all that it points to is static.
    unsafe {
        let emergency = (&raw const emergency_stack_top).addr();
        let mut tss = TaskStateSegment::new();
        tss.interrupt_stack_table[usize::from(EMERGENCY_STACK) - 1] = VirtAddr::new(emergency as u64);
        (*local).tss = tss;
        let gdt = &mut (*local).gdt;
        let code = gdt.append(Descriptor::kernel_code_segment());
        let data = gdt.append(Descriptor::kernel_data_segment());
        gdt.append(Descriptor::user_data_segment());
        gdt.append(Descriptor::user_code_segment());
        let task = gdt.append(Descriptor::tss_segment_unchecked(&raw const (*local).tss));
        gdt.load_unsafe();
        CS::set_reg(code);
        SS::set_reg(data);
        DS::set_reg(data);
        ES::set_reg(data);
        tables::load_tss(task);
        GsBase::write(VirtAddr::new(local.addr() as u64));
        KernelGsBase::write(VirtAddr::zero());
    }
    let features = core::arch::x86_64::__cpuid_count(7, 0);
    let mut flags = Cr4Flags::PHYSICAL_ADDRESS_EXTENSION
        | Cr4Flags::PAGE_GLOBAL
        | Cr4Flags::OSFXSR
        | Cr4Flags::OSXMMEXCPT_ENABLE;
    // Programs set their thread pointer with these instructions.
    assert!(features.ebx & 1 << 0 != 0, "the processor lacks FSGSBASE");
    flags |= Cr4Flags::FSGSBASE;
    if features.ebx & 1 << 7 != 0 {
        flags |= Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION;
    }
    if features.ecx & 1 << 2 != 0 {
        flags |= Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION;
    }
    // SAFETY: the CPU has the enabled features, and paging does not change.
    unsafe {
        Cr4::write(flags);
        let unwanted = Cr0Flags::EMULATE_COPROCESSOR | Cr0Flags::TASK_SWITCHED | Cr0Flags::ALIGNMENT_MASK;
        Cr0::update(|flags| {
            flags.remove(unwanted);
            flags.insert(Cr0Flags::MONITOR_COPROCESSOR | Cr0Flags::NUMERIC_ERROR);
        });
    }
}

/// Previous interrupt mask, for [`irq_restore`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct IrqState {
    masked: bool,
}

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
    interrupts::enable();
}

/// Masks interrupts.
pub fn irq_disable() {
    interrupts::disable();
}

/// Whether interrupts are unmasked.
pub fn irq_enabled() -> bool {
    interrupts::are_enabled()
}

/// Waits until an interrupt is pending, also with interrupts masked. An idle loop masks interrupts, checks
/// for work, calls this, and unmasks; so no wake-up between check and wait is lost. Whether masked interrupts
/// are handled during the wait depends on the architecture; here they are, since nothing else wakes this CPU.
pub fn wait_for_interrupt() {
    let masked = !irq_enabled();
    // `sti` takes effect after the following instruction.
    interrupts::enable_and_hlt();
    if masked {
        irq_disable();
    }
}

/// Number of this CPU, 0 for the first.
pub fn cpu_id() -> usize {
    let id: usize;
    // SAFETY: in the kernel, GS points to this CPU's `Local`.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg) id, const offset_of!(Local, id),
            options(nostack, preserves_flags, readonly));
    }
    id
}

/// Sets the pointer that [`cpu_pointer`] returns on this CPU.
pub fn set_cpu_pointer(pointer: *mut ()) {
    // SAFETY: as above.
    unsafe {
        asm!("mov gs:[{}], {}", const offset_of!(Local, pointer), in(reg) pointer.expose_provenance(),
            options(nostack, preserves_flags));
    }
}

/// This CPU's pointer, null until set. It survives traps and context switches; with interrupts enabled a
/// thread may have moved to another CPU before it uses the pointer.
pub fn cpu_pointer() -> *mut () {
    let pointer: usize;
    // SAFETY: as above.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg) pointer, const offset_of!(Local, pointer),
            options(nostack, preserves_flags, readonly));
    }
    core::ptr::with_exposed_provenance_mut(pointer)
}

/// The caller's frame pointer: start of a chain of (previous frame pointer, return address) pairs that ends
/// with null. The chain continues through traps in the kernel.
#[inline(always)]
pub fn frame_pointer() -> *const usize {
    let pointer: usize;
    // SAFETY: reading a register has no effect.
    unsafe { asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    core::ptr::with_exposed_provenance(pointer)
}

/// Stops this CPU for ever, with interrupts masked.
pub fn halt() -> ! {
    irq_disable();
    loop {
        hlt();
    }
}
