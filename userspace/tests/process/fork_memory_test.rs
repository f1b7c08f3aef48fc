//! `fork` gives the child its own memory: stack, heap and static data.
//!
//! Checks: the child starts with the parent's content; after that, writes of either are invisible to the
//! other, no matter which writes first, in every page, over two generations; the heap grows and shrinks
//! independently, and new memory is zeroed; memory from `mmap` is private too; many children in a row do not
//! change the parent's memory. Address space: mappings do not overlap; memory that was unmapped, in whole or
//! in part, or is above a lowered break is inaccessible at once, and the rest stays; permissions to read,
//! write and execute hold page by page, in copies as well, and for calls with buffers across two pages;
//! `munmap`, the break, the end of a process, and exec free memory; EINVAL, ENODEV, ENOMEM.
#![no_std]
#![no_main]

mod given_back;
mod mappings;
mod permissions;

use core::hint::black_box;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use ulib::abi::memory::{PROT_READ, PROT_WRITE};
use ulib::child::Child;
use ulib::io::Pipe;
use ulib::{Args, check, io, memory};

ulib::test!(main);

const PAGE: usize = 4096;
const STACK_BYTES: usize = 3 * PAGE + 17;
const HEAP_BYTES: usize = 20 * PAGE;
const MAPPED_BYTES: usize = 5 * PAGE;
const STATIC_BYTES: usize = 2 * PAGE;

static DATA: [AtomicU8; STATIC_BYTES] = [const { AtomicU8::new(7) }; STATIC_BYTES];
static ZEROED: [AtomicU8; STATIC_BYTES] = [const { AtomicU8::new(0) }; STATIC_BYTES];

fn main(_: &Args) {
    let mut stack = [0; STACK_BYTES];
    let mut memory = Memory {
        stack: black_box(&mut stack),
        heap: check::ok("heap", memory::leak(HEAP_BYTES)),
        mapped: map(MAPPED_BYTES),
    };
    memory.is_fresh();
    child_writes_first(&mut memory);
    parent_writes_first(&mut memory);
    generations(&mut memory);
    many_children(&mut memory);
    break_of_its_own();
    mappings::checks();
    permissions::checks();
    given_back::checks();
}

fn map(bytes: usize) -> &'static mut [u8] {
    let address = check::ok("mmap", memory::map(bytes, PROT_READ | PROT_WRITE));
    // SAFETY: the memory is new, exclusive, and never unmapped.
    unsafe { core::slice::from_raw_parts_mut(core::ptr::with_exposed_provenance_mut(address), bytes) }
}

/// All kinds of writable memory.
struct Memory<'a> {
    stack: &'a mut [u8; STACK_BYTES],
    heap: &'static mut [u8],
    mapped: &'static mut [u8],
}

impl Memory<'_> {
    /// Every byte gets a value that depends on its position; another seed gives another value for every byte.
    fn write(&mut self, seed: u8) {
        for (number, bytes) in [&mut self.stack[..], self.heap, self.mapped].into_iter().enumerate() {
            for (place, byte) in black_box(bytes).iter_mut().enumerate() {
                *byte = value(seed, number, place);
            }
        }
        for (number, bytes) in [&DATA, &ZEROED].into_iter().enumerate() {
            for (place, byte) in bytes.iter().enumerate() {
                byte.store(value(seed, 3 + number, place), Relaxed);
            }
        }
    }

    #[track_caller]
    fn is(&self, whose: &str, seed: u8) {
        let written = [("stack", &self.stack[..]), ("heap", self.heap), ("mapped memory", self.mapped)];
        for (number, (name, bytes)) in written.into_iter().enumerate() {
            let place = wrong(black_box(bytes).iter().copied(), seed, number);
            check::equal(format_args!("{whose} {name}: place of a wrong byte"), place, None);
        }
        for (number, (name, bytes)) in [("data", &DATA), ("zeroed memory", &ZEROED)].into_iter().enumerate() {
            let place = wrong(bytes.iter().map(|byte| byte.load(Relaxed)), seed, 3 + number);
            check::equal(format_args!("{whose} {name}: place of a wrong byte"), place, None);
        }
    }

    fn is_fresh(&self) {
        for (name, bytes) in [("heap", &*self.heap), ("mapped memory", &*self.mapped)] {
            check::equal(format_args!("new {name} is zeroed"), bytes.iter().all(|byte| *byte == 0), true);
        }
        check::equal("data", DATA.iter().all(|byte| byte.load(Relaxed) == 7), true);
        check::equal("zeroed memory", ZEROED.iter().all(|byte| byte.load(Relaxed) == 0), true);
    }
}

