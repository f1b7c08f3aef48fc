//! The first argument that `argv_test` takes: the digest of all others.

use core::ffi::CStr;
use core::fmt::{self, Write};

use ulib::hash;

/// `--fnv1a=HEX` and a NUL.
pub struct Digest {
    text: [u8; 25],
    len: usize,
}

impl Digest {
    /// The digest of a program's name and its arguments without this one.
    pub fn of(arguments: &[&CStr]) -> Self {
        let mut digest = Self { text: *b"--fnv1a=0000000000000000\0", len: b"--fnv1a=".len() };
        let hash = hash::fnv1a(arguments.iter().map(|argument| argument.to_bytes()));
        write!(digest, "{hash:016x}").expect("16 digits fit");
        digest
    }

    /// The digest as an argument.
    pub fn c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.text).expect("ends in NUL")
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.text.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
