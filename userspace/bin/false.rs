//! `false`: does nothing, with exit code 1.
#![no_std]
#![no_main]

use ulib::Args;

ulib::program!(main);

fn main(_: &Args) -> i32 {
    1
}
