//! `cat [FILE]...`: prints files one after another; standard input for `-` and without files.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::options::Options;
use ulib::tool::{Tool, read_parts};

ulib::program!(main);

fn main(args: &Args) -> i32 {
    let mut tool = Tool::new(args);
    let mut options = Options::new(args);
    if let Some(letter) = options.letter() {
        tool.refuse_option(letter);
    }
    tool.inputs(options.operands(), |tool, input| {
        read_parts(input.fd, |part| {
            tool.print(part);
            // The next program in a pipe may wait for this output.
            tool.flush();
            true
        })
    });
    tool.finish()
}
