import type {TerminalSession} from './terminal.js';

/** The cells of a screen, each with its character, width, colours and attributes. */
export function screenCells({screen}: TerminalSession): readonly (readonly string[])[] {
  const buffer = screen.buffer.active;
  return Array.from({length: screen.rows}, (_, y) =>
    Array.from({length: screen.cols}, (_, x) => {
      const cell = buffer.getLine(buffer.baseY + y)?.getCell(x);
      if (cell === undefined) return '';
      const look = [cell.getFgColor(), cell.getBgColor(), cell.isBold(), cell.isDim(), cell.isItalic()];
      const marks = [cell.isUnderline(), cell.isInverse(), cell.isStrikethrough(), cell.isInvisible()];
      return `${cell.getChars() || ' '}/${cell.getWidth()}/${[...look, ...marks].join(' ')}`;
    }),
  );
}

/** Where two screens differ first, in one sentence; `undefined` when they are the same cell by cell. */
export function differenceOf(one: TerminalSession, other: TerminalSession): string | undefined {
  const [cells, others] = [screenCells(one), screenCells(other)];
  if (cells.length !== others.length) return `one has ${cells.length} rows, the other ${others.length}`;
  for (const [y, row] of cells.entries())
    for (let x = 0; x < Math.max(row.length, others[y]?.length ?? 0); x++)
      if (row[x] !== others[y]?.[x]) return `row ${y}, column ${x}: ${row[x]} is not ${others[y]?.[x]}`;
  return undefined;
}
