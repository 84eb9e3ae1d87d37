const DOCUMENT = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** On every reply; a handler loosens what its content needs, and nothing else does. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": `default-src 'none'; ${DOCUMENT}`,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export const pagePolicy = (styleHash: string): string => `default-src 'none'; style-src '${styleHash}'; img-src data:; ${DOCUMENT}`;
