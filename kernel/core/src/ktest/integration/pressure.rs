//! Memory pressure: allocations of programs fail, the kernel continues, and all memory is freed.

use alloc::alloc::{alloc, dealloc};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::alloc::Layout;
use core::mem::ManuallyDrop;
use core::ptr::null_mut;

use parity_abi::Errno;
use parity_abi::fs::O_RDONLY;
use parity_arch::mem::{USER_BASE, phys_to_virt};
use parity_arch::{Perm, PhysAddr, cpu};

use super::program;
use crate::fs::path::{self, Directory};
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, PATIENCE, ensure, tests};
use crate::mm::frame::{self, Purpose};
use crate::mm::{AddressSpace, PAGE};
use crate::process::Process;
use crate::process::fd_table::FdTable;
use crate::time::tick;

tests! {
    "boot_tests", "pressure":
    blocked_readers,
    exec_arguments,
    fork_and_exec,
    files_without_memory,
    cache_gives_back,
    page_tables_given_back,
    mappings_given_back,
    unmapping_needs_none,
    interrupts_during_copies,
}

/// Bytes that one page table covers.
const TABLE_SPAN: u64 = (PAGE * 512) as u64;

/// Allocated frames, freed on drop. The first word of each links to the frame before it, so that the list
/// needs no memory.
struct Frames {
    last: u64,
    count: usize,
}

impl Frames {
    const NONE: Self = Self { last: 0, count: 0 };

    /// Allocates all frames available to users.
    fn all_of_users() -> Self {
        Self::take(0, Purpose::User)
    }

    /// Allocates all but `left` of the frames available to the kernel.
    fn all_but(left: usize) -> Self {
        Self::take(left, Purpose::Kernel)
    }

    fn take(left: usize, purpose: Purpose) -> Self {
        let mut frames = Self::NONE;
        while frame::counts().free > left
            && let Some(frame) = frame::allocate(1, purpose)
        {
            frames.push(frame);
        }
        frames
    }

    fn push(&mut self, frame: PhysAddr) {
        // SAFETY: the frame is owned by this list.
        unsafe { phys_to_virt(frame).cast::<u64>().write(self.last) };
        self.last = frame.0;
        self.count += 1;
    }

    fn pop(&mut self) -> Option<PhysAddr> {
        let frame = (self.count > 0).then_some(PhysAddr(self.last))?;
        // SAFETY: the frame is owned by this list, and `push` initialised it.
        self.last = unsafe { phys_to_virt(frame).cast::<u64>().read() };
        self.count -= 1;
        Some(frame)
    }

    /// Frees the `unwanted` frames.
    fn release(&mut self, mut unwanted: impl FnMut(PhysAddr) -> bool) {
        let mut kept = ManuallyDrop::new(Self::NONE);
        while let Some(frame) = self.pop() {
            if unwanted(frame) { frame::free(frame, 1) } else { kept.push(frame) }
        }
        (self.last, self.count) = (kept.last, kept.count);
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        while let Some(frame) = self.pop() {
            frame::free(frame, 1);
        }
    }
}

/// Blocks that fill the heap, so that the next allocation makes it grow. Linked like [`Frames`].
struct Blocks(*mut u8);

impl Blocks {
    const LAYOUT: Layout = Layout::new::<[u64; 64]>();

    fn fill() -> Self {
        let mut blocks = Self(null_mut());
        let free = frame::counts().free;
        // The last one makes the heap grow.
        while frame::counts().free == free {
            // SAFETY: the size is not 0.
            let block = unsafe { alloc(Self::LAYOUT) };
            if block.is_null() {
                break;
            }
            // SAFETY: the block is owned by this list, large enough and aligned for a pointer.
            unsafe { block.cast::<*mut u8>().write(blocks.0) };
            blocks.0 = block;
        }
        blocks
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        while !self.0.is_null() {
            // SAFETY: `fill` allocated and initialised the block, which is not freed yet.
            unsafe {
                let before = self.0.cast::<*mut u8>().read();
                dealloc(self.0, Self::LAYOUT);
                self.0 = before;
            }
        }
    }
}

/// Continues the probe after it has allocated all the memory it can get, with hardly any memory left for the
/// kernel.
fn checked_without_memory(what: &str) -> Outcome {
    /// Maximum number of frames that remain available to users.
    const FEW: usize = 100;
    /// Frames left for the kernel: more than the small blocks of all calls in the test need.
    const KERNEL: usize = 64;
    let (running, end_of_input) = program::probe_waiting(what)?;
    let taken = tick::wait_until(PATIENCE, || frame::available(Purpose::User) < FEW);
    ensure!(taken, "it leaves {} frames", frame::available(Purpose::User));
    let held = (Frames::all_but(KERNEL), Blocks::fill());
    drop(end_of_input);
    let outcome = running.end_well();
    drop(held);
    outcome
}

fn blocked_readers(_: &mut Fixture) -> Outcome {
    checked_without_memory("blocked_readers")
}

