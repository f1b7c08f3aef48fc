//! The interrupt controller, a GICv2.

use core::sync::atomic::{AtomicU64, Ordering};

use arm_gic::gicv2::GicV2;
use arm_gic::gicv2::registers::Gicd;
use arm_gic::{IntId, InterruptGroup};
use parity_inventory::inventory;

use super::cpu;
use crate::PhysAddr;
use crate::mem::phys_to_virt;

inventory!("driver", "interrupts: GICv2");

/// Physical addresses of the two register blocks.
static DISTRIBUTOR: AtomicU64 = AtomicU64::new(0);
static CPU_INTERFACE: AtomicU64 = AtomicU64::new(0);

/// The only interrupt group in a system without TrustZone.
const GROUP: InterruptGroup = InterruptGroup::Group0;

/// First shared interrupt; lower ones are private to a CPU.
pub(super) const FIRST_SHARED: u32 = 32;

/// Sets the controller's addresses.
pub(super) fn configure(distributor: PhysAddr, cpu_interface: PhysAddr) {
    DISTRIBUTOR.store(distributor.0, Ordering::Relaxed);
    CPU_INTERFACE.store(cpu_interface.0, Ordering::Relaxed);
}

/// Sets up the controller for this CPU, with all interrupts disabled. Call it once, with interrupts masked.
pub fn init() {
    with_controller(|gic| {
        gic.enable_all_interrupts(false);
        gic.setup();
    });
}

/// Enables interrupt `irq` and routes it to this CPU.
///
/// # Panics
/// When the controller has no such interrupt.
pub fn enable(irq: u32) {
    with_controller(|gic| {
        if irq >= FIRST_SHARED {
            target_this_cpu(irq);
        }
        gic.enable_interrupt(id(irq), true).expect("the controller has no such interrupt");
    });
}

/// Disables interrupt `irq`.
pub fn disable(irq: u32) {
    with_controller(|gic| {
        // Only enabling can fail.
        let _ = gic.enable_interrupt(id(irq), false);
    });
}

/// Acknowledges the pending interrupt, if any: it is active until [`complete`]. Interrupts must be masked.
pub(super) fn claim() -> Option<u32> {
    with_controller(|gic| gic.get_and_acknowledge_interrupt(GROUP)).map(|interrupt| interrupt.raw_value())
}

/// Completes an interrupt that [`claim`] returned.
pub(super) fn complete(irq: u32) {
    with_controller(|gic| gic.end_interrupt(id(irq), GROUP));
}

fn with_controller<T>(act: impl FnOnce(&mut GicV2<'_>) -> T) -> T {
    let distributor = phys_to_virt(PhysAddr(DISTRIBUTOR.load(Ordering::Relaxed)));
    let cpu_interface = phys_to_virt(PhysAddr(CPU_INTERFACE.load(Ordering::Relaxed)));
    let state = cpu::irq_save();
    // SAFETY: the device tree gave the addresses of the blocks, which are mapped as device memory. Interrupts
    // are masked, so this CPU has no second instance at the same time.
    let mut gic = unsafe { GicV2::new(distributor.cast(), cpu_interface.cast()) };
    let result = act(&mut gic);
    cpu::irq_restore(state);
    result
}

/// Routes a shared interrupt to this CPU (one byte per interrupt, one bit per CPU). The driver leaves the
/// reset values of the targets, which select no CPU on a machine with several CPUs.
fn target_this_cpu(irq: u32) {
    let distributor = phys_to_virt(PhysAddr(DISTRIBUTOR.load(Ordering::Relaxed))).cast::<Gicd>();
    // SAFETY: the register array of the mapped distributor has a byte for each of its 1020 interrupts.
    unsafe {
        let targets = (&raw mut (*distributor).itargetsr).cast::<u8>();
        targets.add(id(irq).raw_value() as usize).write_volatile(1 << cpu::cpu_id());
    }
}

fn id(irq: u32) -> IntId {
    assert!(irq < 1020, "a GICv2 has no interrupt {irq}");
    IntId::try_from(irq).expect("all numbers below 1020 are interrupts")
}
