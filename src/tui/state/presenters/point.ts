/** Points of a timeline as words. */
import type {Snapshot, SnapshotKind} from '../../../manager/protocol/snapshot.js';
import type {ThemeToken} from '../../theme.js';
import {formatDuration} from './units.js';

/** How a kind of point looks: glyph, word, colour token. Never by colour alone. */
export interface PointLook {
  readonly glyph: string;
  readonly word: string;
  readonly token: ThemeToken;
}

const LOOKS: Readonly<Record<SnapshotKind, PointLook>> = {
  snapshot: {glyph: '◆', word: 'snapshot', token: 'accent'},
  checkpoint: {glyph: '○', word: 'checkpoint', token: 'text'},
  undo: {glyph: '↶', word: 'undo point', token: 'paused'},
};

/** The look of a kind. */
export function pointLook(kind: SnapshotKind): PointLook {
  return LOOKS[kind];
}

/** How old a point is: `34s ago`. */
export function pointAge({createdAtMs}: Pick<Snapshot, 'createdAtMs'>, nowMs: number): string {
  return `${formatDuration(nowMs - createdAtMs)} ago`;
}
