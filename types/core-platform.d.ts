/**
 * Everything of the platform that the pure core may see: the hashing and signature checks of src/core/base/hash.ts and the
 * text codecs every JavaScript engine has. There is no clock, no randomness, no network and no process here, so code that
 * reaches for one does not compile.
 */
declare module "node:crypto" {
  interface Hash {
    update(data: Uint8Array | string): Hash;
    digest(): Buffer;
    digest(encoding: "hex" | "base64"): string;
  }
  interface KeyObject {
    readonly type: "public";
  }
  export function hash(algorithm: "sha256", data: Uint8Array | string, encoding: "hex" | "latin1"): string;
  export function createHmac(algorithm: "sha256", key: Uint8Array): Hash;
  export function createPublicKey(key: { key: Uint8Array; format: "der"; type: "spki" }): KeyObject;
  export function verify(algorithm: null, data: Uint8Array, key: KeyObject, signature: Uint8Array): boolean;
}

interface Buffer extends Uint8Array<ArrayBuffer> {
  toString(encoding?: "hex" | "base64" | "base64url" | "utf8"): string;
}
declare const Buffer: {
  from(text: string, encoding?: "hex" | "base64" | "base64url" | "utf8"): Buffer;
  from(bytes: Uint8Array): Buffer;
  concat(parts: readonly Uint8Array[]): Buffer;
};

declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string;
}

declare function btoa(binary: string): string;
declare function atob(base64: string): string;
