//! Final page tables of the kernel half: the linear map, with the sections of the kernel image protected.

use core::ops::Range;

use crate::imp::entry::{Attributes, BLOCK_LEVEL, Entry};
use crate::kernel_pages::REGION;
use crate::mem::{KERNEL_BASE, phys_to_virt, virt_to_phys};
use crate::table::{PAGE_LEVEL, Table, index, span};
use crate::{PAGE_SIZE, PhysAddr, VirtAddr};

/// Sections of the kernel image, as the linker script places them.
#[derive(Clone, Debug)]
pub struct Image {
    pub text: Range<PhysAddr>,
    pub rodata: Range<PhysAddr>,
    pub data: Range<PhysAddr>,
    /// The guard pages below the boot stacks, in ascending order: inside the data section, but not mapped.
    pub guards: [PhysAddr; 2],
}

impl Image {
    /// The running kernel's image.
    pub fn of_kernel() -> Self {
        unsafe extern "C" {
            static __kernel_start: u8;
            static __rodata_start: u8;
            static __data_start: u8;
            static __kernel_end: u8;
            static emergency_guard: u8;
            static boot_guard: u8;
        }
        let rodata = virt_to_phys(&raw const __rodata_start);
        let data = virt_to_phys(&raw const __data_start);
        Self {
            text: virt_to_phys(&raw const __kernel_start)..rodata,
            rodata: rodata..data,
            data: data..virt_to_phys(&raw const __kernel_end),
            guards: [virt_to_phys(&raw const emergency_guard), virt_to_phys(&raw const boot_guard)],
        }
    }

    /// Range of all sections.
    pub const fn range(&self) -> Range<PhysAddr> {
        self.text.start..self.data.end
    }
}

/// Allocates table frames one after another from unused RAM.
#[derive(Debug)]
pub struct BootFrames {
    next: PhysAddr,
}

impl BootFrames {
    /// # Safety
    /// RAM from `start` (page-aligned) is unused and in the boot mapping.
    pub const unsafe fn starting_at(start: PhysAddr) -> Self {
        Self { next: start }
    }

    /// First frame that is still free.
    pub const fn next(&self) -> PhysAddr {
        self.next
    }

    fn table(&mut self) -> Table {
        let frame = self.next;
        self.next = frame + PAGE_SIZE;
        // SAFETY: the constructor's caller guarantees unused mapped RAM; zeros are an empty table.
        unsafe {
            phys_to_virt(frame).write_bytes(0, PAGE_SIZE as usize);
            Table::at(frame)
        }
    }
}

/// Builds the tables of the kernel half without activating them, and returns their root. `others` are ranges
/// outside `memory` that the kernel uses.
pub fn build(
    memory: &Range<PhysAddr>,
    image: &Image,
    others: &[(Range<PhysAddr>, Attributes)],
    frames: &mut BootFrames,
) -> PhysAddr {
    let root = frames.table();
    let [lower, upper] = image.guards;
    let ram = [
        (memory.start..image.text.start, Attributes::KERNEL_DATA),
        (image.text.clone(), Attributes::KERNEL_TEXT),
        (image.rodata.clone(), Attributes::KERNEL_RODATA),
        (image.data.start..lower, Attributes::KERNEL_DATA),
        (lower + PAGE_SIZE..upper, Attributes::KERNEL_DATA),
        (upper + PAGE_SIZE..memory.end, Attributes::KERNEL_DATA),
    ];
    for (range, attributes) in ram.iter().chain(others) {
        map(root, range.clone(), *attributes, frames);
    }
    // Address spaces may hold copies of the root's entries, so these must not change later.
    child_or_new(root, index(REGION.start, 0), frames);
    root.frame()
}

/// Maps a physical range into the linear map, with the largest possible blocks.
fn map(root: Table, range: Range<PhysAddr>, attributes: Attributes, frames: &mut BootFrames) {
    let mut pa = range.start;
    while pa < range.end {
        let level = (BLOCK_LEVEL..PAGE_LEVEL)
            .find(|&level| pa.0.is_multiple_of(span(level)) && range.end - pa >= span(level))
            .unwrap_or(PAGE_LEVEL);
        let va = VirtAddr(KERNEL_BASE.0 + pa.0);
        let mut table = root;
        for above in 0..level {
            table = child_or_new(table, index(va, above), frames);
        }
        table.set(index(va, level), Entry::leaf(level, pa, attributes));
        pa = pa + span(level);
    }
}

fn child_or_new(table: Table, index: usize, frames: &mut BootFrames) -> Table {
    table.child(index).unwrap_or_else(|| {
        let child = frames.table();
        table.set(index, Entry::table(child.frame()));
        child
    })
}
