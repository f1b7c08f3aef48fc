//! Machine description: from the loader (PVH start information or Multiboot2 boot information), the command
//! line, and QEMU's configuration device.

use core::ffi::{CStr, c_char};
use core::ops::Range;

use arrayvec::ArrayVec;
use parity_multiboot2::{HEADER_BYTES, Information, total_bytes};
use x86_64::instructions::port::Port;

use super::mem::LOW_MEMORY;
use crate::mem::{phys_to_virt, virt_to_phys};
use crate::{MAX_VIRTIO_MMIO, PhysAddr, VirtioMmio};

/// Devices and properties that the kernel uses.
#[derive(Debug)]
pub struct Machine {
    pub memory: Range<PhysAddr>,
    pub cmdline: &'static str,
    pub cpus: usize,
    pub virtio_mmio: ArrayVec<VirtioMmio, MAX_VIRTIO_MMIO>,
    pub ram_disk: Option<Range<PhysAddr>>,
    /// Ranges of `memory` with loader data that the kernel must keep.
    reserved: ArrayVec<Range<PhysAddr>, 2>,
}

impl Machine {
    /// Largest unused part of `memory` from `start`, in whole pages.
    pub fn unused(&self, start: PhysAddr) -> Range<PhysAddr> {
        let mut reserved = self.reserved.clone();
        reserved.sort_unstable_by_key(|range| range.start);
        let (mut from, mut largest) = (start, start..start);
        for next in reserved.into_iter().chain([self.memory.end..self.memory.end]) {
            let end = next.start.page_down();
            if end > from && end - from > largest.end - largest.start {
                largest = from..end;
            }
            from = from.max(next.end.page_up().unwrap_or(next.end));
        }
        largest
    }
}

/// Xen's `hvm_start_info`, version 1.
#[repr(C)]
pub struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

const MAGIC: u32 = 0x336E_C578;

/// Xen's `hvm_memmap_table_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
struct MemoryMapEntry {
    start: u64,
    bytes: u64,
    kind: u32,
    reserved: u32,
}

const RAM: u32 = 1;

/// Prefix of the words that QEMU appends to the command line for virtio-mmio devices:
/// `=bytes@address:interrupt`.
const DEVICE_WORD: &[u8] = b"virtio_mmio.device=";

/// Reads PVH's start information.
///
/// # Safety
/// `start` points to mapped memory. If it holds start information, that and all it points to is in the linear
/// map and never changes.
///
/// # Panics
/// Without start information, or without RAM around the kernel.
pub unsafe fn from_pvh(start: *const u8) -> Machine {
    // SAFETY: the caller guarantees readable memory; all bit patterns are valid.
    let start = unsafe { start.cast::<StartInfo>().read_unaligned() };
    assert!(start.magic == MAGIC && start.version >= 1, "no PVH start information, or an old one");
    let entries = phys_to_virt(PhysAddr(start.memory_map)).cast::<MemoryMapEntry>();
    // SAFETY: as above.
    let entry = |index| unsafe { entries.add(index).read_unaligned() };
    let memory = (0..start.memory_map_entries as usize)
        .map(entry)
        .filter(|entry| entry.kind == RAM)
        .map(|entry| PhysAddr(entry.start)..PhysAddr(entry.start + entry.bytes));
    let mut words: &'static [u8] = &[];
    if start.command_line != 0 {
        let text = phys_to_virt(PhysAddr(start.command_line)).cast::<c_char>();
        // SAFETY: as above.
        words = unsafe { CStr::from_ptr(text) }.to_bytes();
    }
    let virtio_mmio = take_devices(&mut words);
    Machine {
        memory: around_kernel(memory),
        cmdline: core::str::from_utf8(words).unwrap_or_default(),
        cpus: cpus(),
        virtio_mmio,
        ram_disk: None,
        reserved: ArrayVec::new(),
    }
}

/// Reads Multiboot2's boot information; the first module is the disk.
///
/// # Safety
/// As for [`from_pvh`].
///
/// # Panics
/// Without boot information, or if the RAM around the kernel does not contain it and the disk.
pub unsafe fn from_multiboot2(start: *const u8) -> Machine {
    // SAFETY: the caller guarantees readable memory; the information begins with its size.
    let bytes: &'static [u8] = unsafe {
        let header = start.cast::<[u8; HEADER_BYTES]>().read_unaligned();
        core::slice::from_raw_parts(start, total_bytes(header))
    };
    let information = Information::new(bytes).expect("the Multiboot2 information is too short");
    let physical = |range: Range<u64>| PhysAddr(range.start)..PhysAddr(range.end);
    let memory = around_kernel(information.memory().map(physical));
    let ram_disk = information.modules().next().map(physical);
    let own = virt_to_phys(start);
    let mut reserved = ArrayVec::new();
    for range in [Some(own..own + bytes.len() as u64), ram_disk.clone()].into_iter().flatten() {
        let mapped = [&memory, &LOW_MEMORY];
        let whole = mapped.iter().any(|part| part.start <= range.start && range.end <= part.end);
        assert!(whole, "the loader put something to {range:?}, but the kernel's memory is {memory:?}");
        reserved.push(range);
    }
    Machine {
        memory,
        cmdline: core::str::from_utf8(information.command_line()).unwrap_or_default(),
        cpus: cpus(),
        virtio_mmio: ArrayVec::new(),
        ram_disk,
        reserved,
    }
}

/// The RAM range that contains the kernel.
fn around_kernel(mut ram: impl Iterator<Item = Range<PhysAddr>>) -> Range<PhysAddr> {
    let here = virt_to_phys((cpus as *const ()).cast::<u8>());
    ram.find(|range| range.contains(&here)).expect("the memory map has no RAM where the kernel is")
}

/// Removes the device words from the end of the command line.
fn take_devices(words: &mut &'static [u8]) -> ArrayVec<VirtioMmio, MAX_VIRTIO_MMIO> {
    let mut slots = ArrayVec::new();
    loop {
        let text = words.trim_ascii_end();
        let start = text.iter().rposition(|byte| *byte == b' ').map_or(0, |space| space + 1);
        let Some(description) = text[start..].strip_prefix(DEVICE_WORD) else { break };
        if let Some(slot) = device(description)
            && !slots.is_full()
        {
            slots.push(slot);
        }
        *words = &text[..start];
    }
    slots.sort_unstable_by_key(|slot| slot.base);
    slots
}

/// Parses `512@0xfeb00e00:12`.
fn device(description: &[u8]) -> Option<VirtioMmio> {
    let (size, rest) = core::str::from_utf8(description).ok()?.split_once('@')?;
    let (base, irq) = rest.split_once(':')?;
    let base = u64::from_str_radix(base.strip_prefix("0x")?, 16).ok()?;
    Some(VirtioMmio { base: PhysAddr(base), size: size.parse().ok()?, irq: irq.parse().ok()? })
}

/// Number of CPUs, from QEMU's configuration device (`fw_cfg`); 1 without that device.
fn cpus() -> usize {
    const SELECT: u16 = 0x510;
    const DATA: u16 = 0x511;
    const SIGNATURE: u16 = 0;
    const CPUS: u16 = 5;
    let read = |item: u16| {
        // SAFETY: the ports are the configuration device's; if it is absent, accesses have no effect.
        unsafe {
            Port::new(SELECT).write(item);
            let mut data = Port::<u8>::new(DATA);
            core::array::from_fn::<u8, 4, _>(|_| data.read())
        }
    };
    if &read(SIGNATURE) != b"QEMU" {
        return 1;
    }
    let [low, high, ..] = read(CPUS);
    u16::from_le_bytes([low, high]).max(1).into()
}
