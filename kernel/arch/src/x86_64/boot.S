// From the machine's entry, at physical addresses in 32-bit mode without paging, to `boot_main` in the high half.
// Operands in braces come from boot.rs.

// What says to a loader that knows PVH (QEMU's `-kernel` does) that this is a kernel, and where it begins. The
// form is Xen's: XEN_ELFNOTE_PHYS32_ENTRY with a physical address.
.section .note.pvh, "a", @note
.balign 4
    .long 4, 8, 18                  // bytes of the name, bytes of the value, type
    .asciz "Xen"
    .quad pvh_start - {KERNEL_BASE}

// The same for a loader that knows Multiboot2 (GRUB does): a header in the first 32 KiB of the file, with what the
// kernel wants to be told, where it begins, and where it wants files. Numbers are the specification's, section 3.1.
.section .text.multiboot2, "a"
.balign 8
multiboot2_header:
    .set header_bytes, multiboot2_header_end - multiboot2_header
    .long 0xe85250d6, 0, header_bytes, -(0xe85250d6 + header_bytes)
    .short 1, 0                     // wanted: command line, files, memory map
    .long 20, 1, 3, 6
    .balign 8
    .short 3, 0                     // entry
    .long 12, multiboot2_start - {KERNEL_BASE}
    .balign 8
    .short 6, 0                     // files at whole pages
    .long 8
    .short 0, 0                     // no more
    .long 8
multiboot2_header_end:

// Every entry ends in `enter_long_mode` with edi = physical address of what the loader tells, esi = whose form
// that has.
.section .text.boot, "ax"
.code32
.global pvh_start
pvh_start:                          // ebx = the start information
    mov edi, ebx
    mov esi, {LOADER_PVH}
    jmp enter_long_mode

multiboot2_start:                   // ebx = the boot information
    mov edi, ebx
    mov esi, {LOADER_MULTIBOOT2}

enter_long_mode:
    cli
    cld
    mov eax, cr4
    or eax, {CR4_PAE}
    mov cr4, eax
    mov eax, offset boot_level0 - {KERNEL_BASE}
    mov cr3, eax
    mov ecx, {EFER}
    rdmsr
    or eax, {EFER_LONG_MODE}
    wrmsr
    mov eax, cr0
    or eax, {CR0_PAGING}
    mov cr0, eax
    lgdt [boot_gdt_pointer - {KERNEL_BASE}]
    .byte 0xea                      // far jump: the assembler knows none in this syntax
    .long long_mode - {KERNEL_BASE}
    .word 8

// One coarse table serves both halves, so code goes on at the physical address until the jump.
.code64
long_mode:
    movabs rax, offset high_half
    jmp rax

high_half:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    lea rsp, [rip + boot_stack_top]
    mov ebx, edi
    lea rdi, [rip + __bss_start]
    lea rcx, [rip + __bss_end]
    sub rcx, rdi
    xor eax, eax
    rep stosb                       // the stack is part of it
    mov edi, ebx
    mov esi, esi
    xor ebp, ebp                    // backtraces end here
    call {boot_main}
    ud2

.section .rodata.boot, "a"
.balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        // code, 64 bit, ring 0
    .quad 0x00cf93000000ffff        // data
boot_gdt_pointer:
    .word boot_gdt_pointer - boot_gdt - 1
    .long boot_gdt - {KERNEL_BASE}

// The first GiB of RAM (executable), for both halves.
.section .data.boot, "aw"
.balign 4096
boot_level0:
    .quad boot_level1 - {KERNEL_BASE} + {TABLE}
    .fill {KERNEL_INDEX} - 1, 8, 0
    .quad boot_level1 - {KERNEL_BASE} + {TABLE}
    .fill 511 - {KERNEL_INDEX}, 8, 0
boot_level1:
    .quad boot_level2 - {KERNEL_BASE} + {TABLE}
    .fill 511, 8, 0
boot_level2:
    .set block, 0
    .rept 512
    .quad block + {RAM_BLOCK}
    .set block, block + 0x200000
    .endr

// Two stacks, each above a page that the final tables leave out.
.section .bss.boot, "aw", @nobits
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
