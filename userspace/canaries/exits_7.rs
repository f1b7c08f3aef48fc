//! Exits with 7, as no other program does.
#![no_std]
#![no_main]

use ulib::Args;

ulib::program!(main);

fn main(_: &Args) -> i32 {
    7
}
