//! A program for tests of exec: prints a greeting and exits with 42.
#![no_std]
#![no_main]

use ulib::{Args, println};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    println!("Hello, world!");
    42
}
