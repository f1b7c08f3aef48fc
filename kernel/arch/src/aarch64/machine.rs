//! Machine description, from the device tree.

use core::ops::Range;

use arrayvec::ArrayVec;
use dtoolkit::fdt::{Fdt, FdtNode};
use dtoolkit::standard::{NodeStandard, Status};
use dtoolkit::{Node, Property};

use super::intc::FIRST_SHARED;
use super::power::FirmwareCall;
use crate::{MAX_VIRTIO_MMIO, PhysAddr, VirtioMmio};

/// Devices and properties that the kernel uses.
#[derive(Debug)]
pub struct Machine {
    pub memory: Range<PhysAddr>,
    pub cmdline: &'static str,
    pub cpus: usize,
    pub console: PhysAddr,
    /// The console's interrupt.
    pub console_irq: Option<u32>,
    pub channel: Option<PhysAddr>,
    pub distributor: PhysAddr,
    pub cpu_interface: PhysAddr,
    pub firmware_call: FirmwareCall,
    pub rtc: Option<PhysAddr>,
    pub virtio_mmio: ArrayVec<VirtioMmio, MAX_VIRTIO_MMIO>,
}

/// Reads the tree at `blob`.
///
/// # Safety
/// `blob` points to mapped memory; a tree there must never change.
///
/// # Panics
/// Without a tree, or if the tree has no memory, console or interrupt controller.
pub unsafe fn read(blob: *const u8) -> Machine {
    // SAFETY: the caller guarantees readable memory; the reader checks the tree's format.
    let tree = unsafe { Fdt::from_raw(blob) }.expect("no device tree at the start of RAM");
    let memory = tree.find_node("/memory").and_then(|node| region(node, 0));
    let controller = tree.root().children().find(|node| node.is_compatible("arm,cortex-a15-gic"));
    let controller = controller.expect("the device tree names no GICv2");
    let console_node = console(tree);
    let console = region(console_node, 0).expect("the console has no registers").start;
    Machine {
        memory: memory.expect("the device tree names no memory"),
        cmdline: cmdline(tree).unwrap_or_default(),
        cpus: cpus(tree),
        console,
        console_irq: shared_interrupt(console_node),
        channel: channel(tree, console),
        distributor: region(controller, 0).expect("the GICv2 has no distributor").start,
        cpu_interface: region(controller, 1).expect("the GICv2 has no CPU interface").start,
        firmware_call: firmware_call(tree),
        rtc: rtc(tree),
        virtio_mmio: virtio_mmio(tree),
    }
}

fn cmdline(tree: Fdt<'static>) -> Option<&'static str> {
    tree.find_node("/chosen")?.property("bootargs")?.value_as().ok()
}

fn cpus(tree: Fdt<'static>) -> usize {
    tree.cpus().map_or(1, |cpus| cpus.cpus().count())
}

/// The serial port of the tree's `stdout-path`.
fn console(tree: Fdt<'static>) -> FdtNode<'static> {
    let path = tree.find_node("/chosen").and_then(|chosen| chosen.property("stdout-path"));
    let path = path.and_then(|property| property.value_as::<&str>().ok());
    path.and_then(|path| tree.find_node(path)).expect("the device tree names no console")
}

/// The first other serial port that is not reserved for firmware.
fn channel(tree: Fdt<'static>, console: PhysAddr) -> Option<PhysAddr> {
    let ports = tree.root().children().filter(|node| node.is_compatible("arm,pl011"));
    let usable = ports.filter(|node| matches!(node.status(), Ok(Status::Okay)));
    usable.filter_map(|node| region(node, 0)).map(|range| range.start).find(|&base| base != console)
}

fn firmware_call(tree: Fdt<'static>) -> FirmwareCall {
    let method = tree.find_node("/psci").and_then(|node| node.property("method"));
    match method.and_then(|property| property.value_as::<&str>().ok()) {
        Some("smc") => FirmwareCall::SecureMonitor,
        _ => FirmwareCall::Hypervisor,
    }
}

fn rtc(tree: Fdt<'static>) -> Option<PhysAddr> {
    let clock = tree.root().children().find(|node| node.is_compatible("arm,pl031"))?;
    region(clock, 0).map(|range| range.start)
}

fn virtio_mmio(tree: Fdt<'static>) -> ArrayVec<VirtioMmio, MAX_VIRTIO_MMIO> {
    let nodes = tree.root().children().filter(|node| node.is_compatible("virtio,mmio"));
    let slots = nodes.filter_map(|node| {
        let registers = region(node, 0)?;
        let size = registers.end - registers.start;
        Some(VirtioMmio { base: registers.start, size, irq: shared_interrupt(node)? })
    });
    let mut slots: ArrayVec<_, MAX_VIRTIO_MMIO> = slots.take(MAX_VIRTIO_MMIO).collect();
    slots.sort_unstable_by_key(|slot| slot.base);
    slots
}

/// Entry number `index` of the node's `reg` property.
fn region(node: FdtNode<'static>, index: usize) -> Option<Range<PhysAddr>> {
    let entry = node.reg().ok()??.nth(index)?;
    let start = PhysAddr(entry.address().ok()?);
    Some(start..start.checked_add(entry.size().ok()?)?)
}

/// The node's first interrupt, if it is a shared one: cells (0 = shared, number, trigger).
fn shared_interrupt(node: FdtNode<'static>) -> Option<u32> {
    let [kind, number, _trigger] = node.property("interrupts")?.value_as::<[u32; 3]>().ok()?;
    (kind == 0).then_some(FIRST_SHARED + number)
}
