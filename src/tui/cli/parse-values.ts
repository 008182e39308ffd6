import {InvalidArgumentError} from 'commander';
import {parseBytes} from '../state/presenters/units.js';

/** Parses a size option. Errors: commander's, with an example */
export function sizeOption(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined || bytes <= 0) throw new InvalidArgumentError('Give a size like 256M or 1G.');
  return bytes;
}

/** Makes a parser of whole numbers in a range. */
export function integerOption(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** Collects an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
