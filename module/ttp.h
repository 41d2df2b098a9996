/* SPDX-License-Identifier: GPL-2.0 */
/* What the rooms of the module share. */
#ifndef _TTP_H
#define _TTP_H

#include <linux/refcount.h>
#include <linux/workqueue.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/netns/generic.h>
#include <net/snmp.h>
#include <linux/rculist_nulls.h>	/* wants the others first */

#include <linux/ttp.h>

#include "compat/compat.h"

struct msghdr;
struct rtable;
struct ttp_flow;
struct ttp_net;
struct ttp_cork;

/**
 * struct ttp_route_key - what the routing tables are asked
 * @daddr: destination address
 * @saddr: source address that was asked for, 0 for any
 * @dport: destination port
 * @sport: source port
 * @oif: index of the device that was asked for, or 0
 * @mark: of the datagram
 * @uid: owner of the socket
 * @time: of the look-up, in jiffies. An answer is valid for one jiffy, because
 *	not all that it depends on changes rt_genid: see Documentation/security.rst
 * @tos: IPv4's field, as much of it as routes depend on
 * @scope: RT_SCOPE_LINK for destinations on the link only
 * @flags: FLOWI_FLAG_
 */
struct ttp_route_key {
	__be32 daddr;
	__be32 saddr;
	__be16 dport;
	__be16 sport;
	int oif;
	u32 mark;
	kuid_t uid;
	u32 time;
	u8 tos;
	u8 scope;
	u8 flags;
};

/**
 * struct ttp_route_memo - the last route of an unconnected socket
 * @lock: writers only try; readers look again if one was there
 * @key: what it was found for
 * @saddr: source address that came with it
 * @missed: hash of the last flow that was not @key's
 * @dst: the route, with a reference; NULL for none; RCU keeps it for readers
 */
struct ttp_route_memo {
	seqlock_t lock;
	struct ttp_route_key key;
	__be32 saddr;
	u32 missed;
	struct dst_entry *dst;
};

/**
 * struct ttp_sock - a TTP socket
 * @inet: the IPv4 socket that it is; must be first
 * @tn: the state of its namespace
 * @port_node: entry in struct ttp_port's @owners while a port, inet.inet_num, is
 *	held; sk_nulls_node is that in its @asked or in the table of addresses;
 *	sk_node is that of SOCK_RAW in struct ttp_net's @raw
 * @peer_node: entry in the table of connected sockets (peers.c)
 * @peer_hash: hash that it was entered by
 * @asked_addr: local address that sk_nulls_node was entered by
 * @special: TTP_IS_ bits: what it sends is not plain; changed under its lock
 * @verbatim: SOCK_RAW: TTP_VERBATIM is on
 * @cork: what has been sent with more to come; under its lock, or NULL
 * @policy_sk: the inet policy sock (policy.c), or NULL
 * @memo: the last route of datagrams that had an address of their own
 */
struct ttp_sock {
	struct inet_sock inet;
	struct ttp_net *tn;
	struct hlist_nulls_node port_node;
	struct hlist_nulls_node peer_node;
	u32 peer_hash;
	__be32 asked_addr;
	u8 special;
	bool verbatim;
	struct ttp_cork *cork;
	struct sock *policy_sk;
	struct ttp_route_memo memo;
};

#define TTP_IS_RAW	BIT(0)
#define TTP_IS_CORKED	BIT(1)	/* TTP_CORK is on */
#define TTP_IS_PENDING	BIT(2)	/* there is a @cork */

static inline struct ttp_sock *ttp_sk(const struct sock *sk)
{
	return (struct ttp_sock *)sk;
}

