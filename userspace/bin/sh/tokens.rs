//! Splits a command into words.

use core::ffi::CStr;

use ulib::abi::limits::ARG_COUNT_MAX;

/// Maximum number of programs in a command.
pub const PROGRAMS_MAX: usize = 16;
/// Maximum number of words of all programs in a command.
const WORDS_MAX: usize = 2 * ARG_COUNT_MAX;
/// Maximum size of all words in bytes, with their NULs.
const TEXT_MAX: usize = 2048;

/// The words of a command's programs.
pub struct Tokens {
    text: [u8; TEXT_MAX],
    len: usize,
    /// Start of each word.
    words: [usize; WORDS_MAX],
    word_count: usize,
    /// Number of words up to the end of each program.
    ends: [usize; PROGRAMS_MAX],
    program_count: usize,
}

type Result<T> = core::result::Result<T, &'static str>;

impl Tokens {
    /// Removes a command from the start of `line`, including the `;` that ends it. An empty command has no
    /// words.
    pub fn of_command(line: &mut &[u8], status: u8) -> Result<Self> {
        let mut tokens = Self {
            text: [0; TEXT_MAX],
            len: 0,
            words: [0; WORDS_MAX],
            word_count: 0,
            ends: [0; PROGRAMS_MAX],
            program_count: 0,
        };
        loop {
            *line = line.trim_ascii_start();
            match line {
                [] | [b'#', ..] => {
                    *line = &[];
                    break;
                }
                [b';', rest @ ..] => {
                    *line = rest;
                    break;
                }
                [b'|', rest @ ..] => {
                    *line = rest;
                    tokens.end_program()?;
                }
                _ => tokens.word(line, status)?,
            }
        }
        if tokens.word_count > 0 || tokens.program_count > 0 {
            tokens.end_program()?;
        }
        Ok(tokens)
    }

    /// The words of each program; there is at least one program.
    pub fn programs(&self) -> impl ExactSizeIterator<Item = &[usize]> {
        (0..self.program_count).map(|number| {
            let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.words[start..self.ends[number]]
        })
    }

    /// The word that starts there.
    pub fn word_at(&self, start: usize) -> &CStr {
        CStr::from_bytes_until_nul(&self.text[start..]).expect("every word got a NUL")
    }

    fn end_program(&mut self) -> Result<()> {
        let start = self.program_count.checked_sub(1).map_or(0, |before| self.ends[before]);
        if self.word_count == start {
            return Err("a program is missing at a |");
        }
        *self.ends.get_mut(self.program_count).ok_or("too many programs")? = self.word_count;
        self.program_count += 1;
        Ok(())
    }

    fn word(&mut self, line: &mut &[u8], status: u8) -> Result<()> {
        *self.words.get_mut(self.word_count).ok_or("too many words")? = self.len;
        self.word_count += 1;
        let mut quote = None;
        loop {
            *line = match (*line, quote) {
                ([byte, rest @ ..], Some(open)) if *byte == open => {
                    quote = None;
                    rest
                }
                ([], Some(_)) => return Err("a quote is not closed"),
                ([b'$', b'?', rest @ ..], None | Some(b'"')) => {
                    self.number(status)?;
                    rest
                }
                ([b'\\', byte, rest @ ..], None | Some(b'"')) => {
                    self.byte(*byte)?;
                    rest
                }
                ([byte, rest @ ..], Some(_)) => {
                    self.byte(*byte)?;
                    rest
                }
                ([byte @ (b'\'' | b'"'), rest @ ..], None) => {
                    quote = Some(*byte);
                    rest
                }
                ([] | [b';' | b'|', ..], None) => break,
                ([byte, ..], None) if byte.is_ascii_whitespace() => break,
                ([byte, rest @ ..], None) => {
                    self.byte(*byte)?;
                    rest
                }
            };
        }
        self.byte(0)
    }

    fn byte(&mut self, byte: u8) -> Result<()> {
        *self.text.get_mut(self.len).ok_or("the words are too long")? = byte;
        self.len += 1;
        Ok(())
    }

    fn number(&mut self, number: u8) -> Result<()> {
        if number >= 10 {
            self.number(number / 10)?;
        }
        self.byte(b'0' + number % 10)
    }
}
