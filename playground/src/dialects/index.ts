import { based } from "./based";
import type { Dialect } from "./dialect";
import { records } from "./records";

/** Every dialect that the page can write, in the order in which it shows them. */
export const dialects: Dialect[] = [based, records];
