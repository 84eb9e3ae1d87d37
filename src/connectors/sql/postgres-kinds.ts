import type { StatementKind } from "./types.ts";

/** What each node of PostgreSQL's grammar is called, and what may become of it. A kind that is not here is `unknown`. */
export const KINDS: Readonly<Record<string, readonly [StatementKind, string]>> = {
  SelectStmt: ["read", "SELECT"],
  InsertStmt: ["insert", "INSERT"],
  UpdateStmt: ["update", "UPDATE"],
  DeleteStmt: ["delete", "DELETE"],
  MergeStmt: ["update", "MERGE"],
  TruncateStmt: ["truncate", "TRUNCATE"],
  CreateStmt: ["ddl", "CREATE TABLE"],
  CreateTableAsStmt: ["ddl", "CREATE TABLE AS"],
  AlterTableStmt: ["ddl", "ALTER TABLE"],
  IndexStmt: ["ddl", "CREATE INDEX"],
  DropStmt: ["ddl", "DROP"],
  RenameStmt: ["ddl", "ALTER … RENAME"],
  ViewStmt: ["ddl", "CREATE VIEW"],
  CreateSeqStmt: ["ddl", "CREATE SEQUENCE"],
  AlterSeqStmt: ["ddl", "ALTER SEQUENCE"],
  CreateSchemaStmt: ["ddl", "CREATE SCHEMA"],
  CreateEnumStmt: ["ddl", "CREATE TYPE"],
  AlterEnumStmt: ["ddl", "ALTER TYPE"],
  CreateDomainStmt: ["ddl", "CREATE DOMAIN"],
  AlterDomainStmt: ["ddl", "ALTER DOMAIN"],
  CompositeTypeStmt: ["ddl", "CREATE TYPE"],
  CommentStmt: ["ddl", "COMMENT"],
  CreateStatsStmt: ["ddl", "CREATE STATISTICS"],
  CreateTrigStmt: ["ddl", "CREATE TRIGGER"],
  CreateFunctionStmt: ["ddl", "CREATE FUNCTION"],
  RuleStmt: ["ddl", "CREATE RULE"],
  RefreshMatViewStmt: ["ddl", "REFRESH MATERIALIZED VIEW"],
  ReindexStmt: ["ddl", "REINDEX"],
  ClusterStmt: ["ddl", "CLUSTER"],
  VacuumStmt: ["ddl", "VACUUM"],
  AlterObjectSchemaStmt: ["ddl", "ALTER … SET SCHEMA"],
  CreatePolicyStmt: ["privilege", "CREATE POLICY"],
  AlterPolicyStmt: ["privilege", "ALTER POLICY"],
  GrantStmt: ["privilege", "GRANT"],
  GrantRoleStmt: ["privilege", "GRANT"],
  AlterDefaultPrivilegesStmt: ["privilege", "ALTER DEFAULT PRIVILEGES"],
  AlterOwnerStmt: ["privilege", "ALTER … OWNER"],
  CreateRoleStmt: ["privilege", "CREATE ROLE"],
  AlterRoleStmt: ["privilege", "ALTER ROLE"],
  AlterRoleSetStmt: ["privilege", "ALTER ROLE"],
  DropRoleStmt: ["privilege", "DROP ROLE"],
  ReassignOwnedStmt: ["privilege", "REASSIGN OWNED"],
  TransactionStmt: ["refused", "transaction control"],
  VariableSetStmt: ["refused", "SET"],
  VariableShowStmt: ["refused", "SHOW"],
  CopyStmt: ["refused", "COPY"],
  ListenStmt: ["refused", "LISTEN"],
  UnlistenStmt: ["refused", "UNLISTEN"],
  NotifyStmt: ["refused", "NOTIFY"],
  LoadStmt: ["refused", "LOAD"],
  DiscardStmt: ["refused", "DISCARD"],
  PrepareStmt: ["refused", "PREPARE"],
  ExecuteStmt: ["refused", "EXECUTE"],
  DeallocateStmt: ["refused", "DEALLOCATE"],
  DeclareCursorStmt: ["refused", "DECLARE"],
  FetchStmt: ["refused", "FETCH"],
  ClosePortalStmt: ["refused", "CLOSE"],
  LockStmt: ["refused", "LOCK"],
  ConstraintsSetStmt: ["refused", "SET CONSTRAINTS"],
  ExplainStmt: ["refused", "EXPLAIN"],
  AlterSystemStmt: ["refused", "ALTER SYSTEM"],
  CreatedbStmt: ["refused", "CREATE DATABASE"],
  DropdbStmt: ["refused", "DROP DATABASE"],
  AlterDatabaseStmt: ["refused", "ALTER DATABASE"],
  AlterDatabaseSetStmt: ["refused", "ALTER DATABASE"],
  CheckPointStmt: ["refused", "CHECKPOINT"],
};

/** Strongest lock of each form of ALTER TABLE that is not ACCESS EXCLUSIVE, as PostgreSQL documents it. */
export const ALTER_LOCKS: Readonly<Record<string, string>> = {
  AT_SetStatistics: "ShareUpdateExclusiveLock",
  AT_SetOptions: "ShareUpdateExclusiveLock",
  AT_ResetOptions: "ShareUpdateExclusiveLock",
  AT_ClusterOn: "ShareUpdateExclusiveLock",
  AT_DropCluster: "ShareUpdateExclusiveLock",
  AT_SetRelOptions: "ShareUpdateExclusiveLock",
  AT_ResetRelOptions: "ShareUpdateExclusiveLock",
  AT_ValidateConstraint: "ShareUpdateExclusiveLock",
  AT_AttachPartition: "ShareUpdateExclusiveLock",
  AT_EnableTrig: "ShareRowExclusiveLock",
  AT_EnableAlwaysTrig: "ShareRowExclusiveLock",
  AT_EnableReplicaTrig: "ShareRowExclusiveLock",
  AT_DisableTrig: "ShareRowExclusiveLock",
  AT_EnableTrigAll: "ShareRowExclusiveLock",
  AT_DisableTrigAll: "ShareRowExclusiveLock",
  AT_EnableTrigUser: "ShareRowExclusiveLock",
  AT_DisableTrigUser: "ShareRowExclusiveLock",
};

const LOCK_ORDER = [
  "AccessShareLock",
  "RowShareLock",
  "RowExclusiveLock",
  "ShareUpdateExclusiveLock",
  "ShareLock",
  "ShareRowExclusiveLock",
  "ExclusiveLock",
  "AccessExclusiveLock",
];

/** `AccessExclusiveLock` as the documentation writes it. */
export const lockName = (mode: string): string =>
  mode
    .replace(/Lock$/, "")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase();

export const strongest = (modes: readonly string[]): string | undefined =>
  modes.toSorted((a, b) => LOCK_ORDER.indexOf(b) - LOCK_ORDER.indexOf(a))[0];
