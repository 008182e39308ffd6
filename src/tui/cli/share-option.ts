/** The value of `--share`: a folder, perhaps a tag behind a colon, and `,rw` for one that the guest may change. */
import {basename, resolve} from 'node:path';
import {SHARE_TAG, type Share} from '../../manager/protocol/machine.js';
import {UsageError} from './report-error.js';

/** What the option takes, for the help. */
export const SHARE_USAGE = 'a folder that the guest sees, as FOLDER[:TAG][,rw]; read-only without ,rw; repeatable';

/**
 * Parses `FOLDER`, `FOLDER:TAG`, each with `,rw` or `,ro` behind it. Without a tag it is the folder's own name. A colon
 * with a slash somewhere behind it is part of the folder's name. Errors: wrong usage
 */
export function parseShareOption(text: string): Share {
  const [, rest = text, mode] = /^(.*),(rw|ro)$/.exec(text) ?? [];
  const [, folder = rest, given] = /^(.+):([^/]*)$/.exec(rest) ?? [];
  const path = resolve(folder);
  const tag =
    given ??
    basename(path)
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 31);
  if (folder === '') throw new UsageError('Say which folder to share.', 'For example: --share ~/work:work');
  if (!SHARE_TAG.test(tag))
    throw new UsageError(
      `A share cannot have the tag ${JSON.stringify(tag)}.`,
      'Use up to 31 letters, digits, dots, dashes and underscores, for example: --share /srv/data:data',
    );
  return {path, tag, isReadOnly: mode !== 'rw'};
}
