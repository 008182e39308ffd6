/**
 * A way through the program as a list of steps: each presses something and says what the screen shows then. Steps that
 * press the key of an action are marked with it, so that a test can tell which keys are pressed at all.
 */
import {expect} from 'vitest';
import {keyBytes} from './key-bytes.js';
import type {TerminalSession} from './terminal.js';

/** What a screen shows, no longer shows, or has highlighted. */
export type Sight = string | RegExp | {readonly gone: string | RegExp} | {readonly highlighted: string};

/** One of a journey. */
export interface Step {
  /** The action whose key it presses, and whether that acts or says why it cannot. */
  readonly action?: {readonly id: string; readonly key: string; readonly isRefused: boolean};
  readonly typed: string;
  readonly sight: Sight;
}

/** A program that is opened once, and what is done in it. */
export interface Journey {
  readonly fleet: string;
  readonly size?: {readonly columns: number; readonly rows: number};
  readonly env?: Readonly<Record<string, string>>;
  /** What the screen shows at first. */
  readonly begins: string | RegExp;
  readonly steps: readonly (Step | readonly Step[])[];
}

/** The highlighted row of the list, as a sight. */
export function row(name: string): RegExp {
  return new RegExp(`▸[ ·!✓]*${name}\\b`);
}

/** Presses a key that does what its action does. */
export function key(id: string, name: string, sight: Sight): Step {
  return {action: {id, key: name, isRefused: false}, typed: keyBytes(name), sight};
}

/** Types, or presses what is no key of an action. */
export function type(typed: string, sight: Sight): Step {
  return {typed, sight};
}

/** Esc, until something is gone. */
export function esc(gone: string | RegExp): Step {
  return {typed: keyBytes('esc'), sight: {gone}};
}

/** Presses a key that cannot act now: it says why, and the message is taken away again. */
export function refused(id: string, name: string, why: string | RegExp): readonly Step[] {
  return [{action: {id, key: name, isRefused: true}, typed: keyBytes(name), sight: why}, esc(why)];
}

/** Goes along a journey. Errors: a screen that showed a step's sight before its key proves nothing, and fails */
export async function walk(terminal: TerminalSession, steps: readonly Step[]): Promise<void> {
  for (const {action, typed, sight} of steps) {
    const what = `${action === undefined ? '' : `${action.id}: `}${JSON.stringify(typed)}`;
    expect(shows(terminal, sight), `${what}: ${tell(sight)} is so before the key is pressed`).toBe(false);
    terminal.press(typed);
    await terminal.until(`after ${what}: ${tell(sight)}`, () => shows(terminal, sight));
  }
}

function shows(terminal: TerminalSession, sight: Sight): boolean {
  if (typeof sight === 'string') return terminal.text.includes(sight);
  if (sight instanceof RegExp) return sight.test(terminal.text);
  if ('gone' in sight) return !shows(terminal, sight.gone);
  return terminal.highlights.some((text) => `${text} `.startsWith(`${sight.highlighted} `));
}

function tell(sight: Sight): string {
  if (typeof sight === 'string' || sight instanceof RegExp) return String(sight);
  return 'gone' in sight ? `no ${tell(sight.gone)}` : `${sight.highlighted} highlighted`;
}
