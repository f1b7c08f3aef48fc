//! What a shell does for `a | b`: a pipe, two children with dup2, and exec.
//!
//! Checks: `echo ... | cat` and longer pipelines produce the right bytes; every program sees the end of its
//! input when the one before it has ended; every program has its own exit code, at any position; standard
//! error bypasses the pipe; more data than a pipe's capacity passes through; the shell's own descriptors are
//! unchanged, so that the next command works. Then `sh` itself, with lines from its arguments and from
//! standard input: pipes, several commands, quotes, `$?`, builtins, and statuses of commands that cannot run.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::abi::fs::{O_RDONLY, STDERR, STDIN, STDOUT};
use ulib::capture::{self, Run, stream_is};
use ulib::child::Child;
use ulib::io::{Fd, Pipe};
use ulib::{Args, check, fs, io, memory};

ulib::test!(main);

/// A program in the pipeline: its arguments, the first of which is its name, and its exit code.
type Part<'a> = (&'a [&'a CStr], u8);

fn main(_: &Args) {
    let free = lowest_free();
    for _ in 0..3 {
        chain(
            "echo | cat",
            &[(&[c"echo", c"hello", c"from", c"echo"], 0), (&[c"cat"], 0)],
            b"hello from echo\n",
        );
    }
    longer_chains();
    exit_codes();
    standard_error();
    large();
    the_shell();
    check::equal("lowest free descriptor", lowest_free(), free);
}

fn lowest_free() -> Fd {
    let fd = check::ok("dup", io::dup(STDOUT));
    check::ok("close", io::close(fd));
    fd
}

fn pipe() -> Pipe {
    check::ok("pipe", io::pipe())
}

/// Runs the parts concurrently, each one's output the next one's input, and checks the last output.
fn chain(name: &str, parts: &[Part<'_>], expected: &[u8]) {
    let mut input: Option<Pipe> = None;
    let mut children: [Option<Child>; 8] = [const { None }; 8];
    for ((arguments, _), child) in parts.iter().zip(&mut children) {
        let output = pipe();
        let all = [output.read, output.write, input.map_or(-1, |pipe| pipe.read)];
        let standard = [(output.write, STDOUT), (input.map_or(STDIN, |pipe| pipe.read), STDIN)];
        let inherited = &all[..if input.is_some() { 3 } else { 2 }];
        *child = Some(capture::start(arguments[0], arguments, &standard, inherited));
        // While the shell holds the write end, the next part would see no end of its input.
        check::ok("close", io::close(output.write));
        if let Some(input) = input {
            check::ok("close", io::close(input.read));
        }
        input = Some(output);
    }
    let Some(last) = input else { check::fail(name, "a program", "none") };
    stream_is(name, last.read, expected);
    check::ok("close", io::close(last.read));
    for ((arguments, code), child) in parts.iter().zip(children.into_iter().flatten()) {
        child.exits(format_args!("{:?} in {name}", arguments[0]), *code);
    }
}

fn longer_chains() {
    chain(
        "cat | head | tail",
        &[(&[c"cat", c"/lines.txt"], 0), (&[c"head", c"-n", c"7"], 0), (&[c"tail", c"-n", c"2"], 0)],
        b"Line 6\nLine 7\n",
    );
    chain(
        "ls | head | cat | wc",
        &[(&[c"ls", c"/"], 0), (&[c"head", c"-n3"], 0), (&[c"cat", c"-"], 0), (&[c"wc"], 0)],
        b"3 3 13\n",
    );
    let cat: Part<'_> = (&[c"cat"], 0);
    chain("echo through six", &[(&[c"echo", c"-n", c"x"], 0), cat, cat, cat, cat, cat, cat], b"x");
}

fn exit_codes() {
    chain("false | wc", &[(&[c"false"], 1), (&[c"wc", c"-c"], 0)], b"0\n");
    chain("true | false", &[(&[c"true"], 0), (&[c"false"], 1)], b"");
    chain("hello_world | cat", &[(&[c"hello_world"], 42), (&[c"cat"], 0)], b"Hello, world!\n");
    chain("true | hello_world | false", &[(&[c"true"], 0), (&[c"hello_world"], 42), (&[c"false"], 1)], b"");
}

/// The first program's error message does not pass through the second.
fn standard_error() {
    let complaints = pipe();
    let saved = check::ok("dup", io::dup(STDERR));
    check::equal("dup2", io::dup2(complaints.write, STDERR), Ok(STDERR));
    check::ok("close", io::close(complaints.write));
    let cat: Part<'_> = (&[c"cat", c"/no_such_file", c"/hello.txt"], 1);
    chain("cat of a missing file | wc", &[cat, (&[c"wc", c"-l"], 0)], b"1\n");
    check::equal("dup2", io::dup2(saved, STDERR), Ok(STDERR));
    check::ok("close", io::close(saved));
    stream_is("complaints", complaints.read, b"cat: /no_such_file: ENOENT\n");
    check::ok("close", io::close(complaints.read));
}

/// More than a pipe holds; it only passes because all programs in the pipeline run concurrently.
fn large() {
    const COPIES: usize = 8;
    let path = c"/bin/shell_pipe_test";
    let fd = check::ok("open", fs::open(path, O_RDONLY, 0));
    let content = check::ok("content", memory::read_to_end(fd));
    check::ok("close", io::close(fd));
    check::at_least("bytes through the pipes", COPIES * content.len(), 2 * ulib::abi::limits::PIPE_BYTES);
    let expected = check::ok("memory", memory::leak(COPIES * content.len()));
    for copy in expected.chunks_mut(content.len()) {
        copy.copy_from_slice(content);
    }
    let mut arguments = [path; 1 + COPIES];
    arguments[0] = c"cat";
    chain("cat | cat | cat of much", &[(&arguments, 0), (&[c"cat"], 0), (&[c"cat"], 0)], expected);
}

fn the_shell() {
    sh(c"echo hello from sh | cat", b"hello from sh\n", 0);
    sh(c"cat /lines.txt|head -n 7 | tail -n2|wc -l;pwd", b"2\n/\n", 0);
    sh(c"cd deep/path ; pwd; ls; cd /; pwd | cat", b"/deep/path\nto\n/\n", 0);
    sh(
        c"echo 'a | b;  \"c\"' \"d 'e' $?\" f\\ \\\\g '' .# # none of this | false",
        b"a | b;  \"c\" d 'e' 0 f \\g  .#\n",
        0,
    );
    sh(
        c"false; echo $? ; true ; echo $?; hello_world | cat; hello_world",
        b"1\n0\nHello, world!\nHello, world!\n",
        42,
    );
    sh(c"false | true", b"", 0);
    sh(c"true | false ; ; ", b"", 1);
    sh(c"echo before; exit 7 ; echo after", b"before\n", 7);
    sh(c"false; exit", b"", 1);
    sh(c"  # nothing", b"", 0);
    let sh_with =
        |line, stderr, code| Run { stderr, code, ..Run::new("sh -c", &[c"sh", c"-c", line], b"") }.check();
    sh_with(c"no_such_program", b"sh: no_such_program: ENOENT\n", 127);
    sh_with(c"/hello.txt", b"sh: /hello.txt: EACCES\n", 126);
    sh_with(c"cd /no_such_folder", b"sh: cd: ENOENT\n", 1);
    sh_with(c"exit x", b"sh: exit: EINVAL\n", 1);
    sh_with(c"echo x | | cat", b"sh: a program is missing at a |\n", 2);
    sh_with(c"echo x |", b"sh: a program is missing at a |\n", 2);
    sh_with(c"echo 'x", b"sh: a quote is not closed\n", 2);
    // No prompt, as the input is no terminal. The programs that the shell starts can read the rest of its
    // input.
    let script = b"cd /test\ncat nested.txt | wc -c\nhead\nfor head\n";
    Run::new("sh", &[c"sh"], b"20\nfor head\n").reads(script).check();
    let script = b"echo x\n\nexit 9\necho after\n";
    Run { code: 9, ..Run::new("sh", &[c"sh"], b"x\n") }.reads(script).check();
    Run { code: 1, ..Run::new("sh", &[c"sh"], b"") }.reads(b"true\nfalse").check();
}

fn sh(line: &CStr, stdout: &[u8], code: u8) {
    Run { code, ..Run::new("sh -c", &[c"sh", c"-c", line], stdout) }.check();
}
