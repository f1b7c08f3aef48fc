// Entries of all traps: save all registers in a trap frame on the kernel stack, dispatch, restore them.
// Operands in braces come from trap.rs.

.section .text.vectors, "ax"
.balign {ENTRY_BYTES}
.global trap_vectors
trap_vectors:
    .set vector, 0
    .rept {VECTORS}
    .balign {ENTRY_BYTES}
    // The exceptions with an error code, which the CPU pushes.
    .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17 && vector != 21 && vector != 29 && vector != 30
    push 0
    .endif
    .byte 0x68                      // push vector
    .long vector
    jmp save_registers
    .set vector, vector + 1
    .endr

save_registers:
    cld
    push r15
    push r14
    push r13
    push r12
    push r11
    push r10
    push r9
    push r8
    push rbp
    push rdi
    push rsi
    push rdx
    push rcx
    push rbx
    push rax
    sub rsp, {GENERAL}
    test byte ptr [rsp + {CODE_SEGMENT}], 3
    jz 1f
    rdfsbase rax
    mov [rsp + {FS}], rax
    rdgsbase rax
    mov [rsp + {GS}], rax
    swapgs                          // load the kernel's GS
    mov qword ptr [rsp + {LINK}], 0 // the kernel's call chain ends here
    mov qword ptr [rsp + {LINK} + 8], 0
    jmp 2f
1:
    mov rax, [rsp + {PC}]
    mov [rsp + {LINK}], rbp
    mov [rsp + {LINK} + 8], rax
2:
    lea rbp, [rsp + {LINK}]
    mov rdi, rsp
    call {dispatch}
    mov rdi, rsp
    lea rsi, [rsp + {SIZE}]

// rdi = trap frame (anywhere), rsi = stack top for the next trap from user code. Interrupts are masked until
// `iretq`, since the stack pointer is in the frame.
.global trap_return
trap_return:
    cli
    mov rsp, rdi
    test byte ptr [rsp + {CODE_SEGMENT}], 3
    jz 1f
    mov gs:[{TRAP_STACK}], rsi
    swapgs
    mov rax, [rsp + {FS}]
    wrfsbase rax
    mov rax, [rsp + {GS}]
    wrgsbase rax
1:
    add rsp, {GENERAL}
    pop rax
    pop rbx
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    pop rbp
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    add rsp, 16                     // vector and error code
    iretq
