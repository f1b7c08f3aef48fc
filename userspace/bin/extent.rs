//! The part of a file that `head` and `tail` print, and the titles of several files.

use core::ffi::CStr;

use ulib::Args;
use ulib::options::{Options, number};
use ulib::tool::Tool;

/// Part of a file.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    Lines(u64),
    Bytes(u64),
}

const UNLESS_TOLD: Extent = Extent::Lines(10);

/// Parses `[-n LINES | -c BYTES] [FILE]...`.
pub fn from_arguments(
    tool: &mut Tool,
    args: &Args,
) -> (Extent, impl ExactSizeIterator<Item = &'static CStr> + use<>) {
    let mut options = Options::new(args);
    let mut extent = UNLESS_TOLD;
    while let Some(letter) = options.letter() {
        let extent_of: fn(u64) -> Extent = match letter {
            b'n' => Extent::Lines,
            b'c' => Extent::Bytes,
            _ => tool.refuse_option(letter),
        };
        let value = options.value().unwrap_or_default();
        match number(value) {
            Some(value) => extent = extent_of(value),
            None => tool.refuse(value, "no number"),
        }
    }
    (extent, options.operands())
}

/// Prints the title of a file among several.
pub fn print_title(tool: &mut Tool, name: &[u8], first: bool) {
    for part in [if first { b"" } else { &b"\n"[..] }, b"==> ", name, b" <==\n"] {
        tool.print(part);
    }
}