/* A counter for every outcome; names and order as /proc/net/ttp/snmp shows */
enum ttp_mib_item {
	TTP_MIB_INDATAGRAMS,	/* queued to a socket, once for each socket */
	TTP_MIB_INNOPORTS,
	TTP_MIB_INSHORT,
	TTP_MIB_INBADVERSION,
	TTP_MIB_INCSUMERRORS,
	TTP_MIB_INBADTYPE,
	TTP_MIB_INBADFLAGS,
	TTP_MIB_INBADPORTS,
	TTP_MIB_INRCVBUFERRORS,
	TTP_MIB_INMEMERRORS,
	TTP_MIB_INFILTERDROPS,
	TTP_MIB_INPOLICYDROPS,
	TTP_MIB_INIGNOREDMULTI,
	TTP_MIB_INICMPERRORS,
	TTP_MIB_INICMPUNMATCHED,
	TTP_MIB_OUTDATAGRAMS,
	TTP_MIB_OUTSNDBUFERRORS,
	TTP_MIB_OUTNOROUTES,
	TTP_MIB_OUTERRORS,
	TTP_MIB_OUTUNREACHABLES,
	__TTP_MIB_MAX
};

struct ttp_mib {
	unsigned long mibs[__TTP_MIB_MAX];
};

/**
 * struct ttp_table - a hash table of sockets
 * @slots: chains; readers under RCU; each ends in its number, by which a reader
 *	finds out that the socket it stood on was moved to another chain
 * @mask: number of slots less one
 */
struct ttp_table {
	struct ttp_slot {
		struct hlist_nulls_head chain;
		spinlock_t lock;	/* for writers of @chain */
	} *slots;
	unsigned int mask;
};

#define TTP_MAX_SLOTS	65536UL

static inline struct ttp_slot *ttp_slot(const struct ttp_table *table, u32 hash)
{
	return &table->slots[hash & table->mask];
}

/**
 * struct ttp_port - a port of one network namespace
 * @owners: sockets that hold it, the latest bound first; readers under RCU
 * @asked: the same in the order in which look-ups read them: the last to come to
 *	its address first; readers under RCU, and see @moves; if @hashed those
 *	that have no address of their own, the others being in the table of
 *	addresses
 * @lock: makes "is that port free? take it" one step; for writers of all this
 * @moves: changes when a socket enters @asked or the table, or changes its place
 *	there: a reader may have missed it then
 * @connected: how many of them are in the table of connected sockets
 * @count: how many there are, until @hashed is set
 * @hashed: there have been more than TTP_FEW_OWNERS at once
 * @grouped: one with SO_REUSEPORT has been bound to an address here
 */
struct ttp_port {
	struct hlist_nulls_head owners;
	struct hlist_nulls_head asked;
	spinlock_t lock;	/* see above */
	seqcount_spinlock_t moves;
	unsigned int connected;
	u8 count;
	bool hashed;
	bool grouped;
};

/* As many are asked one by one: UDP's udp_lib_get_port() has the same number. */
#define TTP_FEW_OWNERS	10

/* A page of memory, unless locks are debugged */
#define TTP_PORTS_A_PAGE	128
#define TTP_PORT_PAGES		(65536 / TTP_PORTS_A_PAGE)

/**
 * struct ttp_port_pages - the ports of one network namespace, in pages
 * @ports: TTP_PORTS_A_PAGE ports each, or NULL; readers under RCU
 * @users: of each page: 0 if it is not there; else 1, and 1 for each socket that
 *	holds one of its ports; not beside @ports, which each datagram reads
 */
struct ttp_port_pages {
	struct ttp_port __rcu *ports[TTP_PORT_PAGES];
	refcount_t users[TTP_PORT_PAGES];
};

/**
 * struct ttp_net - the state of one network namespace
 * @mib: counters
 * @raw: raw sockets; readers under RCU
 * @pages: ports
 * @salt: of the hashes that its sockets are found by
 * @lock: for writers of @raw and of the pages' @ports
 * @reaper: frees pages of ports that nobody holds
 */
struct ttp_net {
	DEFINE_SNMP_STAT(struct ttp_mib, mib);
	struct hlist_head raw;
	struct ttp_port_pages *pages;
	u32 salt;
	/* A datagram does not read what follows. */
	spinlock_t lock ____cacheline_aligned_in_smp;	/* see above */
	struct delayed_work reaper;
};

