//! Faults that kill a program, and accesses next to them that must succeed.

use core::hint::black_box;
use core::ptr;

use ulib::abi::limits::USER_STACK_BYTES;
use ulib::arch::{self, KERNEL_ADDRESS, store_byte};
use ulib::{Args, check, memory};

const PAGE: usize = 4096;

/// Causes the named fault.
pub fn make(name: &[u8], args: &Args) {
    match name {
        b"illegal_instruction" => arch::illegal_instruction(),
        b"privileged_instruction" => arch::privileged_instruction(),
        b"breakpoint" => arch::breakpoint(),
        b"null_pointer" => store(0),
        b"write_kernel" => store(KERNEL_ADDRESS),
        b"read_kernel" => load(KERNEL_ADDRESS),
        b"write_code" => store((make as *const ()).addr()),
        b"execute_stack" => execute(args.address()),
        b"stack_overflow" => store(stack_top(args) - USER_STACK_BYTES - 1),
        b"stack_underflow" => store(stack_top(args)),
        b"stack_recursion" => check::equal("depth", recurse(0), 0),
        b"heap_end" => {
            let start = check::ok("heap", memory::grow(PAGE));
            store(start + PAGE - 1);
            store(start + PAGE);
        }
        unknown => check::fail("work", "a known name", unknown.escape_ascii()),
    }
    check::fail(name.escape_ascii(), "the end of the program", "nothing");
}

/// Writes to every page of the stack, from the current one down to the last.
pub fn use_whole_stack(args: &Args) {
    let top = stack_top(args);
    let here = (&raw const *args).addr();
    check::less("place of a variable", here, top);
    check::less("bytes of stack in use", top - here, USER_STACK_BYTES / 2);
    let mut page = here / PAGE * PAGE;
    while page > top - USER_STACK_BYTES {
        page -= PAGE;
        store(page);
    }
    check::equal("lowest page", page, top - USER_STACK_BYTES);
}

/// End (exclusive) of the stack: the kernel's data at its upper end takes less than a page.
fn stack_top(args: &Args) -> usize {
    args.address().next_multiple_of(PAGE)
}

fn store(address: usize) {
    // SAFETY: the memory is mapped and unused, or the program is meant to be killed.
    unsafe { store_byte(address) };
}

fn load(address: usize) {
    // SAFETY: the program is meant to be killed.
    let byte = unsafe { ptr::with_exposed_provenance::<u8>(address).read_volatile() };
    check::fail("reading", "the end of the program", byte);
}

fn execute(address: usize) {
    let code: *const () = ptr::with_exposed_provenance(address);
    // SAFETY: the program is meant to be killed.
    unsafe { core::mem::transmute::<*const (), extern "C" fn()>(code)() };
}

#[expect(unconditional_recursion, reason = "the stack ends it")]
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let kept = black_box([depth; 8]);
    black_box(recurse(depth + 1)) + kept[7]
}
