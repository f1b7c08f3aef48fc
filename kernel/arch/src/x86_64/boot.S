// From the entry point, at physical addresses in 32-bit mode without paging, to `boot_main` in the high half.
// Operands in braces come from boot.rs.

// Note for loaders that know PVH (such as QEMU's `-kernel`): the kernel's entry point. Xen defines the
// format: XEN_ELFNOTE_PHYS32_ENTRY with a physical address.
.section .note.pvh, "a", @note
.balign 4
    .long 4, 8, 18                  // size of the name, size of the value, type
    .asciz "Xen"
    .quad pvh_start - {KERNEL_BASE}

// Header for loaders that know Multiboot2 (such as GRUB), in the first 32 KiB of the file: requested
// information, entry point, alignment of modules. The numbers are defined in section 3.1 of the
// specification.
.section .text.multiboot2, "a"
.balign 8
multiboot2_header:
    .set header_bytes, multiboot2_header_end - multiboot2_header
    .long 0xe85250d6, 0, header_bytes, -(0xe85250d6 + header_bytes)
    .short 1, 0                     // requests: command line, modules, memory map
    .long 20, 1, 3, 6
    .balign 8
    .short 3, 0                     // entry
    .long 12, multiboot2_start - {KERNEL_BASE}
    .balign 8
    .short 6, 0                     // page-aligned modules
    .long 8
    .short 0, 0                     // end of tags
    .long 8
multiboot2_header_end:

// Every entry point jumps to `enter_long_mode` with edi = physical address of the loader's information, esi =
// loader protocol.
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
    .byte 0xea                      // far jump: the assembler has no mnemonic for it in this syntax
    .long long_mode - {KERNEL_BASE}
    .word 8

// One coarse table serves both halves, so execution continues at the physical address until the jump.
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
    rep stosb                       // the range includes the stack
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

// Two stacks, each above a page that the final tables leave unmapped.
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
