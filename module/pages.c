// SPDX-License-Identifier: GPL-2.0
/*
 * The memory of ports. Each network namespace has an array of pages of ports. A
 * page is allocated when a socket asks for one of its ports, and charged to the
 * memory cgroup of that socket's owner. It is freed a second after the last
 * socket has given back the last of its ports, so that a program that takes and
 * gives back a port in a loop does not allocate a page each time.
 */
#include <linux/mm.h>

#include "lookup.h"

#define TTP_REAP_DELAY	HZ
#define TTP_REAP_BATCH	32

/* Takes up to @max pages without users out of the array, from *@i on. */
static int ttp_take_unused(struct ttp_net *tn, int *i, struct ttp_port **unused,
			   int max)
{
	struct ttp_port_pages *pages = tn->pages;
	int n = 0;

	spin_lock_bh(&tn->lock);
	for (; *i < TTP_PORT_PAGES && n < max; ++*i)
		if (refcount_dec_if_one(&pages->users[*i]))
			unused[n++] = rcu_replace_pointer(pages->ports[*i], NULL,
							  lockdep_is_held(&tn->lock));
	spin_unlock_bh(&tn->lock);
	return n;
}

static void ttp_reap_pages(struct work_struct *work)
{
	struct ttp_net *tn = container_of(to_delayed_work(work), struct ttp_net,
					  reaper);
	struct ttp_port *unused[TTP_REAP_BATCH];
	int i = 0, n;

	do {
		n = ttp_take_unused(tn, &i, unused, TTP_REAP_BATCH);
		if (n)
			synchronize_rcu();
		while (n)
			kfree(unused[--n]);
	} while (i < TTP_PORT_PAGES);
}

/**
 * ttp_ports_init() - a namespace without ports
 * @tn: the namespace's state
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int ttp_ports_init(struct ttp_net *tn)
{
	tn->pages = kzalloc(sizeof(*tn->pages), GFP_KERNEL_ACCOUNT);
	if (!tn->pages)
		return -ENOMEM;
	tn->salt = get_random_u32();
	spin_lock_init(&tn->lock);
	INIT_DELAYED_WORK(&tn->reaper, ttp_reap_pages);
	return 0;
}

/**
 * ttp_ports_exit() - the end of a namespace, which has no sockets any more
 * @tn: the namespace's state
 *
 * Context: process context, may sleep.
 */
void ttp_ports_exit(struct ttp_net *tn)
{
	int i;

	cancel_delayed_work_sync(&tn->reaper);
	for (i = 0; i < TTP_PORT_PAGES; i++)
		kfree(rcu_access_pointer(tn->pages->ports[i]));
	kfree(tn->pages);
}

static void ttp_init_page(struct ttp_port *ports, u16 first)
{
	struct ttp_port *port;
	int i;

	for (i = 0; i < TTP_PORTS_A_PAGE; i++) {
		port = &ports[i];
		INIT_HLIST_NULLS_HEAD(&port->owners, first + i);
		INIT_HLIST_NULLS_HEAD(&port->asked, TTP_MAX_SLOTS + first + i);
		spin_lock_init(&port->lock);
		seqcount_spinlock_init(&port->moves, &port->lock);
	}
}

/**
 * ttp_make_page() - allocate the page of a port, for its first user
 * @tn: the namespace's state
 * @num: the port's number
 *
 * Context: process context; does not sleep.
 * Return: 0, the page being held as by ttp_hold_port(); or -ENOMEM.
 */
int ttp_make_page(struct ttp_net *tn, u16 num)
{
	int nr = num / TTP_PORTS_A_PAGE;
	struct ttp_port *ports;

	/* A BPF program on connect() binds, by bpf_bind(), under RCU. */
	ports = kcalloc(TTP_PORTS_A_PAGE, sizeof(*ports),
			GFP_ATOMIC | __GFP_ACCOUNT);
	if (!ports)
		return -ENOMEM;
	ttp_init_page(ports, nr * TTP_PORTS_A_PAGE);

	spin_lock_bh(&tn->lock);
	if (!refcount_inc_not_zero(&tn->pages->users[nr])) {
		rcu_assign_pointer(tn->pages->ports[nr], ports);
		smp_wmb();	/* who finds @users finds @ports: ttp_hold_port() */
		refcount_set(&tn->pages->users[nr], 2);
		ports = NULL;
	}
	spin_unlock_bh(&tn->lock);
	kfree(ports);
	return 0;
}

/**
 * ttp_release_port() - the reverse of ttp_hold_port()
 * @tn: the namespace's state
 * @num: the port's number
 *
 * Context: process context.
 */
void ttp_release_port(struct ttp_net *tn, u16 num)
{
	refcount_t *users = &tn->pages->users[num / TTP_PORTS_A_PAGE];

	refcount_dec(users);
	if (refcount_read(users) == 1)
		schedule_delayed_work(&tn->reaper, TTP_REAP_DELAY);
}
