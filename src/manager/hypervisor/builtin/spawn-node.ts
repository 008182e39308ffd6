/** Starts the Node.js of machine processes. */
import {type ChildProcess, spawn} from 'node:child_process';
import {closeSync, openSync, readdirSync, readlinkSync} from 'node:fs';
import {machineEnvironment} from './node-flags.js';

const DESCRIPTORS = '/proc/self/fd';
const FIRST_OTHER = 3;

/** Where it runs, and what it has to read and to write besides a pipe for its output. */
export interface NodePlace {
  readonly cwd: string;
  readonly stdin: 'ignore' | 'pipe';
  /** Descriptor of the file for what it complains of. */
  readonly log: number;
}

/**
 * Starts it in a session of its own. Of this process's descriptors it gets none but those: pseudoterminals, which node-pty
 * leaves open for children, are the consoles of other machines.
 */
export function spawnNode(args: readonly string[], {cwd, stdin, log}: NodePlace): ChildProcess {
  const nothing = openSync('/dev/null', 'r');
  try {
    return spawn(process.execPath, args, {
      ...{cwd, detached: true, env: machineEnvironment()},
      stdio: [stdin, 'pipe', log, ...covered(openTerminals(), nothing)],
    });
  } finally {
    closeSync(nothing);
  }
}

/** Descriptors of pseudoterminals. Systems that do not tell have none to cover. */
function openTerminals(): ReadonlySet<number> {
  const found = new Set<number>();
  if (process.platform !== 'linux') return found;
  for (const name of readdirSync(DESCRIPTORS)) {
    try {
      if (/^\/dev\/(pts\/)?(ptmx|\d+)$/.test(readlinkSync(`${DESCRIPTORS}/${name}`))) found.add(Number(name));
    } catch {
      // The one that the folder itself was read by.
    }
  }
  return found;
}

/** What a child gets from the fourth descriptor on: nothing in place of terminals, and of the rest what Node leaves. */
function covered(terminals: ReadonlySet<number>, nothing: number): readonly (number | 'ignore')[] {
  const last = Math.max(FIRST_OTHER - 1, ...terminals);
  return Array.from({length: last - FIRST_OTHER + 1}, (_, at) =>
    terminals.has(at + FIRST_OTHER) ? nothing : 'ignore',
  );
}
