//! The kernel image: its location, and the permissions of its sections.

use alloc::format;

use parity_arch::exception::ALL;
use parity_arch::mem::virt_to_phys;

use crate::exceptions::raised;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, tests};

tests! { "boot_tests", "kernel_build": image }

static IN_DATA: u32 = 1;

/// The image is in memory that is never allocated; code is not writable, data is not executable.
fn image(fixture: &mut Fixture) -> Outcome {
    let boot = fixture.boot;
    let (kernel, memory, free) = (&boot.kernel_image, &boot.memory, &boot.free_memory);
    ensure!(
        memory.contains(&kernel.start) && kernel.end <= memory.end,
        "{kernel:?} is not inside {memory:?}"
    );
    ensure!(memory.contains(&free.start) && free.end <= memory.end, "{free:?} is not inside {memory:?}");
    ensure!(free.start >= kernel.end || free.end <= kernel.start, "{free:?} holds the kernel's {kernel:?}");
    let code = virt_to_phys(image as *const ());
    let data = virt_to_phys(&raw const IN_DATA);
    for (what, address) in [("code", code), ("data", data)] {
        ensure!(kernel.contains(&address), "{what} at {address} is outside of {kernel:?}");
    }
    for name in ["write_code", "execute_data"] {
        let exception = ALL.iter().find(|exception| exception.name == name);
        let exception = exception.ok_or_else(|| format!("this architecture cannot raise {name}"))?;
        raised(exception).map_err(|complaint| format!("{name}: {complaint}"))?;
    }
    Ok(format!("{} KiB", (kernel.end - kernel.start) / 1024))
}
