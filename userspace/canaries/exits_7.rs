//! Ends with 7, which nothing else does.
#![no_std]
#![no_main]

use ulib::Args;

ulib::program!(main);

fn main(_: &Args) -> i32 {
    7
}
