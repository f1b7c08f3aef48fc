//! Passes the linker script of the target architecture to the crate that links the kernel, in
//! `DEP_PARITY_ARCH_LINKER_SCRIPT` (cargo's `links` metadata).

use std::env;
use std::path::PathBuf;

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets CARGO_CFG_TARGET_ARCH");
    let script = root.join("src").join(arch).join("kernel.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:linker_script={}", script.display());
}
