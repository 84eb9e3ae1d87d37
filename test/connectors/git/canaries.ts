/** Secrets that are none, put together here so that no file holds one. */
export const TOKEN = ["ghp", "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"].join("_");
const lines = "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn\n".repeat(20);
export const KEY = ["-----BEGIN RSA PRIVATE", ` KEY-----\n${lines}-----END RSA PRIVATE`, " KEY-----"].join("");
