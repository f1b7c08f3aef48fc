//! `tail [-n LINES | -c BYTES] [FILE]...`: prints the end of each file, by default 10 lines; with several
//! files, each file's name before it. Standard input for `-` and without files.
#![no_std]
#![no_main]

mod extent;

use extent::{Extent, from_arguments, print_title};
use ulib::tool::Tool;
use ulib::{Args, memory};

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
        // A pipe cannot be read backwards, so everything is kept.
        let content = memory::read_to_end(input.fd)?;
        tool.print(&content[start(content, extent)..]);
        Ok(())
    });
    tool.finish()
}

/// Start of the part to print.
fn start(content: &[u8], extent: Extent) -> usize {
    let wanted = |count| usize::try_from(count).unwrap_or(usize::MAX);
    match extent {
        Extent::Lines(0) => content.len(),
        Extent::Lines(count) => {
            // The line feed at the end does not start a line.
            let before_last = &content[..content.len().saturating_sub(1)];
            let mut ends = before_last.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
            ends.nth(wanted(count) - 1).map_or(0, |(place, _)| place + 1)
        }
        Extent::Bytes(count) => content.len().saturating_sub(wanted(count)),
    }
}
