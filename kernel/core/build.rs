//! Links the kernel with the linker script of its architecture, whose path crate `parity-arch` provides.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=DEP_PARITY_ARCH_LINKER_SCRIPT");
    let script = std::env::var("DEP_PARITY_ARCH_LINKER_SCRIPT").expect("parity-arch names its linker script");
    println!("cargo:rustc-link-arg-bins=-T{script}");
    // The kernel runs at its link address. Some targets default to a position-independent executable, whose
    // relocations no loader would apply.
    println!("cargo:rustc-link-arg-bins=--no-pie");
}
