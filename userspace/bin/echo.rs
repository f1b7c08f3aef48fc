//! `echo [-n] [WORD]...`: prints the words separated by spaces, and a line feed unless the first word is
//! `-n`.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::tool::Tool;

ulib::program!(main);

fn main(args: &Args) -> i32 {
    let mut tool = Tool::new(args);
    let bare = args.get(1) == Some(b"-n");
    for (number, word) in args.iter().skip(if bare { 2 } else { 1 }).enumerate() {
        if number > 0 {
            tool.print(b" ");
        }
        tool.print(word);
    }
    if !bare {
        tool.print(b"\n");
    }
    tool.finish()
}
