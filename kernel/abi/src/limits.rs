//! Limits that both sides of the border know.

/// Most arguments of a program, its own name included; more is E2BIG.
pub const ARG_COUNT_MAX: usize = 64;
/// Longest argument in bytes, NUL included; longer is E2BIG.
pub const ARG_BYTES_MAX: usize = 4096;
/// Size of a program's stack in bytes.
pub const USER_STACK_BYTES: usize = 64 * 1024;
/// Most bytes that all arguments and their vector may take: half the stack, as the program runs on the rest.
/// More is E2BIG.
pub const ARG_TOTAL_BYTES_MAX: usize = USER_STACK_BYTES / 2;
/// Longest path in bytes, NUL included; longer is ENAMETOOLONG.
pub const PATH_MAX: usize = 4096;
/// Longest name of a directory entry in bytes, NUL not included.
pub const NAME_MAX: usize = 255;
/// Symbolic links followed in one lookup before ELOOP.
pub const SYMLINKS_MAX: usize = 40;
/// Bytes that a pipe holds before a writer blocks.
pub const PIPE_BYTES: usize = 64 * 1024;
/// Largest write to a pipe in bytes that is never interleaved with another writer's.
pub const PIPE_BUF: usize = 4096;
/// Open descriptors of one process.
pub const OPEN_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_that_the_documents_say() {
        assert_eq!((USER_STACK_BYTES, ARG_TOTAL_BYTES_MAX, PIPE_BYTES), (65_536, 32_768, 65_536));
    }
}
