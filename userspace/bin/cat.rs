//! `cat [FILE]...`: prints the files one after the other; standard input for `-` and without files.
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
            // A reader in a pipe waits for what is there.
            tool.flush();
            true
        })
    });
    tool.finish()
}
