//! `sh [-c LINE]`: a small shell. It reads lines from standard input, with a prompt on a terminal, or runs
//! the given line, and exits with the status of the last command.
//!
//! A line is a list of commands separated by `;`; a command is a list of programs separated by `|`, each with
//! its words. Both kinds of quotes and `\` escape special characters; `$?` is the last status, and `#` at the
//! start of a word begins a comment. Builtins: `cd [FOLDER]`, `exit [STATUS]`, `pwd`.
//!
//! As the first process it also reaps orphans.
#![no_std]
#![no_main]

mod builtin;
mod lines;
mod pipeline;
mod tokens;

use lines::Lines;
use tokens::Tokens;
use ulib::abi::fs::{S_IFCHR, S_IFMT, STDIN};
use ulib::abi::wait::WNOHANG;
use ulib::options::Options;
use ulib::{Args, eprintln, fs, print, println, process};

ulib::program!(main);

/// Status of a syntax error.
const STATUS_SYNTAX: u8 = 2;

fn main(args: &Args) -> i32 {
    let mut options = Options::new(args);
    match options.letter() {
        None => read_and_run().into(),
        Some(b'c') => run(options.value().unwrap_or_default(), 0).into(),
        Some(letter) => {
            eprintln!("sh: -{}: no such option", char::from(letter));
            STATUS_SYNTAX.into()
        }
    }
}

fn read_and_run() -> u8 {
    let terminal = fs::fstat(STDIN).is_ok_and(|stat| stat.mode & S_IFMT == S_IFCHR);
    let mut lines = Lines::new(STDIN);
    let mut status = 0;
    loop {
        if terminal {
            print!("$ ");
        }
        match lines.next() {
            Ok(Some(line)) => status = run(line, status),
            Ok(None) => {
                if terminal {
                    println!("");
                }
                return status;
            }
            Err(why) => {
                eprintln!("sh: standard input: {why}");
                return STATUS_SYNTAX;
            }
        }
        collect_orphans();
    }
}

/// Runs a line's commands; `status` is the status of the previous command.
fn run(line: &[u8], mut status: u8) -> u8 {
    let mut rest = line;
    while !rest.is_empty() {
        let tokens = match Tokens::of_command(&mut rest, status) {
            Ok(tokens) => tokens,
            Err(why) => {
                eprintln!("sh: {why}");
                return STATUS_SYNTAX;
            }
        };
        status = pipeline::run(&tokens, status).unwrap_or(status);
    }
    status
}

fn collect_orphans() {
    while let Ok(Some(_)) = process::wait(-1, WNOHANG) {}
}
