#include "node/api_private.h"

/* The file is in the program: no path has to be found. */
__asm__(".section .rodata\n.globl api_document\n.globl api_document_end\napi_document:\n"
        ".incbin \"node/openapi.json\"\napi_document_end:\n.byte 0\n.previous\n");
