/** Places where a change matters more than its size says, by path. Policies match these tags; they are listed in docs/spec/git.md. Pure. */

const SURFACES: readonly (readonly [surface: string, pattern: RegExp])[] = [
  [
    "ci",
    /^(\.github\/(workflows|actions)\/|\.gitlab-ci\.ya?ml$|\.gitlab\/ci\/|\.circleci\/|\.buildkite\/|\.travis\.ya?ml$|azure-pipelines[^/]*\.ya?ml$|bitbucket-pipelines\.ya?ml$|\.drone\.ya?ml$|\.woodpecker|\.ci\/|\.husky\/)|(^|\/)(Jenkinsfile[^/]*|\.pre-commit-config\.yaml|action\.ya?ml|\.goreleaser\.ya?ml)$/,
  ],
  ["migrations", /(^|\/)(migrations?|migrate|alembic|flyway|liquibase)\/|(^|\/)V\d+__[^/]*\.sql$|(^|\/)schema\.(sql|rb|prisma)$/i],
  [
    "infrastructure",
    /\.(tf|tfvars|tofu|hcl|bicep|nomad)(\.json)?$|(^|\/)(Dockerfile[^/]*|[^/]*\.dockerfile|Containerfile|(docker-)?compose[^/]*\.ya?ml|Chart\.yaml|values[^/]*\.ya?ml|kustomization\.ya?ml|Pulumi[^/]*\.ya?ml|serverless\.ya?ml|Vagrantfile)$|(^|\/)(k8s|kubernetes|manifests|helm|charts|terraform|infra|infrastructure|ansible|deploy|deployments?)\//i,
  ],
  [
    "secrets",
    /(^|\/)(\.env(\.[^/]*)?|\.npmrc|\.pypirc|\.netrc|\.pgpass|id_(rsa|dsa|ecdsa|ed25519)(\.pub)?|credentials(\.[^/]*)?|secrets?(\.[^/]*)?|\.sops\.yaml|[^/]*\.(pem|key|p12|pfx|jks|keystore|kdbx|asc|gpg))$|(^|\/)secrets\//i,
  ],
  [
    "dependencies",
    /(^|\/)(package(-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|requirements[^/]*\.(txt|in)|pyproject\.toml|poetry\.lock|uv\.lock|Pipfile(\.lock)?|setup\.(py|cfg)|go\.(mod|sum|work)|Cargo\.(toml|lock)|pom\.xml|build\.gradle(\.kts)?|gradle\.lockfile|libs\.versions\.toml|Gemfile(\.lock)?|[^/]*\.gemspec|composer\.(json|lock)|[^/]*\.csproj|packages\.lock\.json|mix\.(exs|lock)|Package\.(swift|resolved)|\.gitmodules)$/,
  ],
  ["ownership", /^(\.github\/|docs\/|\.gitlab\/)?CODEOWNERS$|(^|\/)OWNERS(_ALIASES)?$/],
];

/** Words of names that decide who gets in and what they may do. */
const AUTH_WORDS = new Set(
  (
    "auth authn authz authentication authenticate authenticator authorization authorisation authorize authorise authorizer " +
    "login logins logout signin signup signout session sessions oauth oauth2 oidc saml sso password passwords passwd passkey passkeys " +
    "webauthn totp mfa 2fa jwt jwts permission permissions rbac acl acls iam credential credentials"
  ).split(" "),
);

/** `LoginController`, `JWTVerifier`, `sign-in` and `oauth2_client` in words; neighbours also joined, so that `signIn` is `signin`. */
function wordsOf(path: string): readonly string[] {
  const words = path
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  return [...words, ...words.slice(1).map((word, index) => `${words[index] ?? ""}${word}`)];
}

export function surfacesOf(path: string): readonly string[] {
  const auth = wordsOf(path).some((word) => AUTH_WORDS.has(word)) ? ["auth"] : [];
  return [...auth, ...SURFACES.filter(([, pattern]) => pattern.test(path)).map(([surface]) => surface)];
}
