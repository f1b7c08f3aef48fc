//! Mappings and the break: several at once, partial unmapping, and requests that must be refused.

use ulib::abi::memory::{
    MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ, PROT_WRITE,
};
use ulib::abi::syscall::MMAP;
use ulib::arch::KERNEL_ADDRESS;
use ulib::child::Child;
use ulib::probe::{Use, allows, refuses};
use ulib::{Errno, check, memory};

const PAGE: usize = 4096;
const READ_WRITE: u32 = PROT_READ | PROT_WRITE;

pub fn checks() {
    several();
    in_a_child();
    unmapped();
    parts_unmapped();
    lowered_break();
    zeroed_again();
    wrong_requests();
}

#[track_caller]
fn map(bytes: usize) -> usize {
    check::ok("mmap", memory::map(bytes, READ_WRITE))
}

#[track_caller]
fn unmap(address: usize, bytes: usize) {
    // SAFETY: a process that uses the memory afterwards is meant to be killed.
    check::ok("munmap", unsafe { memory::unmap(address, bytes) });
}

fn bytes_at(address: usize, len: usize) -> &'static mut [u8] {
    // SAFETY: the caller mapped the memory and has no other reference to it.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(address), len) }
}

#[track_caller]
fn is(address: usize, len: usize, value: u8) {
    let place = bytes_at(address, len).iter().position(|byte| *byte != value);
    check::equal(format_args!("place of a byte that is not {value:#x}"), place, None);
}

/// Each mapping is zeroed, overlaps no other one, and keeps its content.
fn several() {
    let sizes = [1, PAGE, PAGE + 1, 7 * PAGE, 3 * PAGE - 1, PAGE];
    let rounded = sizes.map(|size: usize| size.next_multiple_of(PAGE));
    let maps = sizes.map(map);
    for (number, (start, size)) in maps.into_iter().zip(rounded).enumerate() {
        check::equal("alignment of a mapping", start % PAGE, 0);
        for (other, other_size) in maps.into_iter().zip(rounded).skip(number + 1) {
            let apart = start + size <= other || other + other_size <= start;
            check::equal(format_args!("{start:#x} and {other:#x} lie apart"), apart, true);
        }
        is(start, size, 0);
        bytes_at(start, size).fill(number as u8 + 1);
    }
    for (number, (start, size)) in maps.into_iter().zip(rounded).enumerate() {
        is(start, size, number as u8 + 1);
    }
    for (number, (start, size)) in maps.into_iter().zip(rounded).enumerate().rev() {
        unmap(start, size);
        for (below, (start, size)) in maps.into_iter().zip(rounded).enumerate().take(number) {
            is(start, size, below as u8 + 1);
        }
    }
}

/// A child has its parent's mappings, and can create more.
fn in_a_child() {
    let inherited = map(PAGE);
    bytes_at(inherited, PAGE).fill(0x11);
    let child = Child::start(|| {
        let own = [(); 3].map(|()| map(2 * PAGE));
        for (number, start) in own.into_iter().enumerate() {
            check::equal("overlap", (start..start + 2 * PAGE).contains(&inherited), false);
            is(start, 2 * PAGE, 0);
            bytes_at(start, 2 * PAGE).fill(0x20 + number as u8);
        }
        for (number, start) in own.into_iter().enumerate() {
            is(start, 2 * PAGE, 0x20 + number as u8);
        }
        is(inherited, PAGE, 0x11);
        unmap(inherited, PAGE);
        0
    });
    child.exits("child with mappings of its own", 0);
    is(inherited, PAGE, 0x11);
    unmap(inherited, PAGE);
}

/// Mapped, unmapped, mapped again: every page is inaccessible right after its unmapping.
fn unmapped() {
    const PAGES: usize = 4;
    for page in 0..PAGES {
        for how in [Use::Read, Use::Write] {
            refuses(format_args!("{how:?} of page {page}, unmapped"), how, || {
                let start = map(PAGES * PAGE);
                bytes_at(start, PAGES * PAGE).fill(0x33);
                unmap(start, PAGES * PAGE);
                start + page * PAGE + 5
            });
        }
    }
}

/// The rest of a mapping after its middle page was unmapped, and then the pages around it.
fn parts_unmapped() {
    let start = map(5 * PAGE);
    bytes_at(start, 5 * PAGE).fill(0x44);
    // A length below a page unmaps the whole page.
    unmap(start + 2 * PAGE, 1);
    for page in [0, 1, 3, 4] {
        is(start + page * PAGE, PAGE, 0x44);
    }
    refuses("read of the hole", Use::Read, || start + 2 * PAGE);
    refuses("read of the hole's end", Use::Read, || start + 3 * PAGE - 1);
    // Across the hole, and once more where nothing is mapped.
    unmap(start + PAGE, 3 * PAGE);
    unmap(start + PAGE, 3 * PAGE);
    for page in [0, 4] {
        is(start + page * PAGE, PAGE, 0x44);
    }
    for page in [1, 2, 3] {
        refuses(format_args!("read of page {page}"), Use::Read, || start + page * PAGE);
    }
    unmap(start, 5 * PAGE);
}

