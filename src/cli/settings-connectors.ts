/** What connectors and runners can be told: a part of the settings' one table. */
import type { Setting } from "./settings-file.ts";

/** Declared once per file; absent when the file says nothing of it. */
export interface ConnectorSettings {
  readonly runner?: { readonly name: string };
}

export const CONNECTOR_SETTINGS: readonly Setting[] = [];
