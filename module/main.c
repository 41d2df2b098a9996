// SPDX-License-Identifier: GPL-2.0
/* Load and unload: what is registered, and its undoing in mirror order. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/protocol.h>

#include "policy.h"

unsigned int ttp_net_id;

static int __net_init ttp_net_init(struct net *net)
{
	struct ttp_net *tn = ttp_pernet(net);
	int err;

	tn->mib = alloc_percpu(struct ttp_mib);
	if (!tn->mib)
		return -ENOMEM;

	err = ttp_ports_init(tn);
	if (err)
		goto err_mib;

	err = ttp_proc_init(net);
	if (err)
		goto err_ports;

	return 0;

err_ports:
	ttp_ports_exit(tn);
err_mib:
	free_percpu(tn->mib);
	return err;
}

static void __net_exit ttp_net_exit(struct net *net)
{
	struct ttp_net *tn = ttp_pernet(net);

	ttp_proc_exit(net);
	ttp_ports_exit(tn);
	free_percpu(tn->mib);
}

static struct pernet_operations ttp_net_ops = {
	.init = ttp_net_init,
	.exit = ttp_net_exit,
	.id = &ttp_net_id,
	.size = sizeof(struct ttp_net),
};

static const struct net_protocol ttp_protocol = {
	.handler = ttp_rcv,
	.err_handler = ttp_err,
	/* The policy check is ours: one made for the protocol as a whole
	 * could not see a policy set on the socket.
	 */
	.no_policy = 1,
};

static int __init ttp_init(void)
{
	int err;

	ttp_policy_init();

	err = ttp_table_init(&ttp_addr_table);
	if (err)
		return err;

	err = ttp_table_init(&ttp_peer_table);
	if (err)
		goto err_addr_table;

	err = ttp_sysctl_init();
	if (err)
		goto err_peer_table;

	err = register_pernet_subsys(&ttp_net_ops);
	if (err)
		goto err_sysctl;

	err = proto_register(&ttp_prot, 1);
	if (err)
		goto err_pernet;

	err = proto_register(&ttp_raw_prot, 1);
	if (err)
		goto err_proto;

	if (inet_add_protocol(&ttp_protocol, IPPROTO_TTP)) {
		pr_err("IP protocol %d has another owner\n", IPPROTO_TTP);
		err = -EBUSY;
		goto err_raw_proto;
	}

	/* Last: from here on programs come in, and by the second door when
	 * nothing can fail any more.
	 */
	err = sock_register(&ttp_family);
	if (err) {
		pr_err("address family %d has another owner\n", AF_TTP);
		goto err_protocol;
	}
	inet_register_protosw(&ttp_inet_door);

	return 0;

err_protocol:
	inet_del_protocol(&ttp_protocol, IPPROTO_TTP);
err_raw_proto:
	proto_unregister(&ttp_raw_prot);
err_proto:
	proto_unregister(&ttp_prot);
err_pernet:
	unregister_pernet_subsys(&ttp_net_ops);
err_sysctl:
	ttp_sysctl_exit();
err_peer_table:
	ttp_table_exit(&ttp_peer_table);
err_addr_table:
	ttp_table_exit(&ttp_addr_table);
	return err;
}

/* Every socket holds a reference to the module, so there is none left. */
static void __exit ttp_exit(void)
{
	inet_unregister_protosw(&ttp_inet_door);
	sock_unregister(AF_TTP);
	inet_del_protocol(&ttp_protocol, IPPROTO_TTP);
	proto_unregister(&ttp_raw_prot);
	proto_unregister(&ttp_prot);
	unregister_pernet_subsys(&ttp_net_ops);
	ttp_sysctl_exit();
	ttp_table_exit(&ttp_peer_table);
	ttp_table_exit(&ttp_addr_table);
}

module_init(ttp_init);
module_exit(ttp_exit);

MODULE_DESCRIPTION("TTP, the Toy Transport Protocol: datagrams over IPv4");
MODULE_LICENSE("GPL");
MODULE_ALIAS_NETPROTO(PF_TTP);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, IPPROTO_TTP, 2);	/* SOCK_DGRAM */