fn lowered_break() {
    let start = memory::brk(0).next_multiple_of(PAGE);
    check::equal("break at a page's start", memory::brk(start), start);
    for page in 1..4 {
        for how in [Use::Read, Use::Write] {
            refuses(format_args!("{how:?} of page {page} above the break"), how, || {
                check::equal("raised break", memory::brk(start + 4 * PAGE), start + 4 * PAGE);
                bytes_at(start, 4 * PAGE).fill(0x55);
                check::equal("lowered break", memory::brk(start + PAGE), start + PAGE);
                start + page * PAGE
            });
        }
    }
    let child = Child::start(|| {
        check::equal("raised break", memory::brk(start + 4 * PAGE), start + 4 * PAGE);
        bytes_at(start, 4 * PAGE).fill(0x55);
        // The page that contains the break stays mapped.
        check::equal("lowered break", memory::brk(start + PAGE + 1), start + PAGE + 1);
        is(start, PAGE + 1, 0x55);
        check::equal("raised again", memory::brk(start + 4 * PAGE), start + 4 * PAGE);
        is(start, PAGE + 1, 0x55);
        is(start + 2 * PAGE, 2 * PAGE, 0);
        check::equal("lowered to the start", memory::brk(start), start);
        check::equal("raised from the start", memory::brk(start + PAGE), start + PAGE);
        is(start, PAGE, 0);
        0
    });
    child.exits("child that lowers and raises the break", 0);
}

/// Reused memory is zeroed again.
fn zeroed_again() {
    const BYTES: usize = 64 * PAGE;
    for round in 1..4 {
        let start = map(BYTES);
        is(start, BYTES, 0);
        bytes_at(start, BYTES).fill(round);
        unmap(start, BYTES);
    }
}

fn wrong_requests() {
    let anywhere = MAP_PRIVATE | MAP_ANONYMOUS;
    let cases = [
        (0, READ_WRITE, anywhere, Errno::EINVAL),
        (PAGE as u64, 8, anywhere, Errno::EINVAL),
        (PAGE as u64, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, Errno::EINVAL),
        (PAGE as u64, READ_WRITE, MAP_ANONYMOUS, Errno::EINVAL),
        (PAGE as u64, READ_WRITE, anywhere | MAP_FIXED, Errno::EINVAL),
        (PAGE as u64, READ_WRITE, MAP_PRIVATE, Errno::ENODEV),
        (1 << 40, READ_WRITE, anywhere, Errno::ENOMEM),
        (1 << 62, READ_WRITE, anywhere, Errno::ENOMEM),
        (u64::MAX, PROT_NONE, anywhere, Errno::ENOMEM),
    ];
    for (bytes, protection, flags, errno) in cases {
        // SAFETY: the kernel must refuse it, and otherwise it would be new memory.
        let answer = unsafe { ulib::call(MMAP, [0, bytes, protection.into(), flags.into(), u64::MAX, 0]) };
        check::error(format_args!("mmap of {bytes:#x}, {protection:#x}, {flags:#x}"), answer, errno);
    }
    let start = map(2 * PAGE);
    bytes_at(start, 2 * PAGE).fill(0x66);
    let cases = [
        (start, 0),
        (start + 1, PAGE),
        (start + PAGE - 1, 1),
        (KERNEL_ADDRESS, PAGE),
        (start, usize::MAX - start),
        (start, usize::MAX),
    ];
    for (address, bytes) in cases {
        // SAFETY: the kernel must refuse it.
        let answer = unsafe { memory::unmap(address, bytes) };
        check::error(format_args!("munmap of {bytes:#x} at {address:#x}"), answer, Errno::EINVAL);
    }
    is(start, 2 * PAGE, 0x66);
    let end = memory::brk(0);
    let wrong_breaks = || {
        for wrong in [1, PAGE, start, KERNEL_ADDRESS, usize::MAX] {
            check::equal(format_args!("break after a request for {wrong:#x}"), memory::brk(wrong), end);
        }
        0
    };
    Child::start(wrong_breaks).exits("child that asks for wrong breaks", 0);
    wrong_breaks();
    unmap(start, 2 * PAGE);
    allows("the heap after wrong requests", Use::Write, || check::ok("heap", memory::grow(PAGE)));
}