extern unsigned int ttp_net_id;

static inline struct ttp_net *ttp_pernet(const struct net *net)
{
	return net_generic(net, ttp_net_id);
}

#define TTP_INC_STATS(tn, item)	SNMP_INC_STATS((tn)->mib, TTP_MIB_##item)

/**
 * struct ttp_addrs - what the headers of a packet that goes out say
 * @daddr: destination address
 * @saddr: source address
 * @dport: destination port
 * @sport: source port
 * @own_ids: the socket's own counter of identifications counts what goes to
 *	@daddr alone
 */
struct ttp_addrs {
	__be32 daddr;
	__be32 saddr;
	__be16 dport;
	__be16 sport;
	bool own_ids;
};

/**
 * struct ttp_request - what one datagram asks for
 * @sockc: mark, time stamps, time to leave
 * @saddr: source address, 0 for any
 * @dest: where it ends if its options name hops on the way
 * @oif: index of the device to leave by, or 0
 * @priority: as of SO_PRIORITY
 * @tos: IPv4's field
 * @ttl: IPv4's field; 0: the socket's
 * @with_tos: @tos and @priority are not the socket's
 * @with_options: @options are set
 * @options: a struct ip_options and its data
 */
struct ttp_request {
	struct sockcm_cookie sockc;
	__be32 saddr;
	__be32 dest;
	int oif;
	u32 priority;
	u8 tos;
	u8 ttl;
	bool with_tos;
	bool with_options;
	u8 options[sizeof(struct ip_options) + MAX_IPOPTLEN] __aligned(4);
};

static inline struct ip_options *ttp_options(const struct ttp_request *req)
{
	return (struct ip_options *)req->options;
}

/* The options' length in the header */
static inline unsigned int ttp_optlen(const struct ttp_request *req)
{
	return req && req->with_options ? ttp_options(req)->optlen : 0;
}

/* family.c */
extern struct proto ttp_prot;
extern const struct net_proto_family ttp_family;
int ttp_init_sock(struct sock *sk);
void ttp_close(struct sock *sk, long timeout);
void ttp_destroy(struct sock *sk);

/* door.c */
extern struct inet_protosw ttp_inet_door;
int ttp_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
int ttp_pre_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int len);

/* raw.c */
extern struct proto ttp_raw_prot;
int ttp_raw_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
void ttp_raw_deliver(struct ttp_net *tn, struct sk_buff *skb);

/* table.c */
int ttp_table_init(struct ttp_table *table);
void ttp_table_exit(struct ttp_table *table);

/* pages.c */
int ttp_ports_init(struct ttp_net *tn);
void ttp_ports_exit(struct ttp_net *tn);
int ttp_make_page(struct ttp_net *tn, u16 num);
void ttp_release_port(struct ttp_net *tn, u16 num);

/* ports.c */
extern struct ttp_table ttp_addr_table;
int ttp_get_port(struct sock *sk, unsigned short snum);
void ttp_put_port(struct sock *sk);
void ttp_rehash(struct sock *sk);
__be16 ttp_autobind(struct sock *sk);

/* peers.c */
extern struct ttp_table ttp_peer_table;
void ttp_peer_del(struct sock *sk);
int ttp_connect_peer(struct sock *sk, struct sockaddr_unsized *uaddr, int len);
int ttp_disconnect(struct sock *sk, int flags);

/* route.c */
void ttp_forget_route(struct sock *sk);
struct rtable *ttp_route(struct sock *sk, bool to_peer,
			 struct ttp_addrs *addrs);
struct rtable *ttp_route_for(struct sock *sk, const struct msghdr *msg,
			     struct ttp_addrs *addrs, struct ttp_request *req);

/* multicast.c */
bool ttp_mc_wants(const struct sock *sk, const struct ttp_flow *flow);

