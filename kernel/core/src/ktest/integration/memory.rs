//! Memory: frames, heap, address spaces, and access to user memory.

use alloc::alloc::{alloc, dealloc};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::alloc::Layout;

use parity_abi::Errno;
use parity_arch::mem::{KERNEL_BASE, USER_BASE, USER_END, phys_to_virt};
use parity_arch::{Perm, PhysAddr};

use crate::ktest::random::Random;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, tests};
use crate::mm::frame::{self, Purpose};
use crate::mm::{AddressSpace, PAGE, user};

tests! {
    "boot_tests", "memory":
    frames_apart,
    frames_in_a_row,
    frames_zeroed,
    kernel_reserve,
    heap_blocks,
    heap_reused,
    address_spaces_apart,
    user_permissions,
    user_pointers,
    ; alone: double_free
}

/// Allocated frames, freed on drop.
struct Frames(Vec<PhysAddr>);

impl Frames {
    fn take(count: usize) -> Result<Self, String> {
        let mut frames = Self(Vec::with_capacity(count));
        for _ in 0..count {
            frames.0.push(frame::allocate(1, Purpose::Kernel).ok_or("there is no frame left")?);
        }
        Ok(frames)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        for frame in self.0.drain(..) {
            frame::free(frame, 1);
        }
    }
}

/// Most of the memory, allocated so that the allocator soon wraps around.
struct Rows(Vec<PhysAddr>);

impl Rows {
    const LENGTH: usize = 64;

    /// Allocates all but about `count` frames.
    fn leave(count: usize) -> Self {
        let mut rows = Self(Vec::with_capacity(frame::counts().free / Self::LENGTH));
        while frame::available(Purpose::User) > count
            && let Some(row) = frame::allocate(Self::LENGTH, Purpose::User)
        {
            rows.0.push(row);
        }
        rows
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        for row in self.0.drain(..) {
            frame::free(row, Self::LENGTH);
        }
    }
}

/// Each frame is allocated once, is in free memory, and is counted.
fn frames_apart(fixture: &mut Fixture) -> Outcome {
    const COUNT: usize = 500;
    let before = frame::counts().free;
    let mut frames = Frames::take(COUNT)?;
    // The heap may have grown for the list meanwhile.
    let taken = before - frame::counts().free;
    ensure!(taken >= COUNT, "{COUNT} frames were taken, and {taken} are missing");
    frames.0.sort();
    let twice = frames.0.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    if let Some(frame) = twice {
        // A second free would panic.
        core::mem::forget(frames);
        return Err(format!("frame {frame} was given out twice"));
    }
    for frame in &frames.0 {
        ensure!(frame.is_page_aligned(), "frame {frame} does not begin a page");
        ensure!(fixture.boot.free_memory.contains(frame), "frame {frame} was never free");
    }
    drop(frames);
    let after = frame::counts().free;
    ensure!(after + (taken - COUNT) == before, "{before} were free, then {after}");
    Ok(format!("{COUNT} frames"))
}

fn frames_in_a_row(_: &mut Fixture) -> Outcome {
    const COUNT: usize = 64;
    let start = frame::allocate(COUNT, Purpose::Kernel).ok_or("there are no frames in a row")?;
    for index in 0..COUNT {
        // SAFETY: one of the frames allocated above.
        unsafe { phys_to_virt(start + (index * PAGE) as u64).write_bytes(index as u8, PAGE) };
    }
    let whole = (0..COUNT).find(|index| {
        // SAFETY: as above, and initialised.
        let page = unsafe { core::slice::from_raw_parts(phys_to_virt(start + (index * PAGE) as u64), PAGE) };
        page.iter().any(|byte| *byte != *index as u8)
    });
    let free = frame::counts().free;
    frame::free(start, COUNT);
    ensure!(whole.is_none(), "frame {whole:?} of the row does not hold what was written to it");
    let given_back = frame::counts().free - free;
    ensure!(given_back == COUNT, "{given_back} of {COUNT} frames came back");
    Ok(String::new())
}

