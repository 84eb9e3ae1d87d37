import { digestOf } from "../../core/base/index.ts";
import type { ClaimRow, OutboxRow, PayloadRow } from "../model.ts";
import { pagesOf, type Check } from "./types.ts";

export async function checkClaims(check: Check, size: number): Promise<number> {
  let count = 0;
  for await (const rows of pagesOf<ClaimRow>(check.snapshot, "claims")) {
    for (const { kind, key, idx } of rows) {
      count++;
      if (idx < 0 || idx > size)
        check.fault({ where: `claims/${kind}/${key}`, message: `it was made with entry ${idx}, which the ledger does not have` });
    }
  }
  return count;
}

export async function checkOutbox(check: Check, next: number): Promise<number> {
  let count = 0;
  for await (const rows of pagesOf<OutboxRow>(check.snapshot, "outbox")) {
    for (const { id, key, body } of rows) {
      count++;
      if (id >= next) check.fault({ where: `outbox/${key}`, message: `its id ${id} is beyond the last one that was given` });
      if (!isJson(body)) check.fault({ where: `outbox/${key}`, message: "its body is not JSON" });
    }
  }
  return count;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export async function checkPayloads(check: Check): Promise<number> {
  let count = 0;
  for await (const rows of pagesOf<PayloadRow>(check.snapshot, "payloads")) {
    for (const { digest, bytes, size } of rows) {
      count++;
      if (bytes === null) continue;
      const actual = digestOf(bytes);
      if (actual !== digest) check.fault({ where: `payloads/${digest}`, message: `its bytes have the digest ${actual}` });
      else if (bytes.length !== size)
        check.fault({ where: `payloads/${digest}`, message: `it is said to have ${size} bytes and has ${bytes.length}` });
    }
  }
  return count;
}
