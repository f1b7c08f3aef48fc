//! `exec` reads path, vector and strings from the stack that it replaces.
//!
//! Checks: arguments built at run time on the stack, of lengths from 0 to the maximum and at odd addresses,
//! arrive unchanged (`argv_test` checks them in the new program), both deep in the stack and near its end; a
//! string across a page boundary; a vector across a page boundary; overlapping strings; changes in the parent
//! after the call have no effect on the child; the parent's strings are unchanged afterwards.
#![no_std]
#![no_main]

mod digest;

use core::ffi::CStr;
use core::hint::black_box;

use digest::Digest;
use ulib::abi::limits::ARG_BYTES_MAX;
use ulib::child::Child;
use ulib::{Args, check, process};

ulib::test!(main);

const PAGE: usize = 4096;
const ARGUMENTS: usize = 8;

fn main(_: &Args) {
    for round in 0..3 {
        short_strings(round);
    }
    deep_in_the_stack(4);
    longest_string();
    over_page_borders();
    overlapping_strings();
}

/// Runs `argv_test` by a path on the stack, with these arguments.
fn runs(name: &str, arguments: &[&CStr]) {
    let path: [u8; 15] = black_box(*b"/bin/argv_test\0");
    let path = c_str(&path);
    let mut vector = [c""; 2 + ARGUMENTS];
    vector[0] = path;
    vector[1..=arguments.len()].copy_from_slice(arguments);
    let digest = Digest::of(&vector[..=arguments.len()]);
    vector.copy_within(1..=arguments.len(), 2);
    vector[1] = digest.c_str();
    let child = Child::start(|| {
        let errno = process::exec(path, black_box(&vector[..2 + arguments.len()]));
        check::fail(name, "to run", errno)
    });
    child.exits(name, 0);
}

fn c_str(bytes: &[u8]) -> &CStr {
    CStr::from_bytes_until_nul(bytes).expect("ends in NUL")
}

/// Text that depends on the seed, without NUL.
fn fill(bytes: &mut [u8], seed: usize) {
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = 1 + ((place * 7 + seed * 31) % 255) as u8;
    }
}

/// Strings one after another, each starting right after the NUL of the one before.
fn short_strings(seed: usize) {
    let mut bytes = [0; 64];
    let mut starts = [0; ARGUMENTS];
    let mut end = 0;
    for (number, start) in starts.iter_mut().enumerate() {
        *start = end;
        fill(&mut bytes[end..end + number], seed + number);
        // The byte after it stays NUL.
        end += number + 1;
    }
    let before = bytes;
    let bytes = black_box(&mut bytes);
    let arguments = starts.map(|start| c_str(&bytes[start..]));
    runs("argv_test with strings on the stack", &arguments);
    check::bytes("strings after their use", black_box(bytes), &before);
}

/// Recursion with stack frames of a page or more, between the strings and the stack's upper end.
#[inline(never)]
fn deep_in_the_stack(frames: usize) {
    let mut frame = [0; PAGE];
    black_box(&mut frame).fill(frames as u8);
    if frames == 0 {
        short_strings(99);
    } else {
        deep_in_the_stack(frames - 1);
    }
    let kept = black_box(&frame).iter().all(|byte| *byte == frames as u8);
    check::equal("frame", kept, true);
}

fn longest_string() {
    let mut bytes = [0; ARG_BYTES_MAX];
    fill(&mut bytes[..ARG_BYTES_MAX - 1], 5);
    let argument = c_str(black_box(&bytes));
    check::equal("bytes of the longest argument", argument.count_bytes(), ARG_BYTES_MAX - 1);
    runs("argv_test with the longest string on the stack", &[argument, c"after", argument]);
}

#[repr(align(4096))]
struct Pages([u8; 2 * PAGE]);

fn over_page_borders() {
    let mut pages = Pages([0; 2 * PAGE]);
    let start = PAGE - 5;
    fill(&mut pages.0[start..start + 11], 6);
    let pages = black_box(&pages);
    runs("argv_test with a string over a border", &[c_str(&pages.0[start..])]);
    let whole = c_str(&pages.0[PAGE..]);
    check::equal("bytes of the string at the border", whole.count_bytes(), 6);
    runs("argv_test with a string at a border", &[whole]);
    vector_over_a_border();
}

/// The vector's second pointer is the last word of a page.
fn vector_over_a_border() {
    #[repr(align(4096))]
    struct Words([usize; 2 * PAGE / size_of::<usize>()]);
    const FIRST: usize = PAGE / size_of::<usize>() - 2;
    let mut words = Words([usize::MAX; 2 * PAGE / size_of::<usize>()]);
    let arguments = [c"argv_test", c"one", c"two"];
    let digest = Digest::of(&arguments);
    let vector = [arguments[0], digest.c_str(), arguments[1], arguments[2]];
    for (word, argument) in words.0[FIRST..].iter_mut().zip(vector) {
        *word = argument.as_ptr().expose_provenance();
    }
    words.0[FIRST + vector.len()] = 0;
    let child = Child::start(|| {
        let address = (&raw const black_box(&words).0[FIRST]).expose_provenance();
        let errno = process::exec_raw(c"/bin/argv_test".as_ptr().expose_provenance(), address);
        check::fail("exec with a vector over a border", "to run", errno)
    });
    child.exits("argv_test with a vector over a border", 0);
}

/// Each argument is a suffix of the one before, and one occurs twice.
fn overlapping_strings() {
    let bytes = black_box(*b"overlapping\0");
    let arguments = [0, 4, 4, 8, 11].map(|start| c_str(&bytes[start..]));
    runs("argv_test with strings that overlap", &arguments);
    check::bytes("strings after their use", black_box(&bytes), b"overlapping\0");
}
