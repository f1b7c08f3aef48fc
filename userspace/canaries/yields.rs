//! Yields for ever, while no other process is ready.
#![no_std]
#![no_main]

use ulib::{Args, process};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    loop {
        process::yield_now();
    }
}
