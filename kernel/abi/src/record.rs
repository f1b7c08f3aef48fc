//! Result channel: how the kernel tells the host what happened, apart from the console.
//!
//! A frame is [`MAGIC`], type `u8`, flags `u8` (0), payload length `u16`, payload, then the CRC-32 of
//! IEEE 802.3 over everything between magic and CRC. Integers are little endian. The last field of a
//! payload is text that takes the rest of it: bytes chosen by users, so data, never trusted.
//! Crate `parity-record` encodes.

/// First bytes of every frame.
pub const MAGIC: [u8; 2] = *b"PR";
/// Version that [`HELLO`] announces.
///
/// 1: the types up to [`SHUTDOWN`]; 2: [`EXEC_FAILED`] and [`SHUTDOWN_NO_INIT`] as well.
pub const VERSION: u16 = 2;
/// Bytes before the payload: magic, type, flags, length.
pub const HEADER_BYTES: usize = 6;
/// Bytes after the payload: the CRC.
pub const CRC_BYTES: usize = 4;
/// Largest payload in bytes.
pub const PAYLOAD_MAX: usize = 2048;
/// Text at the end of a payload is cut to so many bytes.
pub const TEXT_MAX: usize = 1024;
/// The name in [`TEST_END`], which text follows, is cut to so many bytes.
pub const TEST_NAME_MAX: usize = 255;
/// Largest frame in bytes.
pub const FRAME_MAX: usize = HEADER_BYTES + PAYLOAD_MAX + CRC_BYTES;

/// `version u16, arch u8, pad u8, cpus u16, pad u16, features` (comma list)
pub const HELLO: u8 = 1;
/// `name`: a boot stage was reached.
pub const STAGE: u8 = 2;
/// `pid u32, ppid u32, program`
pub const PROC_START: u8 = 3;
/// `pid u32, ppid u32, status i32` (see [`crate::wait`])`, survivor u8` (1 = killed at shutdown)`, program`
pub const PROC_END: u8 = 4;
/// `count u32`: in-kernel tests announced
pub const TEST_PLAN: u8 = 5;
/// `name`
pub const TEST_START: u8 = 6;
/// `status u8, name_len u16, name, message`
pub const TEST_END: u8 = 7;
/// `cpu u16, pad u16, message` ("file:line:column: text")
pub const PANIC: u8 = 8;
/// `reason u8`
pub const SHUTDOWN: u8 = 9;
/// `errno u32` (see [`crate::Errno`])`, program`: PID 1 could not be started
pub const EXEC_FAILED: u8 = 10;

/// `arch` of [`HELLO`].
pub const ARCH_AARCH64: u8 = 1;
/// `arch` of [`HELLO`].
pub const ARCH_X86_64: u8 = 2;

/// `status` of [`TEST_END`].
pub const TEST_OK: u8 = 0;
/// `status` of [`TEST_END`].
pub const TEST_FAILED: u8 = 1;
/// `status` of [`TEST_END`].
pub const TEST_SKIPPED: u8 = 2;

/// `reason` of [`SHUTDOWN`]: PID 1 ended.
pub const SHUTDOWN_INIT_ENDED: u8 = 0;
/// `reason` of [`SHUTDOWN`]: the in-kernel run is over.
pub const SHUTDOWN_TESTS_DONE: u8 = 1;
/// `reason` of [`SHUTDOWN`]: PID 1 could not be started.
pub const SHUTDOWN_NO_INIT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_header_its_payload_and_its_check() {
        assert_eq!(FRAME_MAX - PAYLOAD_MAX, HEADER_BYTES + CRC_BYTES);
    }
}
