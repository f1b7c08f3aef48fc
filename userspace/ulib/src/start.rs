//! Program start: from the first instruction to `main`.

use core::ffi::{CStr, c_char};

/// The program's arguments, in the kernel's layout on the stack: their number, a pointer to each, a null
/// pointer.
#[derive(Clone, Copy, Debug)]
pub struct Args {
    stack: *const usize,
}

impl Args {
    /// Number of arguments, the program's name included.
    #[must_use]
    pub fn count(&self) -> usize {
        // SAFETY: the kernel's stack begins with the count, which is never written.
        unsafe { *self.stack }
    }

    /// Address of the count: the initial stack pointer.
    #[must_use]
    pub fn address(&self) -> usize {
        self.stack.addr()
    }

    /// The pointers after the count, including the terminating null pointer.
    #[must_use]
    pub fn pointers(&self) -> &'static [*const c_char] {
        // SAFETY: the kernel's stack holds as many pointers as the count says, and one more.
        unsafe { core::slice::from_raw_parts(self.stack.add(1).cast(), self.count() + 1) }
    }

    /// An argument's bytes; number 0 is the program's name.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&'static [u8]> {
        self.c_str(number).map(CStr::to_bytes)
    }

    /// As [`get`](Self::get), with the NUL for system calls.
    #[must_use]
    pub fn c_str(&self, number: usize) -> Option<&'static CStr> {
        let pointer = *self.pointers()[..self.count()].get(number)?;
        // SAFETY: the kernel put a C string on the stack, which exists as long as the program.
        Some(unsafe { CStr::from_ptr(pointer) })
    }

    /// All arguments; the program's name is first.
    pub fn iter(&self) -> impl Iterator<Item = &'static [u8]> + '_ {
        (0..self.count()).filter_map(|number| self.get(number))
    }
}

unsafe extern "Rust" {
    /// Defined by [`program!`](crate::program) or [`test!`](crate::test).
    safe fn ulib_main(args: &Args) -> i32;
}

/// Called by `_start` with the initial stack pointer.
#[unsafe(no_mangle)]
extern "C" fn ulib_start(stack: *const usize) -> ! {
    crate::process::exit(ulib_main(&Args { stack }))
}

/// Defines `fn(&Args) -> i32` as the program; the number is its exit code.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        // SAFETY: the start code declares the function with this signature, and a program has one such
        // function.
        #[unsafe(no_mangle)]
        fn ulib_main(args: &$crate::Args) -> i32 {
            $main(args)
        }
    };
}

/// Defines `fn(&Args)` as a test program: exit code 0 if it returns and has executed a check.
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
