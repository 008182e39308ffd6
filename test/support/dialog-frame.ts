/** What is to be seen of a dialog. */
export interface DialogLook {
  /** The words in its upper border and, all of them, in its lower one. */
  readonly title: string;
  readonly footer: string;
  /** Texts that stand in it as a whole: questions, buttons, fields. */
  readonly has: readonly string[];
  /** It lists more than its question: lines may be cut, each with an ellipsis. */
  readonly isList?: boolean;
}

/** Why a dialog does not lie on the screen as a whole, in one sentence; `undefined` when it does. */
export function misfitOf(rows: readonly string[], {title, footer, has, isList}: DialogLook): string | undefined {
  const top = rows.findIndex((row) => row.includes(`╭ ${title} ─`));
  if (top < 0) return `there is no border with “${title}”`;
  const left = rows[top]?.indexOf(`╭ ${title} ─`) ?? 0;
  const right = rows[top]?.indexOf('╮', left) ?? -1;
  if (right < 0) return 'it has no right corner';
  const bottom = rows.findIndex((row, index) => index > top && row[left] === '╰');
  if (bottom < 0) return 'it has no lower border';
  const border = rows[bottom]?.slice(left, right + 1) ?? '';
  if (!border.startsWith(`╰ ${footer} `) || !border.endsWith('╯')) return `its lower border is ${border}`;
  const inside = rows.slice(top + 1, bottom);
  const torn = inside.find((row) => row[left] !== '│' || row[right] !== '│');
  if (torn !== undefined) return `a row of it has no sides: ${torn}`;
  const lines = inside.map((row) => row.slice(left + 1, right));
  const cut = isList ? undefined : lines.find((line) => line.includes('…'));
  if (cut !== undefined) return `a line of it is cut: ${cut}`;
  // A question is wrapped where its line ends.
  const text = lines.map((line) => line.trim()).join(' ');
  const missing = has.find((one) => !text.includes(one));
  return missing === undefined ? undefined : `there is no “${missing}” in it`;
}
