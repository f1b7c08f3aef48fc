//! Command line options: letters after a `-`, single or combined, some with a value; `--` ends them.

use core::ffi::CStr;

use crate::Args;

/// Parses a program's arguments after its name. A single `-` is an operand.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    args: &'a Args,
    /// Index of the next argument.
    next: usize,
    /// Remaining letters of the argument before it.
    letters: &'static [u8],
}

impl<'a> Options<'a> {
    /// Starts at the first argument.
    #[must_use]
    pub const fn new(args: &'a Args) -> Self {
        Self { args, next: 1, letters: &[] }
    }

    /// The next option's letter; `None` at the first operand.
    pub fn letter(&mut self) -> Option<u8> {
        if self.letters.is_empty() {
            let argument = self.args.get(self.next)?;
            match argument.strip_prefix(b"-") {
                None | Some([]) => return None,
                Some(b"-") => {
                    self.next += 1;
                    return None;
                }
                Some(letters) => self.letters = letters,
            }
            self.next += 1;
        }
        let (letter, rest) = self.letters.split_first()?;
        self.letters = rest;
        Some(*letter)
    }

    /// The value of the last option: the rest of its argument, or the next argument.
    pub fn value(&mut self) -> Option<&'static [u8]> {
        let rest = core::mem::take(&mut self.letters);
        if rest.is_empty() {
            self.next += 1;
            return self.args.get(self.next - 1);
        }
        Some(rest)
    }

    /// The operands after the options.
    pub fn operands(self) -> impl ExactSizeIterator<Item = &'static CStr> + use<> {
        let first = self.next.min(self.args.count());
        let args = *self.args;
        (first..args.count()).map(move |number| args.c_str(number).expect("the number is below the count"))
    }
}

/// Parses a decimal number without sign.
#[must_use]
pub fn number(text: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}
