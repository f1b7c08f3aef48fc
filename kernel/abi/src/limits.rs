//! Limits that kernel and programs share.

/// Maximum number of arguments of a program, its own name included; E2BIG above.
pub const ARG_COUNT_MAX: usize = 64;
/// Maximum length of an argument in bytes, NUL included; E2BIG above.
pub const ARG_BYTES_MAX: usize = 4096;
/// Size of a program's stack in bytes.
pub const USER_STACK_BYTES: usize = 64 * 1024;
/// Maximum size in bytes of all arguments and their vector; E2BIG above. It is half the stack: the program
/// needs the rest.
pub const ARG_TOTAL_BYTES_MAX: usize = USER_STACK_BYTES / 2;
/// Maximum length of a path in bytes, NUL included; ENAMETOOLONG above.
pub const PATH_MAX: usize = 4096;
/// Maximum length of a directory entry's name in bytes, NUL not included.
pub const NAME_MAX: usize = 255;
/// Maximum number of symbolic links followed in one lookup; ELOOP above.
pub const SYMLINKS_MAX: usize = 40;
/// Capacity of a pipe in bytes.
pub const PIPE_BYTES: usize = 64 * 1024;
/// Largest write to a pipe, in bytes, that is atomic.
pub const PIPE_BUF: usize = 4096;
/// Maximum number of open descriptors of a process.
pub const OPEN_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_that_the_documents_say() {
        assert_eq!((USER_STACK_BYTES, ARG_TOTAL_BYTES_MAX, PIPE_BYTES), (65_536, 32_768, 65_536));
    }
}
