/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small assembler for BPF programs, and how they are loaded and attached to a
 * cgroup of the test.
 */
#ifndef _BPF_H
#define _BPF_H

#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct bpf_insn code[256];
static int code_len;

static inline void emit(int op, int dst, int src, int off, int imm)
{
	code[code_len++] = (struct bpf_insn) {
		.code = op,
		.dst_reg = dst,
		.src_reg = src,
		.off = off,
		.imm = imm,
	};
}

static inline void mov(int dst, int src)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static inline void mov_imm(int dst, int imm)
{
	emit(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static inline void load_word(int dst, int src, int off)
{
	emit(BPF_LDX | BPF_MEM | BPF_W, dst, src, off, 0);
}

static inline void store_word(int dst, int src, int off)
{
	emit(BPF_STX | BPF_MEM | BPF_W, dst, src, off, 0);
}

static inline void call(int func)
{
	emit(BPF_JMP | BPF_CALL, 0, 0, 0, func);
}

static inline void exit_with(int verdict)
{
	mov_imm(BPF_REG_0, verdict);
	emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The address of the value of a map of one element */
static inline void load_value(int dst, int map)
{
	emit(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_VALUE, 0, map);
	emit(0, 0, 0, 0, 0);
}

static inline int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

/* A map of one element of @size bytes, which *@value shows */
static inline int one_value(void **value, size_t size)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = size,
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};
	int map = bpf(BPF_MAP_CREATE, &attr);

	*value = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	return map;
}

/* Loads what has been emitted.  Return: program, or -1 after a message */
static inline int load(int type, int attach_type, int btf_id)
{
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = attach_type,
		.attach_btf_id = btf_id,
		.insns = (unsigned long)code,
		.insn_cnt = code_len,
		.license = (unsigned long)"GPL",
	};
	int prog = bpf(BPF_PROG_LOAD, &attr);

	if (prog < 0) {
		attr.log_buf = (unsigned long)log;
		attr.log_size = sizeof(log);
		attr.log_level = 1;
		bpf(BPF_PROG_LOAD, &attr);
		printf("# %s\n", log);
	}
	code_len = 0;
	return prog;
}

static inline int attach(int cgroup, int prog, int type, int cmd)
{
	union bpf_attr attr = {
		.target_fd = cgroup,
		.attach_bpf_fd = prog,
		.attach_type = type,
	};

	return bpf(cmd, &attr);
}

/* Moves this process to a cgroup of its own, of version 2.  Return: the cgroup,
 * or -1 if the kernel has none.
 */
static inline int own_cgroup(const char *name)
{
	char dir[64], procs[96];
	int fd;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/tmp", "cgroup2", 0, NULL))
		return -1;
	snprintf(dir, sizeof(dir), "/tmp/%s%d", name, getpid());
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	mkdir(dir, 0755);
	fd = open(procs, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return -1;
	close(fd);
	return open(dir, O_RDONLY | O_DIRECTORY);
}

#endif /* _BPF_H */
