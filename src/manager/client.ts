/**
 * The one door into the manager for the terminal UI, the command line and tests: a typed connection to the daemon,
 * and the embedded manager for throwaway machines.
 */
export type {BenchReport, BenchSide, KernelTime} from './client/bench.js';
export {Client, type ConnectionState, type ConnectOptions} from './client/client.js';
export {ConsoleSession, type ConsoleSessionOptions} from './client/console-session.js';
export type {
  DiskCheck,
  DiskInfo,
  DiskProgress,
  DiskStretch,
  DiskTools,
  NamedImage,
  NewImage,
} from './client/disk-tools.js';
export {type Embedded, openEmbedded, type RunFirmwareOptions, type RunImageOptions} from './client/embedded.js';
export {type ImportRecipe, isAddress, readImportRecipe} from './client/import-recipe.js';
export {PrivateFile} from './client/private-file.js';
export type {SymbolPlace, SymbolTable} from './client/symbols.js';
export {openVsockStream, VSOCK_PORT_MAX} from './client/vsock-stream.js';
export {DETACH_WAIT_MS, type DetachResult, DetachScanner} from './console/detach.js';
export {GuestFilter} from './console/guest-filter.js';
