//! Links every program of this package with the arguments from `ulib`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let arguments = std::env::var("DEP_ULIB_LINK_ARGUMENTS").expect("ulib provides the link arguments");
    for argument in arguments.split(';') {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
