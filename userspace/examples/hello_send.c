// SPDX-License-Identifier: GPL-2.0
/* hello_send [ADDR]: one datagram to port 5000. It is UDP's program with the
 * family changed.
 */
#include <arpa/inet.h>
#include <linux/ttp.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct sockaddr_ttp to = {
		.sttp_family = AF_TTP,
		.sttp_port = htons(5000),
		.sttp_addr.s_addr = inet_addr(argc > 1 ? argv[1] : "127.0.0.1"),
	};
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);

	if (fd < 0 || sendto(fd, "hello\n", 6, 0, (struct sockaddr *)&to,
			     sizeof(to)) < 0) {
		perror("hello");
		return 1;
	}
	return 0;
}
