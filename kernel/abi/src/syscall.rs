//! System call numbers, the same on both architectures.
//!
//! x86-64: `int 0x80`, number in rax, arguments in rdi rsi rdx r10 r8 r9. AArch64: `svc #0`, number in x8,
//! arguments in x0 to x5. The result is in rax or x0; see [`crate::errno::decode`].

/// Maximum number of arguments of a call.
pub const MAX_ARGUMENTS: usize = 6;

macro_rules! numbers {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        $(pub const $name: u64 = $number;)*

        /// Number and name of every call.
        pub const ALL: &[(u64, &str)] = &[$(($number, $text)),*];
    };
}

numbers! {
    EXIT = 0, "exit";
    WRITE = 1, "write";
    READ = 2, "read";
    YIELD = 3, "yield";
    GET_TIME = 4, "get_time";
    FORK = 5, "fork";
    CLOSE = 6, "close";
    POLL = 7, "poll";
    MMAP = 9, "mmap";
    MPROTECT = 10, "mprotect";
    MUNMAP = 11, "munmap";
    BRK = 12, "brk";
    SIGACTION = 13, "sigaction";
    SIGPROCMASK = 14, "sigprocmask";
    SIGRETURN = 15, "sigreturn";
    IOCTL = 16, "ioctl";
    ACCESS = 21, "access";
    PIPE = 22, "pipe";
    SELECT = 23, "select";
    DUP = 32, "dup";
    DUP2 = 33, "dup2";
    PAUSE = 34, "pause";
    GETITIMER = 36, "getitimer";
    ALARM = 37, "alarm";
    SETITIMER = 38, "setitimer";
    GETPID = 39, "getpid";
    SOCKET = 41, "socket";
    CONNECT = 42, "connect";
    ACCEPT = 43, "accept";
    SENDTO = 44, "sendto";
    RECVFROM = 45, "recvfrom";
    SHUTDOWN = 48, "shutdown";
    BIND = 49, "bind";
    LISTEN = 50, "listen";
    SOCKETPAIR = 53, "socketpair";
    EXEC = 59, "exec";
    WAIT4 = 61, "wait4";
    KILL = 62, "kill";
    FCNTL = 72, "fcntl";
    FSYNC = 74, "fsync";
    GETCWD = 79, "getcwd";
    CHDIR = 80, "chdir";
    RENAME = 82, "rename";
    MKDIR = 83, "mkdir";
    RMDIR = 84, "rmdir";
    LINK = 86, "link";
    UNLINK = 87, "unlink";
    SYMLINK = 88, "symlink";
    READLINK = 89, "readlink";
    SETPGID = 109, "setpgid";
    SETSID = 112, "setsid";
    GETPGID = 121, "getpgid";
    GETSID = 124, "getsid";
    SIGPENDING = 127, "sigpending";
    SIGSUSPEND = 130, "sigsuspend";
    SIGALTSTACK = 131, "sigaltstack";
    MKNOD = 133, "mknod";
    SYNC = 162, "sync";
    GETTID = 186, "gettid";
    CLOCK_GETTIME = 228, "clock_gettime";
    OPEN = 257, "open";
    LSEEK = 258, "lseek";
    FSTAT = 259, "fstat";
    GETDENTS64 = 260, "getdents64";
    PIPE2 = 293, "pipe2";
    POSIX_OPENPT = 400, "posix_openpt";
    GRANTPT = 401, "grantpt";
    UNLOCKPT = 402, "unlockpt";
    PTSNAME = 403, "ptsname";
    FBINFO = 410, "fbinfo";
    FBDRAW = 411, "fbdraw";
    COW_STATS = 500, "cow_stats";
    SIMULATE_OOM = 501, "simulate_oom";
}

/// Linux AArch64 call numbers that the AArch64 kernel also accepts, with the number of the same call here.
pub const AARCH64_ALIASES: [(u64, u64); 3] = [(64, WRITE), (93, EXIT), (94, EXIT)];

/// Name of a call, for messages.
#[must_use]
pub fn name(number: u64) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_so_none_is_used_twice() {
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(ALL.len(), 73);
    }

    #[test]
    fn aliases_do_not_shadow_a_call() {
        for (alias, number) in AARCH64_ALIASES {
            assert_eq!(name(alias), None);
            assert!(name(number).is_some());
        }
    }

    #[test]
    fn names() {
        assert_eq!(name(CLOCK_GETTIME), Some("clock_gettime"));
        assert_eq!(name(8), None);
    }
}
