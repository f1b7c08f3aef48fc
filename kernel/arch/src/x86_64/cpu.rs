//! This CPU: interrupts, identity, per-CPU pointer, and the tables it wants to have of its own.

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

/// Selectors of the segments, in the order that `init` puts them into the table.
pub(super) const KERNEL_CODE: u16 = 1 << 3;
pub(super) const USER_DATA: u16 = 3 << 3 | 3;
pub(super) const USER_CODE: u16 = 4 << 3 | 3;

/// Which entry of the interrupt stack table leads to the stack for traps that cannot trust any other, as the
/// gates of traps count them.
pub(super) const EMERGENCY_STACK: u8 = 1;

/// What belongs to one CPU. In the kernel, GS is its address.
#[repr(C, align(16))]
struct Local {
    tss: TaskStateSegment,
    id: usize,
    pointer: *mut (),
    gdt: GlobalDescriptorTable,
}

struct FirstCpu(UnsafeCell<Local>);

// SAFETY: only the one CPU that runs uses it: `init` once, then the CPU itself and single accesses through GS.
unsafe impl Sync for FirstCpu {}

static FIRST_CPU: FirstCpu = FirstCpu(UnsafeCell::new(Local {
    tss: TaskStateSegment::new(),
    id: 0,
    pointer: core::ptr::null_mut(),
    gdt: GlobalDescriptorTable::new(),
}));

/// Where, relative to GS, the CPU finds the stack for traps from user code.
pub(super) const TRAP_STACK: usize =
    offset_of!(Local, tss) + offset_of!(TaskStateSegment, privilege_stack_table);

/// Sets up this CPU, first of all: segments, protection, floating point for programs.
///
/// # Panics
/// When the CPU lacks what the kernel needs.
pub(super) fn init() {
    unsafe extern "C" {
        static emergency_stack_top: u8;
    }
    let local = FIRST_CPU.0.get();
    // SAFETY: called once, before anything else uses the value; what it points to is static.
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
    // Programs set their thread pointer themselves.
    assert!(features.ebx & 1 << 0 != 0, "the processor lacks FSGSBASE");
    flags |= Cr4Flags::FSGSBASE;
    if features.ebx & 1 << 7 != 0 {
        flags |= Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION;
    }
    if features.ecx & 1 << 2 != 0 {
        flags |= Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION;
    }
    // SAFETY: the CPU has what is switched on, and paging stays as it is.
    unsafe {
        Cr4::write(flags);
        let unwanted = Cr0Flags::EMULATE_COPROCESSOR | Cr0Flags::TASK_SWITCHED | Cr0Flags::ALIGNMENT_MASK;
        Cr0::update(|flags| {
            flags.remove(unwanted);
            flags.insert(Cr0Flags::MONITOR_COPROCESSOR | Cr0Flags::NUMERIC_ERROR);
        });
    }
}

/// Whether interrupts were masked, for [`irq_restore`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct IrqState {
    masked: bool,
}

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
    interrupts::enable();
}

/// Masks interrupts.
pub fn irq_disable() {
    interrupts::disable();
}

/// Whether this CPU takes interrupts.
pub fn irq_enabled() -> bool {
    interrupts::are_enabled()
}

/// Sleeps until an interrupt is pending. With masked interrupts as well: an idle loop masks them, looks for work,
/// calls this, and unmasks, so that no wake-up gets lost between looking and sleeping. Whether interrupts that
/// are masked are taken meanwhile is up to the architecture (here they are: nothing else wakes this CPU).
pub fn wait_for_interrupt() {
    let masked = !irq_enabled();
    // `sti` takes effect behind the instruction that follows it.
    interrupts::enable_and_hlt();
    if masked {
        irq_disable();
    }
}

/// Number of this CPU, 0 for the first.
pub fn cpu_id() -> usize {
    let id: usize;
    // SAFETY: in the kernel, GS is the address of this CPU's `Local`.
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
/// thread may be on another CPU by the time it uses it.
pub fn cpu_pointer() -> *mut () {
    let pointer: usize;
    // SAFETY: as above.
    unsafe {
        asm!("mov {}, gs:[{}]", out(reg) pointer, const offset_of!(Local, pointer),
            options(nostack, preserves_flags, readonly));
    }
    core::ptr::with_exposed_provenance_mut(pointer)
}

/// The caller's frame pointer: the start of a chain of (previous frame pointer, return address) pairs that
/// ends with null. It goes through traps in the kernel.
#[inline(always)]
pub fn frame_pointer() -> *const usize {
    let pointer: usize;
    // SAFETY: reading a register has no effect.
    unsafe { asm!("mov {}, rbp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    core::ptr::with_exposed_provenance(pointer)
}

/// Stops this CPU for good, interrupts masked.
pub fn halt() -> ! {
    irq_disable();
    loop {
        hlt();
    }
}
