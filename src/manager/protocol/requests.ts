/**
 * Every request there is, derived from the noun files: a new constant there is in this table at once, and the
 * daemon's router does not compile until it has a handler.
 */
import * as agent from './agent.js';
import * as console from './console.js';
import * as daemon from './daemon.js';
import type {RequestType} from './define.js';
import * as disks from './disks.js';
import * as events from './events.js';
import * as image from './image.js';
import * as job from './job.js';
import * as machine from './machine.js';
import * as metrics from './metrics.js';
import * as network from './network.js';
import * as profile from './profile.js';
import * as snapshot from './snapshot.js';
import * as snapshotFile from './snapshot-file.js';
import * as timeline from './timeline.js';
import * as undo from './undo.js';

const nouns = {
  ...agent,
  ...console,
  ...daemon,
  ...disks,
  ...events,
  ...image,
  ...job,
  ...machine,
  ...metrics,
  ...network,
  ...profile,
  ...snapshot,
  ...snapshotFile,
  ...timeline,
  ...snapshotFile,
  ...undo,
};

type Nouns = typeof nouns;

/** Names of all requests. */
export type RequestName = {[Name in keyof Nouns]: Nouns[Name] extends RequestType ? Name : never}[keyof Nouns];

/** All requests by name. */
export type Requests = {readonly [Name in RequestName]: Nouns[Name]};

function isRequest(entry: [string, unknown]): entry is [RequestName, RequestType] {
  const value = entry[1];
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'request';
}

/** All requests as [name, type] pairs, for the router. */
export const requestList: readonly (readonly [RequestName, RequestType])[] =
  Object.entries<unknown>(nouns).filter(isRequest);
