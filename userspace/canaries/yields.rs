//! Gives the processor away for ever, to nobody.
#![no_std]
#![no_main]

use ulib::{Args, process};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    loop {
        process::yield_now();
    }
}
