//! User address spaces: page table, frames, heap end.

use core::mem::ManuallyDrop;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use parity_abi::Errno;
use parity_arch::mem::{USER_END, USER_STACK_TOP, phys_to_virt, sync_instruction_memory};
use parity_arch::{PAGE_SIZE, PageTable, PageTableRoot, Perm, PhysAddr, VirtAddr};

use super::PAGE;
use super::frame::{self, Purpose, TableFrames};
use crate::faults::{Fault, planted};
use crate::sync::{IrqGuard, MAX_CPUS, PerCpu};

/// Distance from the stack's top to the first anonymous mapping, reserved for further stacks.
const MAP_GAP: u64 = 1 << 30;

/// The whole user address range.
const EVERYWHERE: Range<VirtAddr> = VirtAddr(0)..USER_END;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Identity of the active address space of each processor, 0 for none.
static ACTIVE: PerCpu<AtomicU64> = PerCpu::new([const { AtomicU64::new(0) }; MAX_CPUS]);

/// Memory of a process. Dropping it frees all of it.
pub struct AddressSpace {
    /// Never reused, so that a stale entry of `ACTIVE` cannot refer to another address space.
    id: u64,
    /// Only `drop` destroys it.
    table: ManuallyDrop<PageTable>,
    /// Start of the heap: the first page after the program.
    heap_start: u64,
    /// The break: the first address after the heap.
    heap_end: u64,
    /// Anonymous mappings are allocated downwards from here.
    map_floor: u64,
}

/// The root alone, for a context switch, which must not access the address space itself.
#[derive(Clone, Copy)]
pub struct SpaceRoot {
    id: u64,
    table: PageTableRoot,
}

impl SpaceRoot {
    /// Makes this the address space of the current processor.
    ///
    /// # Safety
    /// The address space exists during the call. Afterwards no guarantee is needed: its `drop` asserts that
    /// no processor uses it.
    pub unsafe fn activate(self) {
        let _irq = IrqGuard::new();
        ACTIVE.this().store(self.id, Ordering::Relaxed);
        // SAFETY: the address space exists, so its table does.
        unsafe { self.table.activate() };
    }
}

