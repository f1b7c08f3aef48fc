//! The line discipline of terminals: what somebody types becomes lines, with echo and corrections on the way.
//!
//! It is called from an interrupt, so it allocates once and never again: what finds no room is refused audibly.
#![no_std]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Most bytes of a line being typed, its newline not included.
pub const LINE_MAX: usize = 255;
/// Most bytes that wait for a reader, ends of lines included.
pub const WAITING_MAX: usize = 4096;

const END_OF_INPUT: u8 = 0x04;
const INTERRUPT: u8 = 0x03;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const KILL: u8 = 0x15;
const BELL: u8 = 0x07;
const ERASED: &[u8] = b"\x08 \x08";

/// Lines in the making and lines that wait for a reader.
#[derive(Debug)]
pub struct LineEditor {
    line: Vec<u8>,
    /// Finished bytes; `None` is an end of input that was typed.
    waiting: VecDeque<Option<u8>>,
}

impl Default for LineEditor {
    fn default() -> Self {
        Self { line: Vec::with_capacity(LINE_MAX), waiting: VecDeque::with_capacity(WAITING_MAX) }
    }
}

impl LineEditor {
    /// Takes a byte that was typed. `echo` gets what the terminal is to show.
    pub fn input(&mut self, byte: u8, mut echo: impl FnMut(&[u8])) {
        match byte {
            b'\r' | b'\n' => self.finish(Some(b'\n'), echo),
            END_OF_INPUT => self.finish(None, echo),
            // There is nobody to send a signal to: the line is given up.
            INTERRUPT => {
                self.line.clear();
                echo(b"^C\n");
            }
            BACKSPACE | DELETE => self.erase(&mut echo),
            KILL => {
                while !self.line.is_empty() {
                    self.erase(&mut echo);
                }
            }
            0..b' ' if byte != b'\t' => {}
            _ if self.line.len() == LINE_MAX => echo(&[BELL]),
            _ => {
                self.line.push(byte);
                echo(&[byte]);
            }
        }
    }

    /// What reading gives now: one line at most, its end included; 0 is the end of input. `None`: nothing yet.
    pub fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let mut count = 0;
        self.waiting.front()?;
        while count < buffer.len() {
            let Some(Some(byte)) = self.waiting.pop_front() else { return Some(count) };
            buffer[count] = byte;
            count += 1;
            if byte == b'\n' {
                return Some(count);
            }
        }
        // An end of input behind a full buffer ends what was read, not the next read.
        if count > 0 && self.waiting.front() == Some(&None) {
            self.waiting.pop_front();
        }
        Some(count)
    }

    /// Hands the line to the readers, if there is room for all of it.
    fn finish(&mut self, end: Option<u8>, mut echo: impl FnMut(&[u8])) {
        if self.waiting.len() + self.line.len() + 1 > WAITING_MAX {
            return echo(&[BELL]);
        }
        self.waiting.extend(self.line.drain(..).map(Some));
        self.waiting.push_back(end);
        if end.is_some() {
            echo(b"\n");
        }
    }

    /// Takes the last character back: all its bytes, if it is UTF-8.
    fn erase(&mut self, echo: &mut impl FnMut(&[u8])) {
        while let Some(byte) = self.line.pop() {
            if !matches!(byte, 0x80..=0xbf) {
                return echo(ERASED);
            }
        }
    }
}
