//! The first program of an ordinary boot: prints a line and exits.
#![no_std]
#![no_main]

use ulib::{Args, println};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    println!("init: up");
    0
}
