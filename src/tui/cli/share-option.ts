/** The value of `--share`: a folder, perhaps a tag behind a colon, and `,rw` for one that the guest may change. */
import type {Share} from '../../manager/protocol/machine.js';
import {parseShare} from '../state/share-spec.js';
import {UsageError} from './report-error.js';

/** What the option takes, for the help. */
export const SHARE_USAGE = 'a folder that the guest sees, as FOLDER[:TAG][,rw]; read-only without ,rw; repeatable';

/** Parses what `parseShare` does. Errors: wrong usage */
export function parseShareOption(text: string): Share {
  const share = parseShare(text);
  if (typeof share !== 'string') return share;
  throw new UsageError(
    share,
    'Use a folder and up to 31 letters, digits, dots, dashes and underscores, for example: --share ~/work:work',
  );
}
