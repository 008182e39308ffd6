/** Points of a timeline as words. */
import type {Snapshot, SnapshotKind} from '../../../manager/protocol/snapshot.js';
import {text} from '../../text/text.js';
import type {ThemeToken} from '../../theme.js';
import {formatDuration} from './units.js';

/** How a kind of point looks: glyph, word, colour token. Never by colour alone. */
export interface PointLook {
  readonly glyph: string;
  readonly word: string;
  readonly token: ThemeToken;
}

const LOOKS: Readonly<Record<SnapshotKind, Omit<PointLook, 'word'>>> = {
  snapshot: {glyph: '◆', token: 'accent'},
  checkpoint: {glyph: '○', token: 'text'},
  undo: {glyph: '↶', token: 'paused'},
};

/** The look of a kind. */
export function pointLook(kind: SnapshotKind): PointLook {
  return {...LOOKS[kind], word: text.states.points[kind]};
}

/** How old a point is: `34s ago`. */
export function pointAge({createdAtMs}: Pick<Snapshot, 'createdAtMs'>, nowMs: number): string {
  return text.timeline.ago(formatDuration(nowMs - createdAtMs));
}
