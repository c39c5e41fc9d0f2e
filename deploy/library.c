// Loads DuckDB's library before the program's main, or says where it belongs. build.rs compiles this into the program,
// with a functions.h that names each function of the library.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Each function of the library is a jump to where the library has it.
#if defined(__x86_64__)
#define JUMP(name) "jmp *at_" #name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) "adrp x16, at_" #name "\nldr x16, [x16, :lo12:at_" #name "]\nbr x16\n"
#else
#error "nearset is built for x86-64 and AArch64; compile DuckDB into it instead: cargo build --release --features bundled"
#endif

#define F(name)                                                                                                        \
    __attribute__((visibility("hidden"), used)) void *at_##name;                                                       \
    __asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" #name ":\n" JUMP(name));
#include "functions.h"
#undef F

static const struct {
    const char *name;
    void **at;
} functions[] = {
#define F(name) {#name, &at_##name},
#include "functions.h"
};

static _Noreturn void give_up(const char *why) {
    char program[4096] = "nearset";
    if (readlink("/proc/self/exe", program, sizeof program - 1) > 0) {
        char *slash = strrchr(program, '/');
        if (slash) *slash = 0;
    }
    const char *names[] = {"LC_ALL", "LC_MESSAGES", "LANG"}, *locale = "";
    for (int i = 0; i < 3 && !*locale; i++) locale = getenv(names[i]) ? getenv(names[i]) : "";
    // LANGUAGE comes before, a list that says nothing in the locale C
    const char *list = getenv("LANGUAGE");
    size_t base = strcspn(locale, ".");
    if (list && *list && base && !(base == 1 && *locale == 'C') && !(base == 5 && !strncmp(locale, "POSIX", 5))) {
        while (strncmp(list, "zh", 2) && strncmp(list, "en", 2) && strchr(list, ':')) list = strchr(list, ':') + 1;
        locale = list;
    }
    fprintf(stderr,
            strncmp(locale, "zh", 2)
                ? "nearset: DuckDB's library is not there (%s). Put libduckdb.so of DuckDB 1.5.5 into %s, "
                  "or name its folder in LD_LIBRARY_PATH; `make install` puts both where they belong.\n"
                : "nearset: 找不到 DuckDB 的库（%s）。请把 DuckDB 1.5.5 的 libduckdb.so 放进 %s，"
                  "或在 LD_LIBRARY_PATH 中写明它所在的文件夹；`make install` 会把两者装到正确的位置。\n",
            why, program);
    _exit(1);
}

__attribute__((constructor)) static void load(void) {
    // lookup in the program's own rpath; open to all, as if it had been linked
    void *library = dlopen("libduckdb.so", RTLD_NOW | RTLD_GLOBAL);
    if (!library) give_up(dlerror());
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!(*functions[i].at = dlsym(library, functions[i].name))) give_up(dlerror());
}
