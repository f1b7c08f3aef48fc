//! `head [-n LINES | -c BYTES] [FILE]...`: prints the beginning of each file, by default 10 lines; with
//! several files, each file's name before it. Standard input for `-` and without files.
#![no_std]
#![no_main]

mod extent;

use extent::{Extent, from_arguments, print_title};
use ulib::io::Fd;
use ulib::tool::{Tool, read_parts};
use ulib::{Args, Result};

ulib::program!(main);

fn main(args: &Args) -> i32 {
    let mut tool = Tool::new(args);
    let (extent, operands) = from_arguments(&mut tool, args);
    let titled = operands.len() > 1;
    let mut first = true;
    tool.inputs(operands, |tool, input| {
        if titled {
            print_title(tool, input.name, core::mem::take(&mut first));
        }
        head(tool, input.fd, extent)
    });
    tool.finish()
}

fn head(tool: &mut Tool, fd: Fd, mut left: Extent) -> Result<()> {
    if matches!(left, Extent::Lines(0) | Extent::Bytes(0)) {
        return Ok(());
    }
    read_parts(fd, |part| {
        let (count, more) = match &mut left {
            Extent::Lines(left) => lines(part, left),
            Extent::Bytes(left) => bytes(part, left),
        };
        tool.print(&part[..count]);
        more
    })
}

/// How many bytes of the part to print, and whether more input is needed.
fn lines(part: &[u8], left: &mut u64) -> (usize, bool) {
    for (place, _) in part.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        *left -= 1;
        if *left == 0 {
            return (place + 1, false);
        }
    }
    (part.len(), true)
}

/// As [`lines`].
fn bytes(part: &[u8], left: &mut u64) -> (usize, bool) {
    let count = part.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= count as u64;
    (count, *left > 0)
}
