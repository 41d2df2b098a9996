// SPDX-License-Identifier: GPL-2.0
/* hello_recv: wait for one datagram at port 5000 and say who sent it. */
#include <arpa/inet.h>
#include <linux/ttp.h>
#include <stdio.h>

int main(void)
{
	struct sockaddr_ttp from, here = {
		.sttp_family = AF_TTP,
		.sttp_port = htons(5000),
		.sttp_addr.s_addr = htonl(INADDR_ANY),
	};
	int fd = socket(AF_TTP, SOCK_DGRAM, 0);
	socklen_t len = sizeof(from);
	char text[100];
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0) {
		perror("hello");
		return 1;
	}
	n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len);
	if (n < 0) {
		perror("hello");
		return 1;
	}
	printf("%s port %d: %.*s", inet_ntoa(from.sttp_addr),
	       ntohs(from.sttp_port), (int)n, text);
	return 0;
}
