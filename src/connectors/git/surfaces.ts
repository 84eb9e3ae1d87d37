/** Places where a change matters more than its size says, by path. Policies match these tags; they are listed in docs/spec/git.md. Pure. */

const SURFACES: readonly (readonly [surface: string, pattern: RegExp])[] = [
  [
    "auth",
    /(^|[/._-])(auth|authn|authz|authentication|authori[sz]ation|login|logout|signin|signup|sign-in|sign-up|session|sessions|oauth2?|oidc|saml|sso|passwords?|passkeys?|webauthn|totp|mfa|2fa|jwt|permissions?|rbac|acl|iam)([/._-]|$)/i,
  ],
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

export function surfacesOf(path: string): readonly string[] {
  return SURFACES.filter(([, pattern]) => pattern.test(path)).map(([surface]) => surface);
}
