//! Spins for ever.
#![no_std]
#![no_main]

use ulib::Args;

ulib::program!(main);

fn main(_: &Args) -> i32 {
    loop {
        core::hint::spin_loop();
    }
}
