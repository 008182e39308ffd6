/** Checks the folders that a machine is to share, before it is defined or run with them. */
import {constants} from 'node:fs';
import {access, realpath, stat} from 'node:fs/promises';
import {isAbsolute, sep} from 'node:path';
import {ManagerError} from '../protocol/errors.js';
import {MAX_DISKS, type Share} from '../protocol/machine.js';

/**
 * The shares with the paths that their folders really have: a machine's process is given exactly those. `privateFolders`
 * are Vivarium's own, which no guest may see or change. Errors: bad-share, file-not-found, bad-request
 */
export async function checkShares(
  shares: readonly Share[],
  diskCount: number,
  privateFolders: readonly string[],
): Promise<Share[]> {
  if (shares.length + diskCount > MAX_DISKS)
    throw new ManagerError(
      'bad-request',
      `A machine has ${MAX_DISKS} places for disks and shared folders, and this would be ${shares.length + diskCount}.`,
      'Leave some out, or share a folder that has the others in it.',
    );
  const tags = new Set<string>();
  const checked: Share[] = [];
  for (const share of shares) {
    if (tags.has(share.tag))
      throw new ManagerError(
        'bad-share',
        `Two shared folders have the tag ${share.tag}.`,
        'Give each its own: --share FOLDER:TAG',
      );
    tags.add(share.tag);
    checked.push({...share, path: await checkFolder(share, privateFolders)});
  }
  return checked;
}

async function checkFolder({path, isReadOnly}: Share, privateFolders: readonly string[]): Promise<string> {
  if (!isAbsolute(path))
    throw new ManagerError('bad-share', `The path of the shared folder ${path} is not absolute.`, 'Give a full path.');
  let real: string;
  try {
    real = await realpath(path);
    if (!(await stat(real)).isDirectory())
      throw new ManagerError('bad-share', `${path} is no folder.`, 'Share the folder it is in.');
    await access(real, constants.R_OK | constants.X_OK | (isReadOnly ? 0 : constants.W_OK));
  } catch (thrown) {
    throw unusable(thrown, path, isReadOnly);
  }
  for (const own of privateFolders) {
    const kept = await realpath(own).catch(() => own);
    if (isWithin(kept, real) || isWithin(real, kept))
      throw new ManagerError(
        'bad-share',
        `${path} cannot be shared: Vivarium keeps its own files in ${kept}.`,
        'Share a folder that has nothing to do with it.',
      );
  }
  return real;
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

function unusable(thrown: unknown, path: string, isReadOnly: boolean): ManagerError {
  if (thrown instanceof ManagerError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const options = {cause: thrown};
  if (code === 'ENOENT')
    return new ManagerError('file-not-found', `There is no folder ${path} to share.`, 'Make it first.', options);
  if (code === 'ENOTDIR')
    return new ManagerError('bad-share', `${path} is no folder.`, 'Share the folder it is in.', options);
  if (code === 'EROFS')
    return new ManagerError('bad-share', `${path} is on a file system that is only read.`, 'Leave `,rw` out.', options);
  return new ManagerError(
    'bad-share',
    `The folder ${path} may not be ${isReadOnly ? 'read' : 'written'} by you.`,
    isReadOnly ? 'Check its permissions.' : 'Check its permissions, or leave `,rw` out.',
    options,
  );
}
