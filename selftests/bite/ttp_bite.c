// SPDX-License-Identifier: GPL-2.0
/*
 * A module that does wrong on purpose, one thing a load (what=NAME), for the
 * sanitizers to catch: selftests/vm/bite. Never load it where you live.
 */
#include <linux/debug_locks.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

static char *what = "nothing";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "nothing, bounds, freed, order, leak, race, mute or null");

static size_t size = 24;
static void *lost;
static unsigned int raced;

static DEFINE_MUTEX(one);
static DEFINE_MUTEX(two);

static void bite_bounds(void)
{
	u8 *p = kzalloc(size, GFP_KERNEL);

	if (p)
		WRITE_ONCE(p[size], 1);
	kfree(p);
}

static void bite_freed(void)
{
	u8 *p = kzalloc(size, GFP_KERNEL);

	kfree(p);
	if (p)
		(void)READ_ONCE(p[0]);
}

/* No deadlock, for nobody else is here: lockdep warns of what could be. */
static void bite_order(void)
{
	mutex_lock(&one);
	mutex_lock(&two);
	mutex_unlock(&two);
	mutex_unlock(&one);

	mutex_lock(&two);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&two);
}

/* More than one: a stale copy of a pointer may hide any of them. */
static void bite_leak(void)
{
	int i;

	for (i = 0; i < 16; i++)
		lost = kzalloc(size, GFP_KERNEL);
	lost = NULL;
}

static int bite_racer(void *unused)
{
	unsigned long end = jiffies + 5 * HZ;

	while (time_before(jiffies, end)) {
		raced++;
		barrier();
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void bite_race(void)
{
	struct task_struct *racer[2];
	int i;

	for (i = 0; i < 2; i++)
		racer[i] = kthread_run(bite_racer, NULL, "ttp_bite/%d", i);
	for (i = 0; i < 2; i++)
		if (!IS_ERR(racer[i]))
			kthread_stop(racer[i]);
}

static noinline __noclone void bite_null(int *p)
{
	WRITE_ONCE(*p, 1);
}

static int __init bite_init(void)
{
	if (!strcmp(what, "bounds"))
		bite_bounds();
	else if (!strcmp(what, "freed"))
		bite_freed();
	else if (!strcmp(what, "order"))
		bite_order();
	else if (!strcmp(what, "leak"))
		bite_leak();
	else if (!strcmp(what, "race"))
		bite_race();
	else if (!strcmp(what, "mute"))
		debug_locks_off();
	else if (!strcmp(what, "null"))
		bite_null(NULL);
	return 0;
}

static void __exit bite_exit(void)
{
}

module_init(bite_init);
module_exit(bite_exit);

MODULE_DESCRIPTION("Deliberate errors, to see the sanitizers catch them");
MODULE_LICENSE("GPL");
