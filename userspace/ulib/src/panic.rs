//! A panic ends the program with a distinct exit code.

use core::panic::PanicInfo;

const EXIT_PANIC: i32 = 101;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    crate::eprintln!("{info}");
    crate::process::exit(EXIT_PANIC)
}
