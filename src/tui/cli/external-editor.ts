/** The person's own editor. */
import {spawn} from 'node:child_process';
import {accessSync, constants} from 'node:fs';
import {join} from 'node:path';
import {ManagerError} from '../../manager/protocol/errors.js';
import {text} from '../text/text.js';

/** Looked for where the environment names none. */
const USUAL_EDITORS = ['vi', 'nano'] as const;

/** The command of the editor that the environment names, `undefined` when it names none. It may have arguments. */
export function namedEditor(env: NodeJS.ProcessEnv): string | undefined {
  return [env['VISUAL'], env['EDITOR']].find((command) => command !== undefined && command.trim() !== '');
}

/** The command of an editor. Errors: file-not-found when there is none */
export function findEditor(env: NodeJS.ProcessEnv): string {
  const found = namedEditor(env) ?? USUAL_EDITORS.find((name) => isInPath(name, env));
  if (found !== undefined) return found;
  throw new ManagerError('file-not-found', text.editor.none, text.editor.noneHint);
}

function isInPath(name: string, env: NodeJS.ProcessEnv): boolean {
  return (env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** Runs an editor on a file, at this program's terminal. Errors: cancelled when it ends with another status than 0 */
export async function runEditor(command: string, path: string): Promise<void> {
  // The command is the person's own and may have arguments: a shell takes it apart, as for git.
  const child = spawn('/bin/sh', ['-c', `${command} "$@"`, command, path], {stdio: 'inherit'});
  const problem = await new Promise<string | undefined>((resolve) => {
    const {failed, killed, ended} = text.editor;
    child.on('error', (error) => resolve(failed(command, error.message)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(code === null ? killed(command, `${signal}`) : ended(command, code));
    });
  });
  if (problem !== undefined) throw new ManagerError('file-not-found', problem, text.editor.failedHint);
}