fn frames_zeroed(_: &mut Fixture) -> Outcome {
    const COUNT: usize = 100;
    let _rest = Rows::leave(20 * COUNT);
    let frames = Frames::take(COUNT)?;
    let mut dirty = frames.0.clone();
    for frame in &dirty {
        // SAFETY: the frame is owned by this test.
        unsafe { phys_to_virt(*frame).write_bytes(0xA5, PAGE) };
    }
    drop(frames);
    // The allocator wraps around to them before it has allocated all frames.
    for _ in 0..frame::counts().total {
        let frame = frame::allocate_zeroed(Purpose::User).ok_or("there is no frame left")?;
        let known = dirty.iter().position(|known| *known == frame).map(|index| dirty.swap_remove(index));
        // SAFETY: a whole initialised frame, owned by this test.
        let bytes = unsafe { core::slice::from_raw_parts(phys_to_virt(frame), PAGE) };
        let dirt = known.and_then(|_| bytes.iter().position(|byte| *byte != 0));
        frame::free(frame, 1);
        if let Some(at) = dirt {
            return Err(format!("byte {at} of a frame of zeros is none"));
        }
        if dirty.is_empty() {
            return Ok(format!("{COUNT} frames"));
        }
    }
    Err(format!("{} frames were never given out again", dirty.len()))
}

/// User allocations fail while kernel allocations still succeed.
fn kernel_reserve(_: &mut Fixture) -> Outcome {
    let mut frames = Frames(Vec::with_capacity(frame::counts().free));
    while let Some(frame) = frame::allocate(1, Purpose::User) {
        frames.0.push(frame);
    }
    let (left, users) = (frame::counts().free, frame::available(Purpose::User));
    let kernels = frame::allocate(16, Purpose::Kernel);
    if let Some(start) = kernels {
        frame::free(start, 16);
    }
    ensure!(users == 0, "users were refused, but {users} frames are said to be left for them");
    ensure!(kernels.is_some(), "users have taken all but {left} frames, and the kernel gets none");
    Ok(format!("{left} frames are left for the kernel"))
}

/// Blocks of many sizes and alignments keep their content and do not overlap.
fn heap_blocks(fixture: &mut Fixture) -> Outcome {
    const BLOCKS: u64 = 400;
    let mut random = Random::new(fixture.seed);
    let mut blocks = Vec::new();
    for number in 0..BLOCKS {
        let size = 1 + random.below(1 << (1 + number % 13)) as usize;
        let layout = Layout::from_size_align(size, 1 << (number % 13)).map_err(|error| format!("{error}"))?;
        // SAFETY: the size is not 0.
        let block = unsafe { alloc(layout) };
        ensure!(!block.is_null(), "no block for {layout:?}");
        ensure!(block.addr().is_multiple_of(layout.align()), "block {block:?} for {layout:?}");
        // SAFETY: a block of this size, owned by this test.
        unsafe { block.write_bytes(number as u8, size) };
        blocks.push((block, layout, number as u8));
        if random.below(3) == 0 {
            let (block, layout, value) = blocks.swap_remove(random.below(blocks.len() as u64) as usize);
            free_checked(block, layout, value)?;
        }
    }
    for (block, layout, value) in blocks {
        free_checked(block, layout, value)?;
    }
    Ok(format!("{BLOCKS} blocks"))
}

fn free_checked(block: *mut u8, layout: Layout, value: u8) -> Result<(), String> {
    // SAFETY: a block of this layout, initialised when it was allocated, and not freed yet.
    let whole = unsafe {
        let whole = core::slice::from_raw_parts(block, layout.size()).iter().all(|byte| *byte == value);
        dealloc(block, layout);
        whole
    };
    if whole { Ok(()) } else { Err(format!("a block of {layout:?} has lost its content")) }
}

