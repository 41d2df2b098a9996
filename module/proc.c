// SPDX-License-Identifier: GPL-2.0
/* /proc/net/ttp: counters and sockets of the network namespace. */
#include <linux/netdevice.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/ip.h>

#include "lookup.h"

static const struct snmp_mib ttp_mib_names[] = {
	SNMP_MIB_ITEM("TtpInDatagrams", TTP_MIB_INDATAGRAMS),
	SNMP_MIB_ITEM("TtpInNoPorts", TTP_MIB_INNOPORTS),
	SNMP_MIB_ITEM("TtpInShort", TTP_MIB_INSHORT),
	SNMP_MIB_ITEM("TtpInBadVersion", TTP_MIB_INBADVERSION),
	SNMP_MIB_ITEM("TtpInCsumErrors", TTP_MIB_INCSUMERRORS),
	SNMP_MIB_ITEM("TtpInBadType", TTP_MIB_INBADTYPE),
	SNMP_MIB_ITEM("TtpInBadFlags", TTP_MIB_INBADFLAGS),
	SNMP_MIB_ITEM("TtpInBadPorts", TTP_MIB_INBADPORTS),
	SNMP_MIB_ITEM("TtpInRcvbufErrors", TTP_MIB_INRCVBUFERRORS),
	SNMP_MIB_ITEM("TtpInMemErrors", TTP_MIB_INMEMERRORS),
	SNMP_MIB_ITEM("TtpInFilterDrops", TTP_MIB_INFILTERDROPS),
	SNMP_MIB_ITEM("TtpInPolicyDrops", TTP_MIB_INPOLICYDROPS),
	SNMP_MIB_ITEM("TtpInIgnoredMulti", TTP_MIB_INIGNOREDMULTI),
	SNMP_MIB_ITEM("TtpInIcmpErrors", TTP_MIB_INICMPERRORS),
	SNMP_MIB_ITEM("TtpInIcmpUnmatched", TTP_MIB_INICMPUNMATCHED),
	SNMP_MIB_ITEM("TtpOutDatagrams", TTP_MIB_OUTDATAGRAMS),
	SNMP_MIB_ITEM("TtpOutSndbufErrors", TTP_MIB_OUTSNDBUFERRORS),
	SNMP_MIB_ITEM("TtpOutNoRoutes", TTP_MIB_OUTNOROUTES),
	SNMP_MIB_ITEM("TtpOutErrors", TTP_MIB_OUTERRORS),
	SNMP_MIB_ITEM("TtpOutUnreachables", TTP_MIB_OUTUNREACHABLES),
};

static int ttp_snmp_show(struct seq_file *seq, void *v)
{
	struct net *net = seq_file_single_net(seq);
	struct ttp_mib __percpu *mib = ttp_pernet(net)->mib;
	unsigned long sum;
	int i, cpu;

	for (i = 0; i < ARRAY_SIZE(ttp_mib_names); i++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(mib, cpu)->mibs[ttp_mib_names[i].entry];
		seq_printf(seq, "%-32s%lu\n", ttp_mib_names[i].name, sum);
	}
	return 0;
}

/* One step of the file is a socket. Its position is 1 and the number of those
 * before it at its port, below the port's number; position 0 is the title. A
 * read(2) steps over no sockets but those of one port to come there; if some of
 * these have gone or come meanwhile, one may be left out or shown twice, as in
 * /proc/net/udp.
 */
#define TTP_POS_PORT(pos)	((pos) >> 32)
#define TTP_POS(num, i)		((loff_t)(num) << 32 | (i))

/* The socket at a position, or else the first of the next port that has one */
static struct ttp_sock *ttp_sockets_at(struct ttp_net *tn, loff_t *pos)
{
	u32 num = TTP_POS_PORT(*pos), skip = lower_32_bits(*pos) - 1;
	struct hlist_nulls_node *node;
	struct ttp_port *port;
	struct ttp_sock *tsk;
	u32 i;