/* reuseport.c */
bool ttp_reuse_shares(const struct sock *sk, const struct sock *other);
bool ttp_reuse_same(const struct sock *sk, const struct sock *other);
int ttp_reuse_join(struct sock *sk, struct sock *other);
void ttp_reuse_leave(struct sock *sk);
struct sock *ttp_reuse_pick(struct sock *sk, const struct ttp_flow *flow,
			    struct sk_buff *skb);
void ttp_set_reuseport(struct sock *sk, bool on);

/* output.c */
int ttp_sendmsg(struct socket *sock, struct msghdr *msg, size_t len);
int ttp_dest(const struct sock *sk, const struct msghdr *msg,
	     struct ttp_addrs *addrs);
struct sk_buff *ttp_wait_for_skb(struct sock *sk, unsigned int size,
				 int noblock);
int ttp_copy_to_frags(struct sock *sk, struct sk_buff *skb, struct msghdr *msg,
		      size_t len);
void ttp_count_failure(struct sock *sk, int err);

/* special.c */
int ttp_send_special(struct sock *sk, struct msghdr *msg, size_t len);
int ttp_send_request(struct sock *sk, struct msghdr *msg, size_t len,
		     unsigned int thlen, struct ttp_addrs *addrs,
		     struct ttp_request *req);
void ttp_set_cork(struct sock *sk, bool on);
void ttp_splice_eof(struct socket *sock);
void ttp_cork_drop(struct sock *sk);
void ttp_split_skb(struct sock *sk, struct sk_buff *skb, u32 fragsize);

/* cmsg.c */
int ttp_make_request(struct sock *sk, struct msghdr *msg,
		     struct ttp_request *req);
void ttp_options_build(struct sk_buff *skb, const struct ttp_request *req);
void ttp_stamp_skb(struct sk_buff *skb, const struct ttp_request *req,
		   const struct msghdr *msg);
void ttp_cmsg_prepare(struct sock *sk, struct sk_buff *skb);
void ttp_cmsg_recv(struct msghdr *msg, struct sock *sk, struct sk_buff *skb,
		   int off);
void ttp_cmsg_copy(struct msghdr *msg, struct sock *sk, struct sk_buff *skb,
		   int thlen, int off);

/* errqueue.c */
void ttp_local_error(struct sock *sk, int err, __be32 daddr, u32 info);
int ttp_recv_error(struct sock *sk, struct msghdr *msg, size_t len);

/* input.c */
int ttp_rcv(struct sk_buff *skb);

/* queue.c */
extern atomic_long_t ttp_memory_allocated;
DECLARE_PER_CPU(int, ttp_memory_per_cpu_fw_alloc);
void ttp_queue_purge(struct sock *sk);
void ttp_queue_rcv(struct ttp_net *tn, struct sock *sk, struct sk_buff *skb);
void ttp_queue_raw(struct sock *sk, struct sk_buff *skb);
int ttp_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags);
int ttp_ioctl(struct sock *sk, int cmd, int *karg);

/* errors.c */
int ttp_err(struct sk_buff *skb, u32 info);
void ttp_unreachable(struct ttp_net *tn, struct sk_buff *skb);

/* options.c */
int ttp_setsockopt(struct socket *sock, int level, int optname,
		   sockptr_t optval, unsigned int optlen);
int ttp_getsockopt(struct socket *sock, int level, int optname,
		   char __user *optval, int __user *optlen);

/* proc.c */
#ifdef CONFIG_PROC_FS
int ttp_proc_init(struct net *net);
void ttp_proc_exit(struct net *net);
#else
static inline int ttp_proc_init(struct net *net)
{
	return 0;
}

static inline void ttp_proc_exit(struct net *net)
{
}
#endif

/* sysctl.c */
extern long ttp_mem_limits[3];
int ttp_sysctl_init(void);
void ttp_sysctl_exit(void);

#endif /* _TTP_H */
