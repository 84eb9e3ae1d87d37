import type { Effect } from "../../core/plan/index.ts";

/** Made by Terraform itself or by providers that touch nothing but their own state: nobody reaches them, and they hold no data. */
const INERT = /^(terraform_data|null_resource|random_\w+|time_\w+)$/;
const isInert = (type: string): boolean => INERT.test(type);

/** Kinds that hold what cannot be made again: data, queues, keys. By the words in their names, across providers. */
const STATEFUL =
  /(^|_)(db|database|databases|rds|sql|mysql|mssql|postgresql|postgres|mariadb|dynamodb_table|s3_bucket|s3_object|storage_bucket|storage_account|storage_container|storage_blob|volume|ebs_volume|disk|managed_disk|efs_file_system|fsx\w*|filestore_instance|file_share|elasticache\w*|redis\w*|memorystore\w*|redshift\w*|bigquery_dataset|bigquery_table|bigtable\w*|spanner\w*|cosmosdb\w*|documentdb\w*|docdb\w*|neptune\w*|opensearch_domain|elasticsearch_domain|kinesis_stream|sqs_queue|pubsub_topic|pubsub_subscription|eventhub|servicebus_queue|msk_cluster|kafka_topic|kms_key|key_vault|kms_crypto_key|secretsmanager_secret|secret_manager_secret|persistent_volume\w*|cognito_user_pool|route53_zone|dns_zone|ecr_repository|artifact_registry_repository|backup_vault|snapshot)($|_(instance|cluster|server|database|table|group|version|flexible_server))/;
const STATELESS =
  /(subnet_group|parameter_group|option_group|_policy|_policy_attachment|_acl|_notification|public_access_block|_association|_attachment|_alarm|_rule)$/;
export const isStateful = (type: string): boolean => STATEFUL.test(type) && !STATELESS.test(type);

/** Kinds that give or take rights. */
const RIGHTS =
  /(^|_)(iam\w*|role|roles|role_assignment|role_definition|role_binding|cluster_role\w*|policy|policies|policy_attachment|permission|permissions|lambda_permission|access_policy|access_entry|service_account|service_principal\w*|user_group_membership|group_member\w*|organizations_policy|assume_role\w*)($|_)/;
const NO_RIGHTS =
  /(scaling_policy|lifecycle_policy|autoscaling_policy|backup_policy|retention_policy|resource_policy_exemption|alert_policy|dlm_\w+)$/;
export const givesRights = (type: string): boolean => RIGHTS.test(type) && !NO_RIGHTS.test(type);

/** Attributes that only describe. */
const LABELS = /^(tags|tags_all|labels|terraform_labels|effective_labels|description|comment)$/;
const onlyLabels = (attributes: readonly string[]): boolean => attributes.length > 0 && attributes.every((name) => LABELS.test(name));

/** Words of a kind's name that policies know as surfaces. */
const SURFACES: readonly (readonly [string, RegExp])[] = [
  ["auth", /(^|_)(iam|cognito|identity|oidc|saml|role|access_policy)($|_)/],
  ["network", /(security_group|firewall|network_acl|(^|_)(vpc|subnet|route|route_table|gateway|peering|vpn)($|_))/],
  ["dns", /(dns|route53)/],
  ["secrets", /(secret|kms|key_vault|certificate|acm_)/],
];
export function surfacesOf(type: string): readonly string[] {
  const found = SURFACES.filter(([, pattern]) => pattern.test(type)).map(([surface]) => surface);
  return isStateful(type) ? [...found, "data"] : found;
}

type Judged = Pick<Effect, "reversibility" | "exposure" | "privilege">;

/** What can be said of a change by its kind and attributes alone. What is not known is said to be unknown. */
export function judged(kind: Effect["kind"], type: string, attributes: readonly string[], runs: boolean): Judged {
  if (runs) return { reversibility: "unknown", exposure: "unknown", privilege: "unknown" };
  if (isInert(type))
    return { reversibility: kind === "delete" || kind === "replace" ? "compensable" : "reversible", exposure: "none", privilege: "none" };
  const reversibility = kind === "delete" || kind === "replace" ? (isStateful(type) ? "irreversible" : "compensable") : "compensable";
  if (kind === "update" && onlyLabels(attributes)) return { reversibility: "reversible", exposure: "none", privilege: "none" };
  return { reversibility, exposure: kind === "delete" && !givesRights(type) ? "none" : "unknown", privilege: "unknown" };
}