	for (; num <= U16_MAX; num++, skip = 0) {
		port = ttp_port(tn, num);
		if (!port) {	/* nor the rest of that page */
			num |= TTP_PORTS_A_PAGE - 1;
			continue;
		}
		i = 0;
		ttp_for_each_owner(tsk, node, port) {
			if (i++ < skip)
				continue;
			*pos = TTP_POS(num, i);
			return tsk;
		}
	}
	*pos = TTP_POS(num, 1);
	return NULL;
}

static void *ttp_sockets_start(struct seq_file *seq, loff_t *pos)
	__acquires(RCU)
{
	rcu_read_lock();
	return *pos ? ttp_sockets_at(ttp_pernet(seq_file_net(seq)), pos) :
		      SEQ_START_TOKEN;
}

static void *ttp_sockets_next(struct seq_file *seq, void *v, loff_t *pos)
{
	u32 num = TTP_POS_PORT(*pos);
	struct hlist_nulls_node *node;
	struct ttp_sock *tsk = v;

	++*pos;
	if (v != SEQ_START_TOKEN) {
		node = &tsk->port_node;
		node = rcu_dereference_raw(hlist_nulls_next_rcu(node));
		if (!is_a_nulls(node))
			return hlist_nulls_entry(node, struct ttp_sock,
						 port_node);
		if (get_nulls_value(node) == num)
			*pos = TTP_POS(num + 1, 1);
	}
	return ttp_sockets_at(ttp_pernet(seq_file_net(seq)), pos);
}

static void ttp_sockets_stop(struct seq_file *seq, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static void ttp_show_socket(struct seq_file *seq, const struct ttp_sock *tsk)
{
	const struct inet_sock *inet = &tsk->inet;
	char local[22], remote[22];	/* 255.255.255.255:65535 */
	struct sock *sk = (struct sock *)&inet->sk;
	const struct net_device *dev;

	dev = dev_get_by_index_rcu(sock_net(sk),
				   READ_ONCE(sk->sk_bound_dev_if));
	snprintf(local, sizeof(local), "%pI4:%u", &inet->inet_rcv_saddr,
		 READ_ONCE(inet->inet_num));
	snprintf(remote, sizeof(remote), "%pI4:%u", &inet->inet_daddr,
		 ntohs(inet->inet_dport));
	seq_printf(seq, "%-22s%-22s%8d%8d%8d%8u%10lu %s\n", local, remote,
		   sk_wmem_alloc_get(sk), sk_rmem_alloc_get(sk),
		   sk_drops_read(sk),
		   from_kuid_munged(seq_user_ns(seq), sk_uid(sk)),
		   (unsigned long)sock_i_ino(sk),
		   dev ? dev->name : "-");
}

static int ttp_sockets_show(struct seq_file *seq, void *v)
{
	if (v == SEQ_START_TOKEN)
		seq_printf(seq, "%-22s%-22s%8s%8s%8s%8s%10s device\n", "local",
			   "remote", "txqueue", "rxqueue", "drops", "uid",
			   "inode");
	else
		ttp_show_socket(seq, v);
	return 0;
}

static const struct seq_operations ttp_sockets_ops = {
	.start = ttp_sockets_start,
	.next = ttp_sockets_next,
	.stop = ttp_sockets_stop,
	.show = ttp_sockets_show,
};

int ttp_proc_init(struct net *net)
{
	struct proc_dir_entry *dir = proc_net_mkdir(net, "ttp", net->proc_net);

	if (!dir)
		return -ENOMEM;
	if (!proc_create_net_single("snmp", 0444, dir, ttp_snmp_show, NULL) ||
	    !proc_create_net("sockets", 0444, dir, &ttp_sockets_ops,
			     sizeof(struct seq_net_private))) {
		ttp_proc_exit(net);
		return -ENOMEM;
	}
	return 0;
}

void ttp_proc_exit(struct net *net)
{
	remove_proc_subtree("ttp", net->proc_net);
}