fn value(seed: u8, number: usize, place: usize) -> u8 {
    // Pages differ from each other, and so do neighbouring bytes.
    seed ^ (place as u8).wrapping_mul(3) ^ (place / PAGE * 16 + number) as u8
}

fn wrong(bytes: impl Iterator<Item = u8>, seed: u8, number: usize) -> Option<usize> {
    bytes.enumerate().position(|(place, byte)| byte != value(seed, number, place))
}

fn pipe() -> Pipe {
    check::ok("pipe", io::pipe())
}

/// Signals the other process to continue.
fn tell(pipe: Pipe) {
    check::ok("turn given", io::write_all(pipe.write, b"t"));
}

fn await_turn(pipe: Pipe) {
    check::equal("turn taken", io::read(pipe.read, &mut [0]), Ok(1));
}

fn close(pipes: [Pipe; 2]) {
    for pipe in pipes {
        check::ok("close", io::close(pipe.read));
        check::ok("close", io::close(pipe.write));
    }
}

fn child_writes_first(memory: &mut Memory<'_>) {
    let (to_child, to_parent) = (pipe(), pipe());
    memory.write(1);
    let child = Child::start(|| {
        memory.is("child's inherited", 1);
        memory.write(2);
        tell(to_parent);
        await_turn(to_child);
        memory.is("child's own", 2);
        0
    });
    await_turn(to_parent);
    memory.is("parent's, after the child wrote,", 1);
    memory.write(3);
    tell(to_child);
    child.exits("child that writes first", 0);
    memory.is("parent's, after the child ended,", 3);
    close([to_child, to_parent]);
}

fn parent_writes_first(memory: &mut Memory<'_>) {
    let (to_child, to_parent) = (pipe(), pipe());
    memory.write(4);
    let child = Child::start(|| {
        await_turn(to_child);
        memory.is("child's, after the parent wrote,", 4);
        memory.write(5);
        tell(to_parent);
        0
    });
    memory.write(6);
    tell(to_child);
    await_turn(to_parent);
    memory.is("parent's own", 6);
    child.exits("child that writes second", 0);
    close([to_child, to_parent]);
}

/// Child and grandchild start with their parent's content, and change only their own.
fn generations(memory: &mut Memory<'_>) {
    memory.write(7);
    let child = Child::start(|| {
        memory.write(8);
        let grandchild = Child::start(|| {
            memory.is("grandchild's inherited", 8);
            memory.write(9);
            memory.is("grandchild's own", 9);
            0
        });
        grandchild.exits("grandchild", 0);
        memory.is("child's, after the grandchild ended,", 8);
        0
    });
    child.exits("child with a child", 0);
    memory.is("parent's, after both ended,", 7);
}

/// Several at a time, each with distinct values.
fn many_children(memory: &mut Memory<'_>) {
    for round in 0..5 {
        memory.write(10 + round);
        let children = [20, 30, 40, 50].map(|seed| {
            Child::start(|| {
                memory.is("child's inherited", 10 + round);
                memory.write(seed + round);
                memory.is("child's own", seed + round);
                seed.into()
            })
        });
        for (child, seed) in children.into_iter().zip([20, 30, 40, 50]) {
            child.exits("one of many children", seed);
        }
        memory.is("parent's, after many children,", 10 + round);
    }
}

/// Changes of the heap's size in one process do not affect the other.
fn break_of_its_own() {
    let end = memory::brk(0);
    let child = Child::start(|| {
        check::equal("child's end of the heap", memory::brk(0), end);
        let more = check::ok("child's heap", memory::leak(3 * PAGE));
        check::equal("child's new heap is zeroed", more.iter().all(|byte| *byte == 0), true);
        more.fill(0x55);
        check::equal("child's new end", memory::brk(0), end + 3 * PAGE);
        let shrunk = end - HEAP_BYTES / 2;
        check::equal("child's smaller heap", memory::brk(shrunk), shrunk);
        0
    });
    child.exits("child that moves its end of the heap", 0);
    check::equal("parent's end of the heap", memory::brk(0), end);
    let more = check::ok("parent's heap", memory::leak(3 * PAGE));
    check::equal("parent's new heap is zeroed", more.iter().all(|byte| *byte == 0), true);
}
