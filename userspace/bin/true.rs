//! `true`: does nothing, with exit code 0.
#![no_std]
#![no_main]

use ulib::Args;

ulib::program!(main);

fn main(_: &Args) -> i32 {
    0
}