fn exec_arguments(_: &mut Fixture) -> Outcome {
    checked_without_memory("exec_arguments")
}

/// fork and exec with a full heap, and only a few contiguous frames.
fn fork_and_exec(_: &mut Fixture) -> Outcome {
    const ROW: u64 = 32;
    const ROWS: usize = 250;
    let mut frames = Frames::all_but(0);
    let _blocks = Blocks::fill();
    let mut left = ROWS * ROW as usize;
    frames.release(|frame| {
        let unwanted = left > 0 && (frame.0 / PAGE as u64 / ROW).is_multiple_of(2);
        left -= usize::from(unwanted);
        unwanted
    });
    program::check("fork_and_exec")
}

fn files_without_memory(_: &mut Fixture) -> Outcome {
    program::check("files_without_memory")
}

/// Memory in the disk cache counts as available.
fn cache_gives_back(_: &mut Fixture) -> Outcome {
    let before = Frames::all_of_users().count;
    let free = frame::counts().free;
    let file = path::open(Directory::ROOT, b"/bin/integration_probe", O_RDONLY).map_err(because)?;
    let mut part = [0; 512];
    while file.read(&mut part).map_err(because)? > 0 {}
    let cached = free - frame::counts().free;
    let after = Frames::all_of_users().count;
    ensure!(cached > 0, "nothing was cached");
    ensure!(after >= before, "{before} frames could be had, and {after} when {cached} are cached");
    Ok(format!("{cached} frames"))
}

fn because(errno: Errno) -> String {
    format!("{errno}")
}

/// Page tables of pages far apart, and of a heap that grows and shrinks.
fn page_tables_given_back(_: &mut Fixture) -> Outcome {
    const PAGES: u64 = 50;
    let mut space = AddressSpace::new().map_err(because)?;
    space.place_heap(USER_BASE.as_u64());
    let free = frame::counts().free;
    for page in 0..PAGES {
        let at = USER_BASE.as_u64() + page * TABLE_SPAN;
        space.map(at, 1, Perm::READ_WRITE).map_err(because)?;
        space.unmap(at, 1);
    }
    let left = frame::counts().free;
    ensure!(left == free, "{} frames are gone with {PAGES} pages", free - left);
    let start = space.set_break(0);
    for tables in 1..4 {
        let end = start + tables * TABLE_SPAN;
        ensure!(space.set_break(end) == end, "the break cannot be raised to {end:#x}");
        ensure!(space.set_break(start) == start, "the break cannot be lowered");
    }
    let left = frame::counts().free;
    ensure!(left == free, "{} frames are gone with a heap", free - left);
    // Neighbouring pages stay mapped.
    for at in [start, start + PAGE as u64] {
        space.map(at, 1, Perm::READ).map_err(because)?;
    }
    space.unmap(start, 1);
    ensure!(space.lookup(start).is_none(), "a page is still there");
    ensure!(space.lookup(start + PAGE as u64).is_some(), "the page beside it is gone");
    Ok(String::new())
}

fn mappings_given_back(_: &mut Fixture) -> Outcome {
    program::check("mappings")
}

/// A program can free memory when there is no memory left.
fn unmapping_needs_none(_: &mut Fixture) -> Outcome {
    const BYTES: u64 = 2 * TABLE_SPAN;
    let mut space = AddressSpace::new().map_err(because)?;
    let start = USER_BASE.as_u64();
    space.map(start, BYTES, Perm::READ_WRITE).map_err(because)?;
    let frames = Frames::all_but(0);
    let blocks = Blocks::fill();
    space.unmap(start, BYTES);
    let free = frame::counts().free as u64;
    drop((blocks, frames));
    ensure!(free * PAGE as u64 >= BYTES, "{free} frames were given back");
    Ok(format!("{free} frames"))
}

/// A large copy does not delay the timer: ticks are handled during it.
fn interrupts_during_copies(_: &mut Fixture) -> Outcome {
    const BYTES: u64 = 8 << 20;
    const COPIES: usize = 200;
    let mut memory = AddressSpace::new().map_err(because)?;
    memory.map(USER_BASE.as_u64(), BYTES, Perm::READ_WRITE).map_err(because)?;
    let name = Arc::new(String::from("copied"));
    let process = Process::new(0, name, memory, FdTable::default(), Directory::ROOT);
    let enabled = process.with_memory(|_| Ok(cpu::irq_enabled())).map_err(because)?;
    ensure!(enabled, "interrupts are masked while memory is used");
    for copies in 1..=COPIES {
        let ticked = process.with_memory(|memory| {
            let before = tick::now();
            let copy = memory.duplicate()?;
            let ticked = tick::now() != before;
            drop(copy);
            Ok(ticked)
        });
        if ticked.map_err(because)? {
            return Ok(format!("a tick during copy {copies}"));
        }
    }
    Err(format!("no tick was taken during {COPIES} copies of {BYTES} bytes"))
}
