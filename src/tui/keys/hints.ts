import {keyScope} from '../state/graphs.js';
import type {AppState} from '../state/model.js';
import {textWidth, wrapText} from '../terminal/char-width.js';
import {text} from '../text/text.js';
import {ACTION_GROUPS, type Action} from './action.js';
import {actionsIn, keyLabel} from './keymap.js';

/** One entry of the hint bar. */
export interface Hint {
  readonly key: string;
  readonly label: string;
  /** The key as the decoder names it. */
  readonly pressed?: string;
}

/** A hint where it stands in the bar, and the key that it is for, as the decoder names it. */
export interface HintSpan {
  readonly start: number;
  readonly end: number;
  readonly pressed: string;
}

/** The hints of the bar as the columns they take, for the mouse. */
export function hintSpans(state: AppState, actions: readonly Action[], width: number): readonly HintSpan[] {
  let start = 0;
  return hintsFor(state, actions, width).map(({key, label, pressed = key}) => {
    const end = start + textWidth(` ${key} ${label} `);
    const span = {start, end, pressed};
    start = end;
    return span;
  });
}

/** What the hint bar shows: the actions that can act now, as many as fit into `width` cells, most useful first. */
export function hintsFor(state: AppState, actions: readonly Action[], width: number): readonly Hint[] {
  const ranked = actionsIn(keyScope(state), actions)
    .filter((action) => action.hint !== undefined && action.keys.length > 0 && action.isEnabled(state) === true)
    .sort((a, b) => (a.hint?.rank ?? 0) - (b.hint?.rank ?? 0));
  const entries = ranked.map((action) => {
    const pressed = action.keys[0] ?? '';
    const hint = {key: keyLabel(pressed), label: action.hint?.label ?? '', pressed};
    return {hint, isPinned: action.hint?.isPinned === true, cells: textWidth(`${hint.key} ${hint.label}  `)};
  });
  const hints: Hint[] = [];
  let left = width;
  // Cells that pinned hints further right will take.
  let kept = entries.reduce((sum, entry) => sum + (entry.isPinned ? entry.cells : 0), 0);
  for (const {hint, isPinned, cells} of entries) {
    if (isPinned) kept -= cells;
    if (cells + kept > left) {
      left = kept;
      continue;
    }
    left -= cells;
    hints.push(hint);
  }
  return hints;
}

/** One line of the help page: a heading, or an action with its keys. */
export type HelpLine =
  | {readonly kind: 'heading'; readonly text: string}
  | {readonly kind: 'action'; readonly keys: string; readonly help: string; readonly command: string};

/** The help page, group by group. */
export function helpLines(actions: readonly Action[]): readonly HelpLine[] {
  const lines: HelpLine[] = [];
  for (const group of ACTION_GROUPS) {
    const members = actions
      .filter((action) => action.group === group)
      .sort((a, b) => (a.hint?.rank ?? 99) - (b.hint?.rank ?? 99) || (a.id < b.id ? -1 : 1));
    if (members.length === 0) continue;
    lines.push({kind: 'heading', text: text.actionGroups[group]});
    for (const action of members)
      lines.push({
        kind: 'action',
        keys: action.keys.map(keyLabel).join(' '),
        help: action.help,
        command: action.command ?? '',
      });
  }
  return lines;
}

/** The help page of what one sees: a tab, or the fleet view. */
export function helpPage(state: AppState, actions: readonly Action[]): readonly HelpLine[] {
  return helpLines(actionsIn(keyScope(state), actions));
}

/** The same with sentences of at most `width` cells: what is longer goes on in lines without keys. */
export function wrappedHelp(lines: readonly HelpLine[], width: number): readonly HelpLine[] {
  return lines.flatMap((line): readonly HelpLine[] => {
    if (line.kind === 'heading') return [line];
    return wrapText(line.help, width).map((help, index) => ({...line, help, keys: index === 0 ? line.keys : ''}));
  });
}

/** The key table of the README as Markdown. */
export function keyTable(actions: readonly Action[]): string {
  const rows = helpLines(actions).map((line) =>
    line.kind === 'heading'
      ? `| **${line.text}** | | |`
      : `| ${line.keys
          .split(' ')
          .map((key) => `\`${key.replace('|', '\\|')}\``)
          .join(' ')} | ${line.help} | ${line.command === '' ? '' : `\`${line.command}\``} |`,
  );
  return [`| ${text.actions.help.table.join(' | ')} |`, '|---|---|---|', ...rows].join('\n');
}
