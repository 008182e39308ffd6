import type {MouseEvent} from './key-decoder.js';

/** Which mouse reports a guest's program has asked for: xterm's modes 9, 1000, 1002 and 1003. */
export type MouseTracking = 'none' | 'x10' | 'vt200' | 'drag' | 'any';

const NO_BUTTON = 3;
const LAST_PLAIN_CELL = 222;

/**
 * The report of a mouse event as the guest's program wants it, or `undefined` when it did not ask for this one.
 * Units: `event` in cells of the guest's screen, from 0. Source: xterm, ctlseqs, "Mouse Tracking"
 */
export function encodeMouse(event: MouseEvent, tracking: MouseTracking, isSgr: boolean): Uint8Array | undefined {
  const {action, button, x, y} = event;
  if (tracking === 'none' || (tracking === 'x10' && action !== 'press')) return undefined;
  if (action === 'move' && (tracking === 'vt200' || (tracking === 'drag' && button === NO_BUTTON))) return undefined;
  const isRelease = action === 'release';
  if (isSgr) return Buffer.from(`\x1b[<${codeOf(event)};${x + 1};${y + 1}${isRelease ? 'm' : 'M'}`);
  // The old form has one byte for each number.
  if (x > LAST_PLAIN_CELL || y > LAST_PLAIN_CELL) return undefined;
  const code = isRelease ? NO_BUTTON : codeOf(event);
  return Uint8Array.from([0x1b, 0x5b, 0x4d, 32 + code, 33 + x, 33 + y]);
}

function codeOf({action, button}: MouseEvent): number {
  if (action === 'wheel-up') return 64;
  if (action === 'wheel-down') return 65;
  return action === 'move' ? 32 + button : button;
}