/// Freed blocks are reused: the heap does not grow for ever.
fn heap_reused(_: &mut Fixture) -> Outcome {
    let turn = || drop(core::hint::black_box(vec![1_u8; 200 * 1024]));
    turn();
    let before = frame::counts().free;
    for _ in 0..100 {
        turn();
    }
    let after = frame::counts().free;
    ensure!(after >= before, "{} frames are gone", before - after);
    Ok(String::new())
}

fn address_spaces_apart(_: &mut Fixture) -> Outcome {
    let because = |errno: Errno| format!("{errno}");
    let at = USER_BASE.as_u64();
    let mut one = AddressSpace::new().map_err(because)?;
    let mut other = AddressSpace::new().map_err(because)?;
    for (space, text) in [(&mut one, b"one"), (&mut other, b"two")] {
        space.map(at, 1, Perm::READ_WRITE).map_err(because)?;
        user::write(space, at, text).map_err(because)?;
    }
    one.place_heap(at + PAGE as u64);
    let copy = one.duplicate().map_err(because)?;
    user::write(&copy, at, b"ONE").map_err(because)?;
    for (space, expected) in [(&one, b"one"), (&other, b"two"), (&copy, b"ONE")] {
        let mut found = [0; 3];
        user::read(space, at, &mut found).map_err(because)?;
        ensure!(&found == expected, "{:?} instead of {:?}", found.escape_ascii(), expected.escape_ascii());
    }
    let free = frame::counts().free;
    drop((one, other, copy));
    ensure!(frame::counts().free > free, "dropped address spaces give nothing back");
    Ok(String::new())
}

/// The kernel may access user memory exactly as the user may.
fn user_permissions(_: &mut Fixture) -> Outcome {
    let mut space = AddressSpace::new().map_err(|errno| format!("{errno}"))?;
    let start = USER_BASE.as_u64();
    let cases = [
        (Perm::NONE, Err(Errno::EFAULT), Err(Errno::EFAULT)),
        (Perm::READ, Ok(()), Err(Errno::EFAULT)),
        (Perm::READ_EXECUTE, Ok(()), Err(Errno::EFAULT)),
        (Perm::READ_WRITE, Ok(()), Ok(())),
    ];
    for (page, (perm, may_read, may_write)) in cases.into_iter().enumerate() {
        let at = start + (page * PAGE) as u64;
        space.map(at, 1, perm).map_err(|errno| format!("{errno}"))?;
        let (read, write) = (user::read(&space, at, &mut [0]), user::write(&space, at, &[1]));
        ensure!(read == may_read, "reading with {perm:?}: {read:?}");
        ensure!(write == may_write, "writing with {perm:?}: {write:?}");
    }
    // A write across a boundary writes nothing at all.
    let border = start + (3 * PAGE) as u64;
    ensure!(user::write(&space, border - 1, &[9, 9]) == Err(Errno::EFAULT), "a border was written across");
    let mut behind = [9];
    ensure!(user::read(&space, border, &mut behind) == Ok(()) && behind == [1], "half of a write was done");
    Ok(String::new())
}

fn user_pointers(_: &mut Fixture) -> Outcome {
    let space = AddressSpace::new().map_err(|errno| format!("{errno}"))?;
    let bad =
        [0, 8, USER_BASE.as_u64(), USER_END.as_u64() - 4, USER_END.as_u64(), KERNEL_BASE.as_u64(), !0, !7];
    for address in bad {
        let (read, write) = (user::read(&space, address, &mut [0; 8]), user::write(&space, address, &[0; 8]));
        ensure!(read == Err(Errno::EFAULT), "reading at {address:#x}: {read:?}");
        ensure!(write == Err(Errno::EFAULT), "writing at {address:#x}: {write:?}");
    }
    Ok(String::new())
}

fn double_free(_: &mut Fixture) -> Outcome {
    let frame = frame::allocate(1, Purpose::Kernel).ok_or("there is no frame left")?;
    frame::free(frame, 1);
    frame::free(frame, 1);
    Err("the kernel goes on".into())
}
