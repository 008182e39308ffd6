/** A shared folder as a person writes it: `FOLDER[:TAG][,rw]`. */
import {homedir} from 'node:os';
import {basename, join, resolve} from 'node:path';
import {SHARE_TAG, type Share} from '../../manager/protocol/machine.js';
import {text} from '../text/text.js';

/**
 * A share, or what is wrong in one sentence. Without a tag it is the folder's own name. A colon with a slash somewhere behind
 * it is part of the folder's name, and `~/` in front is the home folder.
 */
export function parseShare(spec: string): Share | string {
  const [, rest = spec, mode] = /^(.*),(rw|ro)$/.exec(spec) ?? [];
  const [, written = rest, given] = /^(.+):([^/]*)$/.exec(rest) ?? [];
  if (written === '') return text.machineFields.share.missing;
  const path = resolve(/^~(\/|$)/.test(written) ? join(homedir(), written.slice(1)) : written);
  const tag =
    given ??
    basename(path)
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 31);
  if (!SHARE_TAG.test(tag)) return text.machineFields.share.wrongTag(JSON.stringify(tag));
  return {path, tag, isReadOnly: mode !== 'rw'};
}
