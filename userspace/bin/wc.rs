//! `wc [-lwc] [FILE]...`: counts lines, words and bytes of each file, by default all three; with several
//! files also the sums. Standard input for `-` and without files.
#![no_std]
#![no_main]

use core::fmt::Write;

use ulib::Args;
use ulib::options::Options;
use ulib::tool::{Tool, read_parts};

ulib::program!(main);

/// Which counts to print, in the order of [`Counts`].
type Chosen = [bool; 3];

/// Lines, words, bytes. A line ends in a line feed; words are separated by white space.
type Counts = [u64; 3];

fn main(args: &Args) -> i32 {
    let mut tool = Tool::new(args);
    let mut options = Options::new(args);
    let mut chosen: Chosen = [false; 3];
    while let Some(letter) = options.letter() {
        match letter {
            b'l' => chosen[0] = true,
            b'w' => chosen[1] = true,
            b'c' => chosen[2] = true,
            _ => tool.refuse_option(letter),
        }
    }
    if chosen == [false; 3] {
        chosen = [true; 3];
    }
    let operands = options.operands();
    let several = operands.len() > 1;
    let mut sums: Counts = [0; 3];
    tool.inputs(operands, |tool, input| {
        let mut counts: Counts = [0; 3];
        let mut in_word = false;
        let read = read_parts(input.fd, |part| {
            count(part, &mut counts, &mut in_word);
            true
        });
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
        read.map(|()| print(tool, counts, chosen, input.name))
    });
    if several {
        print(&mut tool, sums, chosen, b"total");
    }
    tool.finish()
}

fn count(part: &[u8], [lines, words, bytes]: &mut Counts, in_word: &mut bool) {
    *bytes += part.len() as u64;
    for byte in part {
        *lines += u64::from(*byte == b'\n');
        let in_word_now = !(byte.is_ascii_whitespace() || *byte == b'\x0b');
        *words += u64::from(in_word_now && !*in_word);
        *in_word = in_word_now;
    }
}

fn print(tool: &mut Tool, counts: Counts, chosen: Chosen, name: &[u8]) {
    let mut separator = "";
    for (count, _) in counts.iter().zip(chosen).filter(|(_, chosen)| *chosen) {
        // A write to a tool never fails: it exits instead.
        let _ = write!(tool, "{separator}{count}");
        separator = " ";
    }
    if !name.is_empty() {
        tool.print(b" ");
        tool.print(name);
    }
    tool.print(b"\n");
}
