//! Links the kernel with the script of its architecture, which crate `parity-arch` names.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DEP_PARITY_ARCH_LINKER_SCRIPT");
    let script = std::env::var("DEP_PARITY_ARCH_LINKER_SCRIPT").expect("parity-arch names its linker script");
    println!("cargo:rustc-link-arg-bins=-T{script}");
    // The kernel runs where it is linked. Some targets would have it move, and put relocations into it that
    // nobody applies.
    println!("cargo:rustc-link-arg-bins=--no-pie");
}
