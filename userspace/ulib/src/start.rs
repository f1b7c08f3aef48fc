//! From the first instruction to `main`.

use core::ffi::{CStr, c_char};

/// The program's arguments, as the kernel left them on the stack: their number, a pointer to each, a null
/// pointer.
#[derive(Clone, Copy, Debug)]
pub struct Args {
    stack: *const usize,
}

impl Args {
    /// How many the kernel says there are, the program's name included.
    #[must_use]
    pub fn count(&self) -> usize {
        // SAFETY: the kernel's stack begins with the count; nobody writes to it.
        unsafe { *self.stack }
    }

    /// Where the count stands: the stack pointer at the program's start.
    #[must_use]
    pub fn address(&self) -> usize {
        self.stack.addr()
    }

    /// The pointers behind the count, up to and including what should be the null pointer.
    #[must_use]
    pub fn pointers(&self) -> &'static [*const c_char] {
        // SAFETY: the kernel's stack holds as many pointers as it says, and one more.
        unsafe { core::slice::from_raw_parts(self.stack.add(1).cast(), self.count() + 1) }
    }

    /// An argument's bytes; number 0 is the program's name.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&'static [u8]> {
        self.c_str(number).map(CStr::to_bytes)
    }

    /// As [`get`](Self::get), with the NUL that calls want.
    #[must_use]
    pub fn c_str(&self, number: usize) -> Option<&'static CStr> {
        let pointer = *self.pointers()[..self.count()].get(number)?;
        // SAFETY: the kernel made it a C string on the stack, which lives as long as the program.
        Some(unsafe { CStr::from_ptr(pointer) })
    }

    /// All arguments, the program's name first.
    pub fn iter(&self) -> impl Iterator<Item = &'static [u8]> + '_ {
        (0..self.count()).filter_map(|number| self.get(number))
    }
}

unsafe extern "Rust" {
    /// Defined by [`program!`](crate::program) or [`test!`](crate::test).
    safe fn ulib_main(args: &Args) -> i32;
}

/// Called by `_start` with the stack pointer it found.
#[unsafe(no_mangle)]
extern "C" fn ulib_start(stack: *const usize) -> ! {
    crate::process::exit(ulib_main(&Args { stack }))
}

/// Makes `fn(&Args) -> i32` the program; the number is its exit code.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        // SAFETY: the start code declares the function so, and a program has one.
        #[unsafe(no_mangle)]
        fn ulib_main(args: &$crate::Args) -> i32 {
            $main(args)
        }
    };
}

/// Makes `fn(&Args)` a test program: exit code 0 if it returns and has checked something.
#[macro_export]
macro_rules! test {
    ($main:path) => {
        fn run_checks(args: &$crate::Args) -> i32 {
            $main(args);
            $crate::check::finish(args)
        }
        $crate::program!(run_checks);
    };
}
