// From the entry point, at physical addresses with the MMU off, to `boot_main` in the high half.
// Operands in braces come from boot.rs.

.section .text.boot, "ax"
.global _start
_start:
    msr daifset, #0xf
    mrs x0, CurrentEL
    cmp x0, #(2 << 2)
    b.lo .Lel1
    b.eq .Lel2
.Lpark:                             // EL3: not supported
    wfe
    b .Lpark

.Lel2:                              // drop to EL1; EL2 stays unused
    mov x0, #(1 << 31)              // HCR_EL2.RW: EL1 is 64 bit, nothing is trapped
    msr hcr_el2, x0
    mrs x0, cnthctl_el2
    orr x0, x0, #3                  // EL1 may use the physical counter and timer
    msr cnthctl_el2, x0
    msr cntvoff_el2, xzr
    mov x0, #0x33ff                 // CPTR_EL2: reserved ones, no trap of floating point
    msr cptr_el2, x0
    msr hstr_el2, xzr
    msr vttbr_el2, xzr
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    mov x0, #0x3c5                  // EL1 with its own stack pointer, all masked
    msr spsr_el2, x0
    adr x0, .Lel1
    msr elr_el2, x0
    eret

.Lel1:
    // One coarse table serves both halves: an address and its image in the high half have the same indices,
    // and execution continues at the physical address until the jump.
    adrp x0, boot_level0
    msr ttbr0_el1, x0
    msr ttbr1_el1, x0
    ldr x0, ={MAIR}
    msr mair_el1, x0
    ldr x0, ={TCR}
    mrs x1, id_aa64mmfr0_el1
    bfi x0, x1, #32, #3             // TCR.IPS = this CPU's physical address size
    msr tcr_el1, x0
    dsb sy
    tlbi vmalle1
    ic iallu
    dsb sy
    isb
    ldr x0, ={SCTLR}
    msr sctlr_el1, x0
    isb
    ldr x0, =.Lhigh
    br x0

.Lhigh:
    msr spsel, #1
    ldr x0, =boot_stack_top
    mov sp, x0
    ldr x0, =__bss_start
    ldr x1, =__bss_end
.Lclear:                            // both ends are multiples of 16; the range includes the stack
    cmp x0, x1
    b.hs .Lcleared
    stp xzr, xzr, [x0], #16
    b .Lclear
.Lcleared:
    mov x29, xzr                    // backtraces end here
    mov x30, xzr
    bl {boot_main}
    brk #0
    .ltorg

// Replaces the kernel half's tables: x0 = the new root, x1 = an empty one, both physical. Called at its
// physical address: for a moment the kernel half is unmapped, because a translation must not change its
// granule while it is in use. Returns into the high half.
.global switch_kernel_root
switch_kernel_root:
    msr ttbr1_el1, x1
    isb
    tlbi vmalle1
    dsb nsh
    isb
    msr ttbr1_el1, x0
    isb
    ret

// 1 GiB of devices and the first GiB of RAM (executable), for both halves.
.section .data.boot, "aw"
.balign 4096
boot_level0:
    .quad boot_level1 - {KERNEL_BASE} + {TABLE}
    .fill 511, 8, 0
boot_level1:
    .quad 0x00000000 + {DEVICE_BLOCK}
    .quad 0x40000000 + {RAM_BLOCK}
    .fill 510, 8, 0

// Two stacks, each above a page that the final tables leave unmapped.
.section .bss.boot, "aw", %nobits
.balign 4096
.global emergency_guard
emergency_guard:
    .skip 4096
    .skip {EMERGENCY_STACK_SIZE}
.global emergency_stack_top
emergency_stack_top:
.global boot_guard
boot_guard:
    .skip 4096
    .skip {STACK_SIZE}
.global boot_stack_top
boot_stack_top:
