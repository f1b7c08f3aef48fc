"""The reference tree and its suite, and what is said about wrong ones."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from parity.core.errors import UserError
from parity.judge.verdict import Verdict
from parity.spec import suite, tree
from parity.spec.tree import FeatureSet

ROOT = Path(__file__).parent.parent
TREE = ROOT / "trees" / "reference.yaml"
SUITE = ROOT / "suites" / "user_programs.yaml"


def changed(tmp_path: Path, file: Path, old: str, new: str) -> Path:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    copy = tmp_path / file.name
    copy.write_text(text.replace(old, new, 1).replace("root: ..", "root: ."), encoding="utf-8")
    return copy


def test_the_reference_tree_is_whole() -> None:
    reference = tree.load(TREE)
    assert reference.root == ROOT
    assert reference.archs == ("aarch64", "x86_64")
    assert reference.feature_sets[reference.run.features] == FeatureSet(
        ("testing",), {"aarch64": Verdict.PASS, "x86_64": Verdict.PASS}, {}
    )
    hello = {str(path): content for path, content in reference.disk.files.items()}
    assert hello["/hello.txt"] == b"Hello from ext2!\n"
    assert len(hello["/hello.txt"]) == 17
    assert hello["/lines.txt"].splitlines() == [b"Line %d" % number for number in range(1, 16)]
    assert hello["/empty.txt"] == b""
    assert [str(path) for path in reference.disk.folders] == ["/dev", "/proc"]
    assert reference.disk.copies[PurePosixPath("/sbin/true")] == "true"
    assert reference.disk.links[PurePosixPath("/links/short")] == "../hello.txt"
    assert hello["/numbers.txt"] == b"".join(b"%07d\n" % number for number in range(600_000))
    assert hello["/large/entry-000"] == hello["/large/entry-699"] == b""


def test_a_tree_need_not_have_links(tmp_path: Path) -> None:
    text = re.sub(r"\n  links:.*\n(?:    .*\n)+", "\n", TREE.read_text(encoding="utf-8"))
    (tmp_path / "t.yaml").write_text(text.replace("root: ..", "root: ."), encoding="utf-8")
    assert tree.load(tmp_path / "t.yaml").disk.links == {}


def test_the_suite_lists_all_80() -> None:
    tests = suite.load(SUITE, ("aarch64",)).tests
    assert len(tests) == 80
    assert all(name.endswith("_test") for name in tests)
    expected = [test for test in tests.values() if test.expected["aarch64"] is Verdict.PASS]
    assert all(test.reason for test in tests.values() if test not in expected)
    assert {test.name for test in expected} >= {"fork_test", "waitpid_test", "argv_test", "exec_argv_test"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("size_mib: 16", "size_mb: 16", "unknown key 'size_mb'; did you mean 'size_mib'?"),
        ("size_mib: 16", "size_mib: big", "a whole number of at least 1"),
        ("features: testing", "features: tasting", "no feature set 'tasting'; did you mean 'testing'?"),
        ("init=/bin/{program}", "init=/bin/sh", "does not contain {program}"),
        ("/hello.txt:", "hello.txt:", "an absolute path in the guest expected"),
        ("/sbin/true:", "sbin/true:", "an absolute path in the guest expected"),
        ("/sbin/true:", "/dev:", "/dev occurs twice on the disk"),
        (
            "[testing], expected: pass",
            "[testing], expected: passes",
            "no verdict 'passes'; did you mean 'pass'?",
        ),
        ("[testing], expected: pass", "[testing]", "key 'expected' is missing"),
        ("folders: [/dev, /proc]", "folders: [dev]", "an absolute path in the guest expected"),
        ("folders: [/dev, /proc]", "folders: [/hello.txt]", "/hello.txt occurs twice on the disk"),
        ("/links/short:", "links/short:", "an absolute path in the guest expected"),
        ("/links/short:", "/hello.txt:", "/hello.txt occurs twice on the disk"),
        ("/links/short:", "/dev:", "/dev occurs twice on the disk"),
        ("/links/short:", "/sbin/true:", "/sbin/true occurs twice on the disk"),
        ("/links/short:", "/hello.txt/short:", "short lies below /hello.txt, which is not a folder"),
        ("/test/nested.txt:", "/hello.txt/x:", "/hello.txt/x lies below /hello.txt, which is not a folder"),
        ("/links/short: ../hello.txt", '/links/short: ""', "the target of a link expected: 1 to 1023 bytes"),
        ("/links/short: ../hello.txt", '/links/short: "a\\0b"', "1 to 1023 bytes without a NUL"),
        ("/links/short: ../hello.txt", f"/links/short: {'x' * 1024}", "1 to 1023 bytes without a NUL"),
        ("/numbers.txt: 600000", "/numbers.txt: many", "a whole number of at least 1"),
        ("/large: 700", "/large: 0", "at least 1"),
        ("  boot_program: init\n", "", "key 'boot_program' is missing"),
        ("runs: tests", "runs: test", "no run kind 'test'; did you mean 'tests'?"),
        ("/bin/canary_script:", "/hello.txt:", "/hello.txt occurs twice on the disk"),
        (
            "machines:\n    aarch64: qemu-virt\n    x86_64: qemu-microvm\n",
            "machines: {}\n",
            "at least one entry expected here",
        ),
        ("sources: [Cargo.toml,", "sources: [/etc/,", "'/etc/' is not below the tree's folder"),
        ("sources: [Cargo.toml,", "sources: [kernel/../../x,", "is not below the tree's folder"),
        ("uefi: {x86_64: ", "uefi: {x86: ", "unknown key 'x86'; did you mean 'x86_64'?"),
    ],
)
def test_a_wrong_tree_names_file_and_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        tree.load(changed(tmp_path, TREE, old, new))
    assert complaint in str(caught.value)
    assert "reference.yaml:" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "fork_test: {area: process, expected: pass}",
            "fork_test: {area: process, expected: passes}",
            "no verdict",
        ),
        ("expected: pass", "expects: pass", "unknown key 'expects'; did you mean 'expected'?"),
        ("expected: pass", "expected: {arm: pass}", "unknown key 'arm'"),
        ("expected: pass", "expected: hang", "a reason is missing"),
        ("  waitpid_test:", "  fork_test:", "'fork_test' occurs twice"),
        (
            "fork_test: {",
            "fork_test: {silence_s: 0, ",
            "a number above 0 and of at most 86400 expected, not '0'",
        ),
        (
            "fork_test: {",
            "fork_test: {silence_s: nan, ",
            "a number above 0 and of at most 86400 expected, not 'nan'",
        ),
        ("fork_test: {", "fork_test: {cpu_budget_s: {arm: 9}, ", "unknown key 'arm'"),
        ("needs: [argv_test]", "needs: [arg_test]", "no test 'arg_test'; did you mean 'argv_test'?"),
        ("needs: [argv_test]", "needs: argv_test", "a list expected here"),
    ],
)
def test_a_wrong_suite_names_file_and_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        suite.load(changed(tmp_path, SUITE, old, new), ("aarch64",))
    assert complaint in str(caught.value)
    assert "user_programs.yaml:" in str(caught.value)


def test_an_expectation_per_architecture(tmp_path: Path) -> None:
    text = "suite: s\ntests:\n  a_test: {area: x, expected: {aarch64: pass, x86_64: hang}, reason: known}\n"
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    test = suite.load(tmp_path / "s.yaml", ("aarch64", "x86_64")).tests["a_test"]
    assert test.expected == {"aarch64": Verdict.PASS, "x86_64": Verdict.HANG}


def test_a_deadline_for_all_architectures_or_for_one(tmp_path: Path) -> None:
    text = "suite: s\ntests:\n  a: {area: x, expected: pass, cpu_budget_s: {x86_64: 40}, silence_s: 5}\n"
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    test = suite.load(tmp_path / "s.yaml", ("aarch64", "x86_64")).tests["a"]
    assert (test.cpu_budget_s, test.silence_s) == ({"x86_64": 40.0}, {"aarch64": 5.0, "x86_64": 5.0})


def test_an_end_of_a_feature_set_per_architecture(tmp_path: Path) -> None:
    both = "expected: {aarch64: panic, x86_64: crash}, says: {aarch64: a, x86_64: b}"
    text = TREE.read_text(encoding="utf-8").replace("root: ..", "root: .")
    text = text.replace("[testing], expected: pass", f"[testing], {both}")
    text = re.sub(r"\n +x86_64: .*", "", text)
    text = re.sub(r"( +(?:targets|machines):\n)( +aarch64: .*\n)", r"\1\2    x86_64: x\n", text)
    (tmp_path / "t.yaml").write_text(text, encoding="utf-8")
    testing = tree.load(tmp_path / "t.yaml").feature_sets["testing"]
    assert testing.expected == {"aarch64": Verdict.PANIC, "x86_64": Verdict.CRASH}
    assert testing.cause_contains == {"aarch64": "a", "x86_64": "b"}


def with_faults(tmp_path: Path, sets: str, faults: str) -> Path:
    """The reference tree with other feature sets and planted faults."""
    text = re.sub(r"\n  (planted|thread)_faults: \[[^]]*\]", "", TREE.read_text(encoding="utf-8"))
    text = "\n".join(line for line in text.splitlines() if "{features: [" not in line)
    text = text.replace("root: ..", "root: .").replace(
        "  feature_sets:\n", f"  feature_sets:\n{sets}{faults}"
    )
    (tmp_path / "t.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "t.yaml"


TESTING = "    testing: {features: [testing], expected: pass}\n"
PLANTED = "    planted_faults: {features: [planted_faults], expected: pass}\n"


def test_planted_faults_are_names_for_a_feature_set_of_their_own(tmp_path: Path) -> None:
    assert tree.load(with_faults(tmp_path, TESTING, "")).planted_faults == ()
    loaded = tree.load(with_faults(tmp_path, TESTING + PLANTED, "  planted_faults: [b, a]\n"))
    assert loaded.planted_faults == ("b", "a")
    with pytest.raises(UserError, match="'a' occurs twice"):
        tree.load(with_faults(tmp_path, TESTING + PLANTED, "  planted_faults: [a, b, a]\n"))
    with pytest.raises(UserError, match="the feature set planted_faults is missing"):
        tree.load(with_faults(tmp_path, TESTING, "  planted_faults: [a]\n"))
    with pytest.raises(UserError, match="the feature set planted_faults is missing"):
        tree.load(with_faults(tmp_path, TESTING, "  thread_faults: [a]\n"))


def test_the_reference_kernel_knows_the_planted_faults_and_features_of_its_tree() -> None:
    reference = tree.load(TREE)
    kernel = reference.root / "kernel" / "core"
    source = (kernel / "src" / "faults.rs").read_text(encoding="utf-8")
    listed = source[source.index("\nfaults! {") :]
    name = re.compile(r"^ +\w+ = \"(\w+)\", ", re.MULTILINE)
    first, *rest = re.split(r"^ +@(\w+) \{", listed, flags=re.MULTILINE)
    groups = {group: tuple(name.findall(part)) for group, part in zip(rest[::2], rest[1::2], strict=True)}
    assert reference.planted_faults == tuple(name.findall(first))
    assert reference.thread_faults == groups["kernel_threads"]
    tracing = suite.load(reference.root / "suites" / "tracing.yaml", reference.archs)
    assert tracing.faults == groups["tracing"]
    features = tomllib.loads((kernel / "Cargo.toml").read_text(encoding="utf-8"))["features"]
    used = {name for each in reference.feature_sets.values() for name in each.features}
    assert used == set(features), "a feature that no set builds, or one that the kernel lacks"
    told = (kernel / "src" / "features.rs").read_text(encoding="utf-8")
    assert [name for name in features if f'"{name}"' not in told] == [], "features that the hello conceals"
