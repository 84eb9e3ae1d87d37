import type { Control } from "../control/types.ts";
import type { Clock } from "../control/ports.ts";
import type { ApiLogger, ApiSettings } from "./settings.ts";

export interface ApiDeps {
  readonly control: Control;
  readonly clock: Clock;
  readonly settings: ApiSettings;
  readonly logger?: ApiLogger;
}

/** What is given from outside: settings left out have their defaults. */
export type ApiOptions = Omit<ApiDeps, "settings"> & { readonly settings?: Partial<ApiSettings> };
