//! Result channel: structured records from the kernel to the host, separate from the console.
//!
//! A frame is [`MAGIC`], type `u8`, flags `u8` (0), payload length `u16`, payload, then the CRC-32 (IEEE
//! 802.3) of all bytes between magic and CRC. Integers are little endian. The last field of a payload is text
//! that fills the rest of the payload. Programs control its bytes, so the host treats them as untrusted data.
//! Crate `parity-record` encodes frames.

/// First bytes of every frame.
pub const MAGIC: [u8; 2] = *b"PR";
/// Protocol version in [`HELLO`].
///
/// 1: the types up to [`SHUTDOWN`]; 2: also [`EXEC_FAILED`] and [`SHUTDOWN_NO_INIT`].
pub const VERSION: u16 = 2;
/// Size of the fields before the payload in bytes: magic, type, flags, length.
pub const HEADER_BYTES: usize = 6;
/// Size of the CRC after the payload, in bytes.
pub const CRC_BYTES: usize = 4;
/// Largest payload in bytes.
pub const PAYLOAD_MAX: usize = 2048;
/// Maximum length in bytes of the text at the end of a payload; longer text is cut.
pub const TEXT_MAX: usize = 1024;
/// Maximum length in bytes of the name in [`TEST_END`], which text follows; a longer name is cut.
pub const TEST_NAME_MAX: usize = 255;
/// Largest frame in bytes.
pub const FRAME_MAX: usize = HEADER_BYTES + PAYLOAD_MAX + CRC_BYTES;

/// `version u16, arch u8, pad u8, cpus u16, pad u16, features` (comma list)
pub const HELLO: u8 = 1;
/// `name`: the boot reached this stage.
pub const STAGE: u8 = 2;
/// `pid u32, ppid u32, program`
pub const PROC_START: u8 = 3;
/// `pid u32, ppid u32, status i32` (see [`crate::wait`])`, survivor u8` (1 = ended by the shutdown)`,
/// program`
pub const PROC_END: u8 = 4;
/// `count u32`: number of in-kernel tests that will run
pub const TEST_PLAN: u8 = 5;
/// `name`
pub const TEST_START: u8 = 6;
/// `status u8, name_len u16, name, message`
pub const TEST_END: u8 = 7;
/// `cpu u16, pad u16, message` ("file:line:column: text")
pub const PANIC: u8 = 8;
/// `reason u8`
pub const SHUTDOWN: u8 = 9;
/// `errno u32` (see [`crate::Errno`])`, program`: the kernel could not start PID 1
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
/// `reason` of [`SHUTDOWN`]: all in-kernel tests ran.
pub const SHUTDOWN_TESTS_DONE: u8 = 1;
/// `reason` of [`SHUTDOWN`]: the kernel could not start PID 1.
pub const SHUTDOWN_NO_INIT: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_its_header_its_payload_and_its_check() {
        assert_eq!(FRAME_MAX - PAYLOAD_MAX, HEADER_BYTES + CRC_BYTES);
    }
}
