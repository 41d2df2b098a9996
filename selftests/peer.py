# SPDX-License-Identifier: GPL-2.0
"""Another TTP, written from Documentation/protocol.rst alone: a host that does
as it is told, line by line, as agent.c does. A is ADDR:PORT.

  hold PORT         whoever has none is refused; reset: hold none, forget all
  send SIZE A A [MTU [last]]  a datagram, in fragments of MTU; the last first
  recv [MS]         "SIZE NUMBER A" or "corrupt"; "refused A": ICMP says nobody
                    has A; the counter of a bad packet; or "nothing"
  reply SIZE        to whom the last datagram came from
  vectors FILE      write and judge all: "N vectors", or what differs
  inject VERDICT ADDR ADDR  of those, the ones of that verdict: "N sent"
Usage: peer.py DEVICE MAC-OF-THE-OTHER-SIDE
"""
import select
import socket
import sys
from scapy.fields import BitField, ByteField, ShortField
from scapy.layers.inet import ICMP, IP, fragment
from scapy.packet import Packet, bind_layers
from scapy.utils import checksum


class TTP(Packet):
    fields_desc = [ShortField("sport", 0), ShortField("dport", 0),
                   ShortField("check", None), BitField("ver", 1, 4),
                   BitField("type", 0, 4), ByteField("flags", 0)]

    def post_build(self, header, payload):
        if self.check is None:
            check = checksum(header + payload) or 0xffff
            header = header[:4] + check.to_bytes(2, "big") + header[6:]
        return header + payload


bind_layers(IP, TTP, proto=253)


def judge(data):
    """The counter of a packet that a receiver drops; None if it is good."""
    if len(data) < 8:
        return "TtpInShort"
    ttp = TTP(data)
    return next((counter for bad, counter in (
        (ttp.ver != 1, "TtpInBadVersion"),
        (checksum(data) != 0, "TtpInCsumErrors"),
        (ttp.type != 0, "TtpInBadType"),
        (ttp.flags != 0, "TtpInBadFlags"),
        (0 in (ttp.sport, ttp.dport), "TtpInBadPorts")) if bad), None)


def content(number, size):
    """As agent.c fills a datagram, and checks it."""
    data = bytes((number * 31 + size + i * 7) & 255 for i in range(256)) * 256
    return number.to_bytes(4, "big")[:size] + data[4:size]


def vectors(path):
    """Of each line: packet, the same as we would write it, verdict."""
    rows = [row.split()[:9] for row in open(path) if row[0] not in "#\n"]
    for size, sport, dport, check, ver, kind, flags, text, verdict in rows:
        parts = [part.partition("*") for part in text.strip("-").split("+")]
        data = b"".join(bytes.fromhex(h) * int(n or 1) for h, _, n in parts)
        ttp = TTP(sport=int(sport), dport=int(dport), check=int(check, 16),
                  ver=int(ver), type=int(kind), flags=int(flags, 16)) / data
        wire = bytes(ttp)[:int(size)]
        ttp.check = None
        yield wire, bytes(ttp), verdict


class Peer:
    def __init__(self, device, mac):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
        self.sock.bind((device, 0x0800))
        self.to = (device, 0x0800, 0, 0, bytes.fromhex(mac.replace(":", "")))

    def reset(self):
        self.number, self.held, self.parts, self.last = 0, set(), {}, ()
        while select.select([self.sock], [], [], 0)[0]:
            self.sock.recv(65536)

    def hold(self, port):
        self.held.add(int(port))

    def emit(self, *packets):
        for packet in packets:
            self.sock.sendto(bytes(packet), self.to)

    def send(self, size, source, to, mtu=1500, order="first"):
        (src, sport), (dst, dport) = source.split(":"), to.split(":")
        self.number += 1
        packets = fragment(IP(src=src, dst=dst, id=self.number) /
                           TTP(sport=int(sport), dport=int(dport)) /
                           content(self.number, int(size)), int(mtu) - 20 & ~7)
        self.emit(*packets[::-1 if order == "last" else 1])

    def reply(self, size):
        self.send(size, *self.last)

    def vectors(self, path):
        self.known = list(vectors(path))
        for n, (wire, own, verdict) in enumerate(self.known, 1):
            mine = judge(wire) or ("send" if wire == own else "accept")
            if mine != verdict:
                return f"vector {n}: {mine}, {own[:8].hex()}"
        return f"{n} vectors"

    def inject(self, verdict, src, dst):
        wires = [wire for wire, _, v in self.known if v == verdict]
        for n, wire in enumerate(wires):
            ip = IP(src=src, dst=dst, id=n, proto=253) / wire
            self.emit(*fragment(ip) or [ip])
        return f"{len(wires)} sent"

    def whole(self, ip):
        parts = self.parts.setdefault((ip.src, ip.dst, ip.id), {})
        parts[ip.frag * 8] = bytes(ip.payload)
        if not ip.flags.MF:
            parts["end"] = ip.frag * 8 + len(ip.payload)
        data = b"".join(parts[i] for i in sorted(set(parts) - {"end"}))
        return data if len(data) == parts.get("end") else None

    def recv(self, ms=3000):
        while select.select([self.sock], [], [], int(ms) / 1000)[0]:
            data, where = self.sock.recvfrom(65536)
            said = where[2] != socket.PACKET_OUTGOING and self.hear(IP(data))
            if said:
                return said
        return "nothing"

    def hear(self, ip):
        if ip.proto == 1 and (ip[ICMP].type, ip[ICMP].code) == (3, 3):
            quote = IP(bytes(ip[ICMP].payload))
            return f"refused {quote.dst}:{TTP(bytes(quote.payload)).dport}"
        data = self.whole(ip) if ip.proto == 253 else None
        if data is None or judge(data):
            return data is not None and judge(data)
        ttp, data = TTP(data), data[8:]
        if ttp.dport not in self.held:
            return self.emit(IP(src=ip.dst, dst=ip.src) / ICMP(type=3, code=3)
                             / bytes(ip)[:ip.ihl * 4 + 8])
        self.last = f"{ip.dst}:{ttp.dport}", f"{ip.src}:{ttp.sport}"
        number = int.from_bytes(data[:4], "big") if len(data) > 3 else 0
        same = not number or data == content(number, len(data))
        return f"{len(data)} {number} {self.last[1]}" if same else "corrupt"


peer = Peer(*sys.argv[1:3])
for request in sys.stdin:
    name, *args = request.split()
    print(getattr(peer, name)(*args) or "ok", flush=True)
