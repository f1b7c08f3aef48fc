"""All task creators, for doit."""

from tasks.bench import task_bench
from tasks.boot import task_boot, task_boot_features, task_boot_parallel, task_boot_strict
from tasks.cache import task_gc
from tasks.canaries import task_canaries
from tasks.check import task_check
from tasks.compare import task_compare
from tasks.debug import task_debug
from tasks.guide import DOIT_CONFIG, task_guide
from tasks.integration import task_integration
from tasks.kernel import task_build_kernel
from tasks.kthread import task_kthread_mutants, task_kthread_parallel, task_kthread_replay
from tasks.machine import task_doctor
from tasks.mutants import task_mutants
from tasks.parity import task_parity
from tasks.planted_faults import (
    task_planted_faults,
    task_planted_faults_integration,
    task_planted_faults_tracing,
)
from tasks.report import task_baseline, task_report
from tasks.schema import task_schemas
from tasks.suite import task_test
from tasks.toolchain import task_images
from tasks.trace import task_proc, task_trace, task_trace_validate
from tasks.uefi import task_boot_uefi
from tasks.userspace import task_disk, task_userspace
from tasks.why import task_why

__all__ = [
    "DOIT_CONFIG",
    "task_baseline",
    "task_bench",
    "task_boot",
    "task_boot_features",
    "task_boot_parallel",
    "task_boot_strict",
    "task_boot_uefi",
    "task_build_kernel",
    "task_canaries",
    "task_check",
    "task_compare",
    "task_debug",
    "task_disk",
    "task_doctor",
    "task_gc",
    "task_guide",
    "task_images",
    "task_integration",
    "task_kthread_mutants",
    "task_kthread_parallel",
    "task_kthread_replay",
    "task_mutants",
    "task_parity",
    "task_planted_faults",
    "task_planted_faults_integration",
    "task_planted_faults_tracing",
    "task_proc",
    "task_report",
    "task_schemas",
    "task_test",
    "task_trace",
    "task_trace_validate",
    "task_userspace",
    "task_why",
]
