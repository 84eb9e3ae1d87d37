/** The door of src/witness: a witness as a server of its own, and what hands a log's heads to witnesses. */
export { anchorsFrom } from "./declared.ts";
export { startFeeder, type Feeder, type FeederSettings, type WitnessAddress } from "./feeder.ts";
export { headGuard, type HeadGuard } from "./guard.ts";
export { startWitness, type RunningWitness, type WitnessSettings } from "./server.ts";
