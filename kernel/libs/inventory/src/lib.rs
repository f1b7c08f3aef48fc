//! The inventory: a list of the kernel's parts, written where each is defined, which the host reads from the ELF file.
//! It compares two architectures by the parts that were linked, not by their source files.
//!
//! The section `.inventory` has one line per entry, in no order: a kind (one word), a space, a name, and optionally a
//! colon and the implementation on this architecture. The linker script keeps the section, which is not loaded.
#![no_std]

/// Adds an entry: `inventory!("driver", "console: PL011")`. Both texts are literals, or macros that expand to one.
#[macro_export]
macro_rules! inventory {
    ($kind:expr, $name:expr) => {
        const _: () = {
            const LINE: &str = concat!($kind, " ", $name, "\n");
            #[used]
            #[unsafe(link_section = ".inventory")]
            static ENTRY: [u8; LINE.len()] = $crate::bytes(LINE);
        };
    };
}

/// The bytes of a text of exactly `N` bytes. A reference would leave the text in another section.
#[must_use]
pub const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    match text.as_bytes().first_chunk() {
        Some(bytes) if text.len() == N => *bytes,
        _ => panic!("another length"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_is_its_bytes() {
        assert_eq!(super::bytes::<4>("call"), *b"call");
    }

    #[test]
    #[should_panic(expected = "another length")]
    fn a_longer_text_is_not_cut() {
        let _: [u8; 2] = super::bytes("call");
    }
}
