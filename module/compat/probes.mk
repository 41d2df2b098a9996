# SPDX-License-Identifier: GPL-2.0
# What the target's headers offer. Stable kernels receive new API as backports,
# so a version number proves nothing: each probe looks for the declaration.
#
#	$(call ttp-probe,NAME,HEADER,REGEX)	defines TTP_HAVE_NAME
#
# compat.h supplies what is missing.

ttp-probe = $(if $(shell grep -sE '$(3)' $(srctree)/include/$(2)),-DTTP_HAVE_$(1))

ccflags-y += $(call ttp-probe,SOCKADDR_UNSIZED,linux/socket.h,struct sockaddr_unsized [{])
ccflags-y += $(call ttp-probe,INET_TEST_BIT,net/inet_sock.h,define inet_test_bit)
ccflags-y += $(call ttp-probe,IOCTL_KARG,net/sock.h,^int sk_ioctl.)
ccflags-y += $(call ttp-probe,SK_SKB_REASON_DROP,linux/skbuff.h,sk_skb_reason_drop.)
ccflags-y += $(call ttp-probe,SK_DROPS_INC,net/sock.h,void sk_drops_inc.)
ccflags-y += $(call ttp-probe,SK_UID,net/sock.h,kuid_t sk_uid.)
ccflags-y += $(call ttp-probe,FILTER_REASON,linux/filter.h,^enum skb_drop_reason$$)
ccflags-y += $(call ttp-probe,NET_SYSCTL_SZ,net/net_namespace.h,register_net_sysctl_sz.)
ccflags-y += $(call ttp-probe,SKB_DEFER_NODE,net/hotdata.h,struct skb_defer_node [{])
ccflags-y += $(call ttp-probe,DST_RTABLE,net/route.h,define dst_rtable)
ccflags-y += $(call ttp-probe,CUSTOM_SOCKOPT,linux/net.h,SOCK_CUSTOM_SOCKOPT)
ccflags-y += $(call ttp-probe,SA_PROG_LEN,linux/bpf-cgroup.h,define BPF_CGROUP_RUN_SA_PROG_LOCK.sk. uaddr. uaddrlen)
ccflags-y += $(call ttp-probe,SPLICE_EOF,linux/net.h,splice_eof.)
ccflags-y += $(call ttp-probe,SENDPAGE,linux/net.h,ssize_t.*sendpage. +.struct socket)
ccflags-y += $(call ttp-probe,DSCP_MASK,net/route.h,tos. & INET_DSCP_MASK)
ccflags-y += $(call ttp-probe,SOCK_CMSG_MSG,net/sock.h,^int __sock_cmsg_send.*struct msghdr)
ccflags-y += $(call ttp-probe,SOCKC_PRIORITY,net/sock.h,^	u32 ts_opt_id;)
ccflags-y += $(call ttp-probe,DELIVERY_TYPE,linux/skbuff.h,skb_set_delivery_type_by_clockid)
ccflags-y += $(call ttp-probe,UDP_PROD_QUEUE,linux/udp.h,^struct udp_prod_queue [{])
ccflags-y += $(call ttp-probe,FRAGS_READABLE,linux/skbuff.h,bool skb_frags_readable.)
ccflags-y += $(call ttp-probe,NET_RPS,net/rps.h,void sock_rps_record_flow.)
ccflags-y += $(call ttp-probe,RFS_IS_NEEDED,net/rps.h,bool rfs_is_needed.)
ccflags-y += $(call ttp-probe,CONST_CTL_TABLE,linux/sysctl.h,^typedef int proc_handler.const struct ctl_table)
ccflags-y += $(call ttp-probe,UDP_HASH4,linux/udp.h,udp_lrpa_node)
ccflags-y += $(call ttp-probe,IPCM_TOS,net/ip.h,[.]tos = READ_ONCE.inet->tos)
ccflags-y += $(call ttp-probe,OUTREQUESTS,uapi/linux/snmp.h,IPSTATS_MIB_OUTREQUESTS)
