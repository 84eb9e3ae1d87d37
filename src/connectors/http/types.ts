/** A secret that requests carry, as the operator declares it: where it may go, and where its value is. Proposers name none of it. */
export interface Credential {
  readonly name: string;
  /** Exactly these origins, and no other, ever get it. */
  readonly origins: readonly string[];
  readonly header: string;
  /** Before the value, such as `Bearer`. */
  readonly scheme?: string;
  /** Exactly one of both says where the value is read, each time anew. */
  readonly valueEnv?: string;
  readonly valueFile?: string;
}

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

export interface HttpOptions {
  readonly credentials: readonly Credential[];
  /** Origins that may be on this machine or in a private network. */
  readonly allowPrivate: readonly string[];
  /** Keys the digests that stand in for what is masked, and for answers. */
  readonly secretKey: Uint8Array;
  readonly random: (bytes: number) => Uint8Array;
  /** What looks like a secret in an argument is refused before it is kept. */
  readonly findSecrets: (text: string) => Promise<readonly unknown[]>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Every address of a name; the machine's own resolver when absent. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>;
  /** Certificates to trust beside the machine's own, as PEM. */
  readonly ca?: string;
}

export const HTTP_LIMITS = {
  /** Of an answer. */
  bytes: 1024 * 1024,
  /** Of one request, from the first look for an address to the answer's last byte. */
  requestMillis: 30_000,
} as const;
