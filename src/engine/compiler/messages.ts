/** What harts and the region compiler say to each other. */
import type {RegionRequest} from '../codegen/region/request.js';
import type {RegionPage} from '../hart/regions.js';

/** From a hart: make a region. */
export interface CompileMessage {
  readonly kind: 'compile';
  readonly request: RegionRequest;
  /** How often this hart has asked for it; from the second time on it does not have the region, whoever else may. */
  readonly attempt: number;
  /** The hart's name for the request. */
  readonly op: number;
}

/** From a hart: the code of a region has changed, so that no hart will run it again. */
export interface ChangedMessage {
  readonly kind: 'changed';
  readonly batch: number;
  readonly index: number;
}

/** From a hart. */
export type MakerMessage = CompileMessage | ChangedMessage;

/** One region of a batch; its function is exported as `r<i>` by its place in the list. */
export interface BatchRegion {
  readonly index: number;
  readonly entry: number;
  readonly pages: readonly RegionPage[];
}

/**
 * To every hart, in this order on one port: regions to take, and table indices to forget (they may be given again
 * later, in a batch of another name). To the hart that asked, behind whatever came of it: its request was served, whether
 * it led to a region or not.
 */
export type CompilerMessage =
  | {
      readonly kind: 'take';
      readonly batch: number;
      readonly module: WebAssembly.Module;
      readonly regions: readonly BatchRegion[];
    }
  | {readonly kind: 'forget'; readonly indices: readonly number[]}
  | {readonly kind: 'answered'; readonly op: number};
