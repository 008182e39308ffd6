import {fitCells, textWidth} from '../terminal/char-width.js';
import {visibleText} from '../terminal/visible-text.js';

/** A table for people: a heading and rows, columns as wide as their widest cell. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const clean = [heading, ...rows].map((row) => row.map(visibleText));
  const widths = heading.map((_, column) => Math.max(...clean.map((row) => textWidth(row[column] ?? ''))));
  return clean
    .map((row) =>
      row
        .map((cell, column) => fitCells(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names and values, one a line; values that are not there are left out. */
export function formatFields(fields: readonly (readonly [string, string | undefined])[]): string {
  const shown = fields.filter((field): field is [string, string] => field[1] !== undefined && field[1] !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${visibleText(value)}`).join('\n');
}
