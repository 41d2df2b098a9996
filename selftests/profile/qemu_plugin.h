/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the plugin uses of QEMU's interface to TCG plugins. No package ships
 * QEMU's own header: these are the functions as its documentation tells them.
 */
#ifndef QEMU_PLUGIN_H
#define QEMU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void trans_cb(uint64_t id, struct qemu_plugin_tb *tb);
typedef void exec_cb(unsigned int cpu, void *data);
typedef void exit_cb(uint64_t id, void *data);

/* Ours, which QEMU looks up; the version is that of the interface. */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

/* QEMU's */
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, trans_cb *cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  exec_cb *cb, int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, exit_cb *cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#endif