impl AddressSpace {
    /// An address space without any memory.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new() -> Result<Self, Errno> {
        let table = PageTable::new(&mut TableFrames).map_err(|_| Errno::ENOMEM)?;
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            table: ManuallyDrop::new(table),
            heap_start: 0,
            heap_end: 0,
            map_floor: USER_STACK_TOP.0 - MAP_GAP,
        })
    }

    /// The root, for context switches.
    pub fn root(&self) -> SpaceRoot {
        SpaceRoot { id: self.id, table: self.table.root() }
    }

    /// Leaves the current processor without a user address space.
    pub fn deactivate() {
        let _irq = IrqGuard::new();
        PageTable::deactivate();
        ACTIVE.this().store(0, Ordering::Relaxed);
    }

    /// Physical address and permissions of a user address.
    pub fn lookup(&self, address: u64) -> Option<(PhysAddr, Perm)> {
        if address >= USER_END.0 { None } else { self.table.lookup(VirtAddr(address)) }
    }

    /// Maps zeroed memory on the pages that `[start, start + length)` touches; none may be mapped yet. On
    /// failure some of them may be mapped.
    ///
    /// # Errors
    /// ENOMEM, also for addresses outside user space.
    pub fn map(&mut self, start: u64, length: u64, perm: Perm) -> Result<(), Errno> {
        let end = start.checked_add(length).filter(|end| *end <= USER_END.0).ok_or(Errno::ENOMEM)?;
        // Checked in advance, so that a request for terabytes does not keep the kernel busy until memory is
        // exhausted.
        if !frame::make_available(((end - start) / PAGE_SIZE) as usize, Purpose::User) {
            return Err(Errno::ENOMEM);
        }
        let perm = if planted(Fault::DataExecutable) { Perm { execute: true, ..perm } } else { perm };
        for page in pages(start, end) {
            let frame = frame::allocate_zeroed(Purpose::User).ok_or(Errno::ENOMEM)?;
            self.adopt(page, frame, perm)?;
        }
        Ok(())
    }

    /// Maps `frame` and takes ownership of it; frees it on failure.
    fn adopt(&mut self, page: u64, frame: PhysAddr, perm: Perm) -> Result<(), Errno> {
        self.table.map(VirtAddr(page), frame, perm, &mut TableFrames).map_err(|_| {
            frame::free(frame, 1);
            Errno::ENOMEM
        })
    }

    /// Unmaps the pages that `[start, start + length)` touches and ignores holes. Needs no memory.
    pub fn unmap(&mut self, start: u64, length: u64) {
        if planted(Fault::UnmapNoFlush) {
            return self.unmap_without_flush(start, start + length);
        }
        let end = start.saturating_add(length).min(USER_END.as_u64());
        let range = VirtAddr(start).page_down()..VirtAddr(end);
        self.table.unmap(range, &mut TableFrames, |frame| {
            if !planted(Fault::ForkSharesMemory) && !planted(Fault::UnmapLeaks) {
                frame::free(frame, 1);
            }
        });
    }

    /// As [`Self::unmap`], but without the TLB flush: a planted fault.
    fn unmap_without_flush(&mut self, start: u64, end: u64) {
        for page in pages(start, end) {
            if let Some(frame) = self.table.unmap_without_flush(VirtAddr(page)) {
                frame::free(frame, 1);
            }
        }
    }

    /// A deep copy with its own frames.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn duplicate(&self) -> Result<Self, Errno> {
        let mut copy = Self::new()?;
        (copy.heap_start, copy.heap_end) = (self.heap_start, self.heap_end);
        copy.map_floor = if planted(Fault::ForkForgetsFloor) { copy.map_floor } else { self.map_floor };
        let mut result = Ok(());
        self.table.for_each(EVERYWHERE, |page, frame, perm| {
            if result.is_ok() {
                result = copy.copy_page(page, frame, perm);
            }
        });
        result.map(|()| copy)
    }

    fn copy_page(&mut self, page: VirtAddr, original: PhysAddr, perm: Perm) -> Result<(), Errno> {
        if perm.write && page.0 < self.heap_end && planted(Fault::ForkSharesMemory) {
            return self.adopt(page.0, original, perm);
        }
        let frame = frame::allocate(1, Purpose::User).ok_or(Errno::ENOMEM)?;
        // SAFETY: both are whole frames in the linear map, and the new one is not shared.
        unsafe { phys_to_virt(frame).copy_from_nonoverlapping(phys_to_virt(original), PAGE) };
        if perm.execute {
            publish_instructions(frame);
        }
        let write = perm.write || planted(Fault::ForkAllWritable);
        let execute = perm.execute || planted(Fault::ForkDataExecutable);
        self.adopt(page.0, frame, Perm { write, execute, ..perm })
    }

    /// Completes loading: makes the content of executable pages visible to instruction fetch.
    pub fn publish_code(&self) {
        self.table.for_each(EVERYWHERE, |_, frame, perm| {
            if perm.execute {
                publish_instructions(frame);
            }
        });
    }

    /// Sets the empty heap after a program that ends at `end`.
    pub fn place_heap(&mut self, end: u64) {
        self.heap_start = end.next_multiple_of(PAGE_SIZE);
        self.heap_end = self.heap_start;
    }

    /// Moves the break if possible; returns the resulting break.
    pub fn set_break(&mut self, wanted: u64) -> u64 {
        let old = self.heap_end;
        if planted(Fault::BrkIgnored) || wanted < self.heap_start || wanted > self.map_floor {
            return old;
        }
        let (old_top, new_top) = (old.next_multiple_of(PAGE_SIZE), wanted.next_multiple_of(PAGE_SIZE));
        if new_top < old_top {
            if !planted(Fault::BrkKeepsPages) {
                self.unmap(new_top, old_top - new_top);
            }
        } else if new_top > old_top && self.map(old_top, new_top - old_top, Perm::READ_WRITE).is_err() {
            // Pages above the old top were mapped by this call, so they can all be unmapped.
            self.unmap(old_top, new_top - old_top);
            return old;
        }
        self.heap_end = wanted;
        wanted
    }

    /// Maps zeroed memory of `length` bytes, rounded up to pages, at an address that the kernel selects.
    ///
    /// # Errors
    /// ENOMEM; EINVAL if `length` is 0.
    pub fn map_anonymous(&mut self, length: u64, perm: Perm) -> Result<u64, Errno> {
        let length = length.checked_next_multiple_of(PAGE_SIZE).ok_or(Errno::ENOMEM)?;
        if length == 0 {
            return Err(Errno::EINVAL);
        }
        let start = self
            .map_floor
            .checked_sub(length)
            .filter(|start| *start >= self.heap_end)
            .ok_or(Errno::ENOMEM)?;
        if let Err(errno) = self.map(start, length, perm) {
            self.unmap(start, length);
            return Err(errno);
        }
        if !planted(Fault::SecondMmapFails) {
            self.map_floor = start;
        }
        Ok(start)
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        for cpu in 0..MAX_CPUS {
            assert!(
                ACTIVE.of(cpu).load(Ordering::Relaxed) != self.id,
                "dropping the address space of cpu {cpu}"
            );
        }
        // Under this planted fault another address space may share the frames, so none are freed.
        if !planted(Fault::ForkSharesMemory) {
            self.table.for_each(EVERYWHERE, |_, frame, _| frame::free(frame, 1));
        }
        if planted(Fault::TablesLeak) {
            return;
        }
        // SAFETY: `drop` runs once and `table` is not used afterwards; no processor has it active (checked
        // above).
        unsafe { ManuallyDrop::take(&mut self.table).destroy(&mut TableFrames) };
    }
}

fn publish_instructions(frame: PhysAddr) {
    // SAFETY: a whole frame in the linear map.
    unsafe { sync_instruction_memory(phys_to_virt(frame), PAGE) };
}

/// Addresses of the pages that `[start, end)` touches.
fn pages(start: u64, end: u64) -> impl Iterator<Item = u64> {
    (start / PAGE_SIZE * PAGE_SIZE..end).step_by(PAGE)
}
