import assert from "node:assert/strict";
import { test } from "node:test";
import { surfacesOf } from "./surfaces.ts";

const CASES: Readonly<Record<string, readonly string[]>> = {
  "src/auth/session.ts": ["auth"],
  "app/login_controller.rb": ["auth"],
  "src/users/PermissionCheck.java": ["auth"],
  "src/SignInPage.tsx": ["auth"],
  "src/JWTVerifier.java": ["auth"],
  "src/SAMLHandler.cs": ["auth"],
  "src/OAuthClient.ts": ["auth"],
  "app/sign_up.py": ["auth"],
  "lib/oauth2-client.js": ["auth"],
  ".github/workflows/ci.yml": ["ci"],
  ".gitlab-ci.yml": ["ci"],
  Jenkinsfile: ["ci"],
  "db/migrations/001_init.sql": ["migrations"],
  "prisma/schema.prisma": ["migrations"],
  "infra/main.tf": ["infrastructure"],
  Dockerfile: ["infrastructure"],
  "charts/shop/values.yaml": ["infrastructure"],
  "k8s/deployment.yaml": ["infrastructure"],
  ".env": ["secrets"],
  "config/.env.production": ["secrets"],
  "deploy/tls.key": ["infrastructure", "secrets"],
  "package.json": ["dependencies"],
  "services/api/go.mod": ["dependencies"],
  "Cargo.lock": ["dependencies"],
  "requirements-dev.txt": ["dependencies"],
  ".gitmodules": ["dependencies"],
  ".github/CODEOWNERS": ["ownership"],
  CODEOWNERS: ["ownership"],
  "README.md": [],
  "src/author.ts": [],
  "docs/authoring.md": [],
  "src/key.ts": [],
};

for (const [path, surfaces] of Object.entries(CASES)) {
  test(`[GI-16] ${path} touches ${surfaces.join(" and ") || "no surface"}`, () => assert.deepEqual(surfacesOf(path), surfaces));
}
