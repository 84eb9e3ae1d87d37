import { BlockList, isIP } from "node:net";
import type { Address } from "./types.ts";

/** Networks of one organisation or one machine: only an origin that the operator allows may be there. */
const PRIVATE = listOf(
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["::1", 128, "ipv6"],
  ["fc00::", 7, "ipv6"],
);
const LOOPBACK = listOf(["127.0.0.0", 8, "ipv4"], ["::1", 128, "ipv6"]);
/** Of IPv4, what no host on the internet has; link-local with the metadata services of clouds, multicast and broadcast among it. */
const SPECIAL = listOf(
  ["0.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["192.0.0.0", 24, "ipv4"],
  ["192.0.2.0", 24, "ipv4"],
  ["192.88.99.0", 24, "ipv4"],
  ["198.18.0.0", 15, "ipv4"],
  ["198.51.100.0", 24, "ipv4"],
  ["203.0.113.0", 24, "ipv4"],
  ["224.0.0.0", 3, "ipv4"],
);
/** Of IPv6, all that is assigned to hosts; then what in it carries an IPv4 address or is for documents. */
const GLOBAL = listOf(["2000::", 3, "ipv6"]);
const WITHIN = listOf(["2001::", 23, "ipv6"], ["2001:db8::", 32, "ipv6"], ["2002::", 16, "ipv6"], ["3fff::", 20, "ipv6"]);
/** Metadata services with an address in a private network. */
const METADATA = listOf(
  ["fd00:ec2::254", 128, "ipv6"],
  ["fd20:ce::254", 128, "ipv6"],
  ["100.100.100.200", 32, "ipv4"],
  ["168.63.129.16", 32, "ipv4"],
);
/** An IPv4 address in the form of IPv6 would pass by every list of the other family. */
const MAPPED = /^::ffff:|^::(?!1$)[0-9a-f.:]|^64:ff9b:/i;

function listOf(...subnets: readonly (readonly [net: string, prefix: number, family: "ipv4" | "ipv6"])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix, family] of subnets) list.addSubnet(net, prefix, family);
  return list;
}

export type Reach = "public" | "private" | "loopback" | "never";

/** Where an address leads. */
export function reachOf({ address: written, family }: Address): Reach {
  if (isIP(written) !== family) return "never";
  const address = family === 4 ? written : shortest(written);
  if (address === undefined || (family === 6 && MAPPED.test(address))) return "never";
  const type = family === 4 ? "ipv4" : "ipv6";
  const within = (list: BlockList): boolean => list.check(address, type);
  if (within(METADATA)) return "never";
  if (within(LOOPBACK)) return "loopback";
  if (within(PRIVATE)) return "private";
  if (family === 4) return within(SPECIAL) ? "never" : "public";
  return within(GLOBAL) && !within(WITHIN) ? "public" : "never";
}

/** One address of IPv6 has many forms, and one that is shortest; one with a zone has none. */
function shortest(address: string): string | undefined {
  const url = `http://[${address}]`;
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : undefined;
}
