/** Scripts for the host's own shell. */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';

/** Runs a script with /bin/sh and answers with what it printed. */
export async function runShell(script: string): Promise<string> {
  return (await promisify(execFile)('/bin/sh', ['-c', script])).stdout;
}
