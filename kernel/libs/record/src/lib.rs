//! Encoder of the result channel's frames; see [`parity_abi::record`] for the format.
//!
//! It allocates nothing and cannot fail, so that a panicking kernel can use it: it cuts texts that are too long, and
//! the buffer always has room for the largest frame.
#![no_std]

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use parity_abi::record as abi;
pub use parity_abi::record::{ARCH_AARCH64, ARCH_X86_64, FRAME_MAX};

// Frames are few and short, so a table of 1 KiB is not worth its memory.
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// How an in-kernel test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TestStatus {
    Ok = abi::TEST_OK,
    Failed = abi::TEST_FAILED,
    Skipped = abi::TEST_SKIPPED,
}

/// Why the kernel shuts the machine down in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    InitEnded = abi::SHUTDOWN_INIT_ENDED,
    TestsDone = abi::SHUTDOWN_TESTS_DONE,
    NoInit = abi::SHUTDOWN_NO_INIT,
}

/// A message of the kernel to the host. Texts are bytes, because programs choose some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    Hello { arch: u8, cpus: u16, features: &'a [u8] },
    Stage { name: &'a [u8] },
    ProcStart { pid: u32, ppid: u32, program: &'a [u8] },
    ProcEnd { pid: u32, ppid: u32, status: i32, survivor: bool, program: &'a [u8] },
    TestPlan { count: u32 },
    TestStart { name: &'a [u8] },
    TestEnd { status: TestStatus, name: &'a [u8], message: &'a [u8] },
    Panic { cpu: u16, message: &'a [u8] },
    Shutdown { reason: Reason },
    ExecFailed { errno: u32, program: &'a [u8] },
}

impl Record<'_> {
    /// Writes the record's frame to the start of `buffer` and returns the frame.
    pub fn encode<'b>(&self, buffer: &'b mut [u8; FRAME_MAX]) -> &'b [u8] {
        let mut frame = Frame::new(buffer, self.kind());
        match *self {
            Self::Hello { arch, cpus, features } => {
                frame.u16(abi::VERSION).u8(arch).u8(0).u16(cpus).u16(0).text(features)
            }
            Self::Stage { name } | Self::TestStart { name } => frame.text(name),
            Self::ProcStart { pid, ppid, program } => frame.u32(pid).u32(ppid).text(program),
            Self::ProcEnd { pid, ppid, status, survivor, program } => {
                let status = status.cast_unsigned();
                frame.u32(pid).u32(ppid).u32(status).u8(survivor.into()).text(program)
            }
            Self::TestPlan { count } => frame.u32(count),
            Self::TestEnd { status, name, message } => {
                let name = &name[..name.len().min(abi::TEST_NAME_MAX)];
                frame.u8(status as u8).u16(name.len() as u16).bytes(name).text(message)
            }
            Self::Panic { cpu, message } => frame.u16(cpu).u16(0).text(message),
            Self::Shutdown { reason } => frame.u8(reason as u8),
            Self::ExecFailed { errno, program } => frame.u32(errno).text(program),
        };
        frame.finish()
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => abi::HELLO,
            Self::Stage { .. } => abi::STAGE,
            Self::ProcStart { .. } => abi::PROC_START,
            Self::ProcEnd { .. } => abi::PROC_END,
            Self::TestPlan { .. } => abi::TEST_PLAN,
            Self::TestStart { .. } => abi::TEST_START,
            Self::TestEnd { .. } => abi::TEST_END,
            Self::Panic { .. } => abi::PANIC,
            Self::Shutdown { .. } => abi::SHUTDOWN,
            Self::ExecFailed { .. } => abi::EXEC_FAILED,
        }
    }
}

// The longest payloads: fixed fields with a text, and the name and message of a test.
const _: () = assert!(16 + abi::TEXT_MAX <= abi::PAYLOAD_MAX);
const _: () = assert!(3 + abi::TEST_NAME_MAX + abi::TEXT_MAX <= abi::PAYLOAD_MAX);

/// An unfinished frame.
struct Frame<'b> {
    buffer: &'b mut [u8; FRAME_MAX],
    len: usize,
}

impl<'b> Frame<'b> {
    fn new(buffer: &'b mut [u8; FRAME_MAX], kind: u8) -> Self {
        let mut frame = Self { buffer, len: 0 };
        // `finish` fills in the length.
        frame.bytes(&abi::MAGIC).u8(kind).u8(0).u16(0);
        frame
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let end = self.len + bytes.len();
        self.buffer[self.len..end].copy_from_slice(bytes);
        self.len = end;
        self
    }

    fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A text, which takes the rest of the payload.
    fn text(&mut self, text: &[u8]) -> &mut Self {
        self.bytes(&text[..text.len().min(abi::TEXT_MAX)])
    }

    fn finish(mut self) -> &'b [u8] {
        let payload = (self.len - abi::HEADER_BYTES) as u16;
        self.buffer[abi::HEADER_BYTES - 2..abi::HEADER_BYTES].copy_from_slice(&payload.to_le_bytes());
        let crc = CRC.checksum(&self.buffer[abi::MAGIC.len()..self.len]);
        self.u32(crc);
        &self.buffer[..self.len]
    }
}
