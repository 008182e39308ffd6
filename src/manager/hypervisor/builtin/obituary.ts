/** Finds out why a machine process is gone. */
import {closeSync, fstatSync, openSync, readFileSync, readSync} from 'node:fs';
import {join} from 'node:path';
import type {MachineEnd} from '../contract.js';
import {endSchema} from './link.js';

/** Bytes at the end of the process's messages that are searched. */
const TAIL_BYTES = 8192;

/** How a child process ended, where we are its parent. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * The end of a run whose process is gone: what the process itself recorded, else what its exit status and its last
 * words tell. `circumstance` stands in for the exit status when that is not known.
 */
export function explainEnd(folder: string, exit: ExitStatus | undefined, circumstance: string): MachineEnd {
  const recorded = readRecordedEnd(folder);
  if (recorded !== undefined) return recorded;
  const how = describeExit(exit) ?? circumstance;
  const words = lastWords(join(folder, 'machine.log'));
  return {kind: 'crashed', reason: words === undefined ? `${how}.` : `${how}; its last message: ${words}`};
}

function describeExit(exit: ExitStatus | undefined): string | undefined {
  if (exit === undefined) return undefined;
  if (exit.signal === 'SIGKILL') return 'The machine process was killed (SIGKILL), by someone or for lack of memory';
  if (exit.signal !== null) return `The machine process was ended by ${exit.signal}`;
  return `The machine process ended with status ${exit.code}`;
}

function readRecordedEnd(folder: string): MachineEnd | undefined {
  try {
    return endSchema.parse(JSON.parse(readFileSync(join(folder, 'end.json'), 'utf8')));
  } catch {
    // Not there when the process was killed: that is what the rest of this file is for.
    return undefined;
  }
}

/** The last message on stderr: the error line itself where one can be told from the stack below it. */
function lastWords(path: string): string | undefined {
  const lines = readTail(path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const line = lines.findLast((text) => /\b\w*Error\b|FATAL/.test(text)) ?? lines.at(-1);
  return line?.replace(/\p{Cc}/gu, ' ').slice(0, 300);
}

function readTail(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const size = fstatSync(file).size;
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString('utf8');
  } finally {
    closeSync(file);
  }
}
