/** What guests wait for an answer about, in words. Names and addresses in it are what a guest chose. */
import {type EgressQuestion, formatEgressTarget, targetOf} from '../../../manager/protocol/egress.js';
import {textWidth, wrapText} from '../../terminal/char-width.js';
import {visibleText} from '../../terminal/visible-text.js';
import {text} from '../../text/text.js';
import type {AppState} from '../model.js';
import {type MachineQuestion, newQuestions, waitingQuestions} from '../questions.js';

/** `example.org:443 (192.0.2.7) by TCP`. */
export function questionText(question: EgressQuestion): string {
  const address = question.name === undefined ? undefined : question.address;
  const target = formatEgressTarget(targetOf(question));
  return visibleText(text.network.question.target(target, address, question.protocol.toUpperCase()));
}

/** The question in the dialog, as lines of at most `width` cells; all of a long name, since its end says whose it is. */
export function questionLines(state: AppState, {machine, question}: MachineQuestion, width: number): readonly string[] {
  const others = waitingQuestions(state).length - 1;
  const more = others === 0 ? [] : [text.network.question.more(others)];
  const told = [text.network.question.wants(visibleText(machine.name)), `  ${questionText(question)}`, ...more];
  return told.flatMap((line) => breakLong(line, width));
}

/** What is told while the keyboard is the guest's; undefined when nothing new waits. */
export function questionNotice(state: AppState): string | undefined {
  const [first] = newQuestions(state);
  if (first === undefined) return undefined;
  return text.network.question.wantsTarget(visibleText(first.machine.name), questionText(first.question));
}

/** The end of a text that is too long, which of a name is what counts. */
export function keepEnd(long: string, width: number): string {
  if (textWidth(long) <= width) return long;
  return `…${long.slice(Math.max(0, long.length - width + 1))}`;
}

/** Wraps at blanks, and words that are longer than a line where it ends. */
function breakLong(line: string, width: number): string[] {
  const words = line
    .split(' ')
    .flatMap((word) => word.match(new RegExp(`.{1,${Math.max(1, width - 2)}}`, 'gu')) ?? ['']);
  return wrapText(words.join(' '), width).slice();
}
