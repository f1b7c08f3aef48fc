//! The line discipline of terminals: it turns typed bytes into lines, echoes them and handles corrections.
//!
//! An interrupt handler calls it, so it allocates only at creation: it refuses input that finds no room, with a bell.
#![no_std]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Most bytes of an unfinished line, without its newline.
pub const LINE_MAX: usize = 255;
/// Most bytes that wait for a reader, including newlines.
pub const WAITING_MAX: usize = 4096;

const END_OF_INPUT: u8 = 0x04;
const INTERRUPT: u8 = 0x03;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const KILL: u8 = 0x15;
const BELL: u8 = 0x07;
const ERASED: &[u8] = b"\x08 \x08";

/// The unfinished line and the finished lines that wait for a reader.
#[derive(Debug)]
pub struct LineEditor {
    line: Vec<u8>,
    /// Bytes of finished lines; `None` is a typed end of input.
    waiting: VecDeque<Option<u8>>,
}

impl Default for LineEditor {
    fn default() -> Self {
        Self { line: Vec::with_capacity(LINE_MAX), waiting: VecDeque::with_capacity(WAITING_MAX) }
    }
}

impl LineEditor {
    /// Handles a typed byte. `echo` receives the bytes that the terminal must show.
    pub fn input(&mut self, byte: u8, mut echo: impl FnMut(&[u8])) {
        match byte {
            b'\r' | b'\n' => self.finish(Some(b'\n'), echo),
            END_OF_INPUT => self.finish(None, echo),
            // The kernel has no signals yet: ^C only discards the line.
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

    /// Reads at most one line with its newline and returns its bytes; 0 is the end of input. `None`: nothing to read.
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
        // An end of input right after a full buffer belongs to this read, not to the next one.
        if count > 0 && self.waiting.front() == Some(&None) {
            self.waiting.pop_front();
        }
        Some(count)
    }

    /// Moves the line to the finished ones if there is room for all of it.
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

    /// Removes the last character, with all its bytes if it is UTF-8.
    fn erase(&mut self, echo: &mut impl FnMut(&[u8])) {
        while let Some(byte) = self.line.pop() {
            if !matches!(byte, 0x80..=0xbf) {
                return echo(ERASED);
            }
        }
    }
}
