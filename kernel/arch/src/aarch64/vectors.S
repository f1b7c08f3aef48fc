// Exception vectors: save all registers in a trap frame on the kernel stack, dispatch, restore them.
// Operands in braces come from trap.rs.

// One of the 16 vectors. `kind` is passed to the dispatcher, `origin` is `user` or `kernel`. The kernel stack
// is empty when user code traps. When kernel code traps, the stack may be full, and storing the frame would
// trap again for ever; so the vector first asks the CPU whether the address is writable. x0 is kept in the
// user's stack pointer register meanwhile, whose value is in the frame of the user's own trap.
.macro VECTOR kind, origin
    .balign 0x80
    sub sp, sp, #{SIZE}
.ifc \origin, kernel
    msr sp_el0, x0
    mov x0, sp
    at s1e1w, x0
    isb
    mrs x0, par_el1
    tbnz x0, #0, stack_overflow     // bit 0: a store there would fault
    mrs x0, sp_el0
.endif
    stp x0, x1, [sp, #0]
    mov x1, #\kind
    b save_\origin
.endm

.macro SAVE_GENERAL
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x19, [sp, #144]
    stp x20, x21, [sp, #160]
    stp x22, x23, [sp, #176]
    stp x24, x25, [sp, #192]
    stp x26, x27, [sp, #208]
    stp x28, x29, [sp, #224]
    str x30, [sp, #240]
.endm

// x2 = the interrupted stack pointer; x3, x4 = the frame record that continues the call chain.
.macro SAVE_STATE_AND_DISPATCH
    mrs x5, elr_el1
    mrs x6, spsr_el1
    mrs x7, tpidr_el0
    str x2, [sp, #{SP}]
    stp x5, x6, [sp, #{PC}]
    str x7, [sp, #{TLS}]
    stp x3, x4, [sp, #{LINK}]
    add x29, sp, #{LINK}
    mov x0, sp
    bl {dispatch}
    mov x0, sp
    add x1, sp, #{SIZE}
    b trap_return
.endm

.section .text.vectors, "ax"
.balign 0x800
.global trap_vectors
trap_vectors:
    // the kernel on the user's stack pointer: never used
    VECTOR {OTHER}, kernel
    VECTOR {OTHER}, kernel
    VECTOR {OTHER}, kernel
    VECTOR {OTHER}, kernel
    // the kernel on its own stack pointer
    VECTOR {SYNCHRONOUS}, kernel
    VECTOR {INTERRUPT}, kernel
    VECTOR {OTHER}, kernel
    VECTOR {OTHER}, kernel
    // user code, 64 bit
    VECTOR {SYNCHRONOUS}, user
    VECTOR {INTERRUPT}, user
    VECTOR {OTHER}, user
    VECTOR {OTHER}, user
    // user code, 32 bit: never entered
    VECTOR {OTHER}, user
    VECTOR {OTHER}, user
    VECTOR {OTHER}, user
    VECTOR {OTHER}, user

save_user:
    SAVE_GENERAL
    mrs x2, sp_el0
    mov x3, xzr                     // the kernel's call chain ends here
    mov x4, xzr
    SAVE_STATE_AND_DISPATCH

save_kernel:
    SAVE_GENERAL
    add x2, sp, #{SIZE}
    mov x3, x29
    mrs x4, elr_el1
    SAVE_STATE_AND_DISPATCH

// The kernel stack has overflowed into the guard; sp_el0 = x0. User code could read the register that holds
// the stack pointer meanwhile, but no user code runs again.
stack_overflow:
    mov x0, sp
    msr tpidrro_el0, x0
    ldr x0, =emergency_stack_top
    sub sp, x0, #{SIZE}
    mrs x0, sp_el0
    stp x0, x1, [sp, #0]
    mov x1, #{OVERFLOW}
    SAVE_GENERAL
    mrs x2, tpidrro_el0
    add x2, x2, #{SIZE}
    mov x3, x29
    mrs x4, elr_el1
    SAVE_STATE_AND_DISPATCH
    .ltorg

// x0 = trap frame (anywhere), x1 = the kernel's stack pointer afterwards. All exceptions are masked until
// `eret`, since the frame may lie below the stack pointer.
.global trap_return
trap_return:
    msr daifset, #0xf
    ldp x2, x3, [x0, #{PC}]
    ldr x4, [x0, #{TLS}]
    msr elr_el1, x2
    msr spsr_el1, x3
    msr tpidr_el0, x4
    tst x3, #0xf                    // the mode bits: 0 is user code
    b.ne 1f
    ldr x5, [x0, #{SP}]
    msr sp_el0, x5
1:
    mov sp, x1
    ldp x2, x3, [x0, #16]
    ldp x4, x5, [x0, #32]
    ldp x6, x7, [x0, #48]
    ldp x8, x9, [x0, #64]
    ldp x10, x11, [x0, #80]
    ldp x12, x13, [x0, #96]
    ldp x14, x15, [x0, #112]
    ldp x16, x17, [x0, #128]
    ldp x18, x19, [x0, #144]
    ldp x20, x21, [x0, #160]
    ldp x22, x23, [x0, #176]
    ldp x24, x25, [x0, #192]
    ldp x26, x27, [x0, #208]
    ldp x28, x29, [x0, #224]
    ldr x30, [x0, #240]
    ldp x0, x1, [x0, #0]
    eret
